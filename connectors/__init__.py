"""The outside world: the database, files and simulated markets."""
