"""Session life cycle, launcher and supervisor."""
