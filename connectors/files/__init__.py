"""Market data files and what they hold on the tape."""
