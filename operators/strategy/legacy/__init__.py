"""Strategies of older programs, made of flat lists of conditions, as documents of this one."""
