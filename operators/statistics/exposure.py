"""How long money was at risk, and how much was moved."""

from __future__ import annotations

import math
from collections.abc import Iterable

from operators.results import Fill, Position
from operators.statistics.trades import is_open
from operators.tape import MICROSECONDS


def exposure_seconds(positions: Iterable[Position], tape_from: int, tape_to: int) -> float:
    """Seconds of tape time with at least one open position: the union of [first fill, close], clipped to the session.

    Overlapping positions count once; a position that is still open counts to the end of the tape.
    """
    spans = sorted(
        (
            max(position.timestamp, tape_from),
            tape_to if is_open(position) or position.closed_at is None else min(position.closed_at, tape_to),
        )
        for position in positions
    )
    total, covered_to = 0, tape_from
    for start, end in spans:
        start = max(start, covered_to)
        if end > start:
            total += end - start
            covered_to = end
    return total / MICROSECONDS


def turnover(fills: Iterable[Fill]) -> float:
    """Σ price · quantity over all fills, entries and exits, in quote."""
    return math.fsum(fill.price * fill.quantity for fill in fills)
