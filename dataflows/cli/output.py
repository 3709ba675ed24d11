"""What every command shares: printing for people and for machines, and how errors end."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

DB_HELP: Final = "An external database: `http::addr=HOST:9000;pg_port=8812;`, then `username=…;password=…;`."
"""The help of the option --db, in pieces that a terminal of 80 columns does not cut off."""

console = Console(highlight=False)
"""For people: standard output."""
messages = Console(stderr=True, highlight=False)
"""Progress and errors: standard error, so that `--json` output stays clean."""


def plain(value: Any) -> Any:
    """A value as JSON has it: NaN and infinities become null, numpy scalars become numbers, tuples become lists."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    return value


def print_json(event: str, **fields: Any) -> None:
    """One JSON object on one line, `event` first; the last line of a command has the event `finished`."""
    sys.stdout.write(json.dumps({"event": event, **plain(fields)}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def login_name() -> str | None:
    """Who is logged in, None where nobody is: a container, a service."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
