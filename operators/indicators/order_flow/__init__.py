"""Indicators of who trades: takers that buy against takers that sell."""
