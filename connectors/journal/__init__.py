"""What happened on the way to the database: kept on disk until the database has it."""
