"""Indicators over closed bars of tape time."""
