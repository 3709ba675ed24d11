"""Indicators of the price: averages over time and volume, first, last and extreme prices, distances from levels."""
