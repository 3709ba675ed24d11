"""Where this project keeps its state and which database it uses: from the environment and the command line only."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The state folder: `TAPEFLOW_HOME`, or `.tapeflow` in the current folder."""
    return Path(os.environ.get("TAPEFLOW_HOME") or ".tapeflow").absolute()


def database_configuration(option: str | None = None) -> str | None:
    """The configuration string of an external database: `--db`, or `QUESTDB_CONF`; None = the managed server."""
    return option or os.environ.get("QUESTDB_CONF") or None
