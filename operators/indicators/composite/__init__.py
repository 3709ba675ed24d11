"""Scores made of several measures."""
