"""The managed database: server, schema, writing and reading."""
