"""What signals on recorded pumps are worth: found, in time, false; and the same by chunks of 25 seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.pump_tapes import AROUND_US, PumpTape
from operators.tape import MICROSECONDS, Int64

SECONDS: Final = 5.0
"""A pump is signalled in time if so long after its first +5 %, or before."""
BEFORE_SECONDS: Final = 120.0
AFTER_SECONDS: Final = 600.0
"""Signals so long before and after the first +5 % belong to the pump."""
EARLY_SECONDS: Final = 30.0
"""Signals that come so long before it are told apart: the price had risen, but not yet by 5 % of the tape's base."""
BUDGET: Final = 0.1
"""False signals per symbol and day that are allowed."""
CHUNK_US: Final = 25 * MICROSECONDS
_DAY_US: Final = 86_400 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """One tape: `delay` of the first signal in seconds after the first +5 % (None: no signal, or no pump), `false`
    signals in `days` outside the hour around the announcement, and chunks: a pump is `hit` where a signal lies in the
    chunk of its first +5 % or the next one to it, `stray` are the chunks with any other signal."""

    name: str
    pump: bool
    delay: float | None
    false: int
    days: float
    hit: bool
    stray: int

    @property
    def in_time(self) -> bool:
        return self.delay is not None and self.delay <= SECONDS

    def __str__(self) -> str:
        told = "no pump came of it" if not self.pump else "missed"
        if self.delay is not None:
            told = f"signalled {self.delay:+.1f} s after the first +5 %"
        return f"{self.name}: {told}; {self.false} false"


@dataclass(frozen=True, slots=True)
class Score:
    """Several tapes together; `early` are those of the pumps in time whose signal came long before; `precision`,
    `recall` and `f1` are those of chunks."""

    pumps: int
    found: int
    in_time: int
    early: int
    false: int
    days: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Score:
        every = list(outcomes)
        pumps = [one for one in every if one.pump]
        hits, stray = sum(one.hit for one in pumps), sum(one.stray for one in every)
        precision = hits / (hits + stray) if hits + stray else float("nan")
        recall = hits / len(pumps) if pumps else float("nan")
        return cls(
            pumps=len(pumps),
            found=sum(one.delay is not None for one in pumps),
            in_time=sum(one.in_time for one in pumps),
            early=sum(one.delay is not None and one.delay < -EARLY_SECONDS for one in pumps),
            false=sum(one.false for one in every),
            days=sum(one.days for one in every),
            precision=precision,
            recall=recall,
            f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        )

    @property
    def false_per_day(self) -> float:
        """False signals per symbol and day."""
        return self.false / self.days if self.days else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.pumps} pumps found, {self.in_time} in time ({self.early} early), "
            f"{self.false} false signals in {self.days:.0f} symbol-days ({self.false_per_day:.3f} a day); "
            f"chunks of 25 s: precision {self.precision:.2f}, recall {self.recall:.2f}, F1 {self.f1:.2f}"
        )


def outcome(tape: PumpTape, start: int, end: int, signals: Int64) -> Outcome:
    """What the signals of a tape from `start` to `end` (µs) are worth.

    Around an announcement that no pump came of, or only one that had begun long before, nothing is counted.
    """
    near = np.abs(signals - tape.event) <= AROUND_US
    spared = max(0, min(end, tape.event + AROUND_US) - max(start, tape.event - AROUND_US))
    false, days = int((~near).sum()), (end - start - spared) / _DAY_US
    if tape.first_5pct is None:
        stray = np.unique((signals[~near] - start) // CHUNK_US)
        return Outcome(tape.name, False, None, false, days, False, len(stray))
    after = (signals - tape.first_5pct) / MICROSECONDS
    own = after[(after >= -BEFORE_SECONDS) & (after <= AFTER_SECONDS)]
    chunks = np.unique((signals - start) // CHUNK_US)
    hit = np.abs(chunks - (tape.first_5pct - start) // CHUNK_US) <= 1
    delay = float(own[0]) if len(own) else None
    return Outcome(tape.name, True, delay, false, days, bool(hit.any()), int((~hit).sum()))
