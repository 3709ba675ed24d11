"""What a supervisor says: lines with time and level on standard error, which goes to the session's `supervisor.log`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Literal


def say(level: Literal["INFO", "WARNING", "CRITICAL"], text: str) -> None:
    """One line; CRITICAL is an alarm: somebody has to look."""
    now = datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    print(f"{now}Z {level} {' '.join(text.split())}", file=sys.stderr, flush=True)
