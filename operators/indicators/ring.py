"""The recent events of one stream of one symbol, as contiguous columns with their running sums.

`times[3, capacity]` = ts, seq, observed clock; `data[rows, capacity]` = the tape's columns, then columns computed from
them, then running sums (`plan.StreamTables` says which). Slots 0..end are in use. Slot 0 of a fresh ring stands for
the time before the first event: no price, sums 0, and its ts is when observation began (or never). So every edge of a
window has a slot "at or before it", and no kernel needs a case for the beginning of a tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from operators.evaluation import NO_SEQ
from operators.indicators.clock import NEVER, Moment
from operators.indicators.kernels.append import append_events, move_down
from operators.indicators.kernels.layout import RING_CLOCK, RING_SEQ, RING_TS
from operators.indicators.plan import StreamTables
from operators.tape import Float64, Int64

AFTER_ALL: Final = 2**62
"""The ts of the slot behind the newest event: no search goes on there."""
_LEAST_CAPACITY: Final = 248
_UNALIGNED: Final = 24
"""Added to capacities so that rows do not start at the same place of every cache set."""


@dataclass(frozen=True, slots=True)
class RingSlot:
    """One slot of a ring: its ts, seq and observed clock, and its data rows."""

    times: Int64
    data: Float64

    @property
    def moment(self) -> Moment:
        """Its place on the tape."""
        return int(self.times[RING_TS]), int(self.times[RING_SEQ])


class Ring:
    """A growing and shrinking store of events; see the module. `raw` is how many data rows come from the tape."""

    __slots__ = ("_tables", "capacity", "data", "end", "times")

    def __init__(self, tables: StreamTables, raw: int, oldest: RingSlot | None = None) -> None:
        self._tables = tables
        self.capacity = _LEAST_CAPACITY
        self.times: Int64 = np.zeros((3, self.capacity), np.int64)
        self.times[RING_TS] = AFTER_ALL
        self.data: Float64 = np.zeros((tables.rows, self.capacity), np.float64)
        self.end = 1
        if oldest is not None:
            self.times[:, 0] = oldest.times
            self.data[:, 0] = oldest.data
        else:
            self.times[:, 0] = (NEVER, NO_SEQ, 0)
            self.data[:raw, 0] = np.nan
            self.data[tables.derived[:, 1], 0] = np.nan
            self.data[[row for _, _, row in tables.measured], 0] = np.nan

    @property
    def fresh(self) -> bool:
        """Whether no event has ever come."""
        return self.end == 1 and int(self.times[RING_SEQ, 0]) == NO_SEQ

    def begin(self, moment: Moment) -> None:
        """Observation begins before the first event. Slot 0 has no clock: in its place is the seq of the beginning."""
        self.times[RING_TS, 0], self.times[RING_CLOCK, 0] = moment

    def make_room(self, count: int, keep: int) -> int:
        """Room for `count` more events; slots before `keep` are not needed. Returns by how much slots moved down.

        Slots move when the ring is full or few of them are needed, so the copying is O(1) per event over time.
        """
        live = self.end - keep
        if self.end + count < self.capacity and keep < max(3 * live, _LEAST_CAPACITY):
            return 0
        needed = live + count
        if 2 * needed > self.capacity or 8 * needed < self.capacity:
            self.capacity = max(_LEAST_CAPACITY, 3 * needed // 8 * 8) + _UNALIGNED
            times = np.zeros((self.times.shape[0], self.capacity), np.int64)
            times[RING_TS] = AFTER_ALL
            data = np.zeros((self.data.shape[0], self.capacity), np.float64)
            times[:, :live] = self.times[:, keep : self.end]
            data[:, :live] = self.data[:, keep : self.end]
            self.times, self.data = times, data
        else:
            move_down(self.times, self.data, keep, self.end)
        self.end = live
        return keep

    def append(
        self,
        ts: Int64,
        seq: Int64,
        columns: tuple[NDArray[Any], ...],
        breaks: Int64,
        measured: Sequence[Float64] = (),
    ) -> None:
        """Events in tape order, with the tape's columns in the order of the raw rows, and those measured over levels
        of the book in the order of the tables; there must be room."""
        first, end = self.end, self.end + len(ts)
        self.times[RING_TS, first:end] = ts
        self.times[RING_TS, end] = AFTER_ALL
        self.times[RING_SEQ, first:end] = seq
        for row, column in enumerate(columns):
            self.data[row, first:end] = column
        for (_, _, row), column in zip(self._tables.measured, measured, strict=True):
            self.data[row, first:end] = column
        append_events(
            self.times, self.data, first, end, breaks, self._tables.derived, self._tables.steps, self._tables.sums
        )
        self.end = end

    def slot(self, at: int) -> RingSlot:
        """A copy of one slot."""
        return RingSlot(self.times[:, at].copy(), self.data[:, at].copy())

    def newest_moment(self) -> Moment:
        """Where the newest event is on the tape."""
        return int(self.times[RING_TS, self.end - 1]), int(self.times[RING_SEQ, self.end - 1])

    def last_at_or_before(self, ts: int) -> int:
        """The slot in force at `ts`."""
        return int(np.searchsorted(self.times[RING_TS, 1 : self.end], ts, side="right"))
