"""Indicators of how much and how often is traded."""
