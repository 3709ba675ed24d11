"""Wiring: one module per mode that builds a dataflow, the session life cycle, the supervisor, the command line."""
