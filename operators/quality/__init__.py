"""How good a recorded tape is: gaps and a score per symbol."""
