"""Indicators of the order book: quotes, spread and depth."""
