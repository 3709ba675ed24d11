"""When a symbol is evaluated on the grid: from its first event until symbol_removed."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.tape import Int64, MarketBatch

NO_GRID: Final[Int64] = np.empty(0, np.int64)


class Activity:
    """Whether a symbol is active, over consecutive batches. Anything on its tape activates it."""

    __slots__ = ("_interval_us", "active")

    def __init__(self, interval_us: int, *, active: bool = False) -> None:
        self._interval_us = interval_us
        self.active = active

    def grid_instants(self, batch: MarketBatch) -> Int64:
        """The multiples g of the interval with from_ts < g <= to_ts at which the symbol is active after all ts <= g."""
        spans = self.follow(batch)
        if self._interval_us == 0:
            return NO_GRID
        pieces = [self._multiples(start, end) for start, end in spans]
        return pieces[0] if len(pieces) == 1 else np.concatenate((NO_GRID, *pieces))

    def follow(self, batch: MarketBatch) -> list[tuple[int, int]]:
        """Takes in a batch; the stretches [start, end] of ts in which the symbol is active."""
        header = batch.header
        if any(event.kind == "symbol_removed" for event in batch.events):
            return self._spans_with_removals(batch)
        start = header.from_ts + 1
        if not self.active:
            first = _first_ts(batch)
            if first is None:
                return []
            start = max(start, first)
            self.active = True
        return [(start, header.to_ts)]

    def _multiples(self, start: int, end: int) -> Int64:
        first = -(-start // self._interval_us) * self._interval_us
        return np.arange(first, end + 1, self._interval_us, dtype=np.int64) if first <= end else NO_GRID

    def _spans_with_removals(self, batch: MarketBatch) -> list[tuple[int, int]]:
        """Stretches [start, end] of ts in which the symbol is active, walking everything in tape order."""
        moments: list[tuple[int, int, bool]] = [
            (event.ts, event.seq, event.kind == "symbol_removed") for event in batch.events
        ]
        for rows in (batch.trades, batch.books):
            moments += [(ts, seq, False) for ts, seq in zip(rows.ts.tolist(), rows.seq.tolist(), strict=True)]
        spans: list[tuple[int, int]] = []
        start = batch.header.from_ts + 1
        for ts, _, removed in sorted(moments):
            if removed and self.active:
                spans.append((start, ts - 1))
            elif not removed and not self.active:
                start = max(ts, batch.header.from_ts + 1)
            self.active = not removed
        if self.active:
            spans.append((start, batch.header.to_ts))
        return spans


def _first_ts(batch: MarketBatch) -> int | None:
    """The ts of the first thing in the batch."""
    firsts = [int(rows.ts[0]) for rows in (batch.trades, batch.books) if len(rows)]
    firsts += [event.ts for event in batch.events]
    return min(firsts, default=None)
