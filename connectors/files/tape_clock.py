"""Tape time from the times of a file: never backwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

from connectors.files.errors import BackwardStep
from operators.tape import MICROSECONDS, Int64

TOLERANCE_US: Final = MICROSECONDS
"""How far a row may lie behind the newest one before it; further is an error, not jitter."""


class TapeClock:
    """Stamps rows in the order in which they come. A row up to one second behind the newest one gets the newest one's
    time (its true time stays in `exchange_ts`); one further behind raises `BackwardStep` naming the line."""

    def __init__(self) -> None:
        self._latest = 0
        self.stepped_back = 0
        """Rows that were stamped later than their own time."""

    def stamp(self, times: Int64, lines: Int64, label: str) -> Int64:
        """The tape times of rows with these times; `label` names their file."""
        if not len(times):
            return times
        if times[0] >= self._latest and bool(np.all(times[1:] >= times[:-1])):
            self._latest = int(times[-1])
            return times
        stamped = np.maximum(np.maximum.accumulate(times), self._latest)
        behind = stamped - times
        if (far := np.flatnonzero(behind > TOLERANCE_US)).size:
            row = int(far[0])
            raise BackwardStep(
                f"{label} line {lines[row]}: time goes back by {behind[row] / MICROSECONDS:.3f} s, from "
                f"{_shown(int(stamped[row]))} to {_shown(int(times[row]))}; at most 1 s is allowed, "
                "--sort sorts all rows"
            )
        self.stepped_back += int(np.count_nonzero(behind))
        self._latest = int(stamped[-1])
        result: Int64 = stamped
        return result


def _shown(us: int) -> str:
    return f"{datetime.fromtimestamp(us / MICROSECONDS, UTC):%Y-%m-%d %H:%M:%S.%f}"
