"""Pages that read the database. Known by nobody: no other package may import this one."""
