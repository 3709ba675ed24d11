"""The version of the program."""

from importlib.metadata import version


def program_version() -> str:
    """As installed, e.g. `0.1.0`."""
    return version("tapeflow")
