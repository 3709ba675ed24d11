"""Strategies: documents, conditions and their verdicts over whole arrays."""
