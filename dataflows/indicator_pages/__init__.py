"""What people read of the catalogue of indicators: the page `docs/indicators.md` with its plots, and the terminal."""
