"""Indicators of movement: how far, how fast and how lasting the price moves."""
