"""A value at every whole second of tape time, and its extreme over the seconds before an instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from operators.evaluation import NO_SEQ
from operators.indicators.kernels.bars import sliding_extreme
from operators.indicators.kernels.evaluate import evaluate
from operators.indicators.kernels.layout import (
    CLOCK_TS,
    EDGE_BREAK,
    EDGE_CURSOR,
    EDGE_OFFSET,
    EDGE_STREAM,
    INSTANT_BOOKS,
    INSTANT_SEQ,
    INSTANT_TRADES,
    INSTANT_TS,
    RING_TS,
)
from operators.indicators.plan import PeakMeasure
from operators.indicators.ring import Ring
from operators.tape import MICROSECONDS, Float64, Int64, SliceHeader

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class PeakSnapshot:
    """The values at the newest whole seconds, the last of them at `last_second` (µs; None: none yet)."""

    last_second: int | None
    values: Float64


class PeakSeries:
    """The values of one symbol at whole seconds. A second's value has seen everything with ts up to the second; what
    is evaluated at that very time itself is not among the seconds before it."""

    __slots__ = ("_last_second", "_measure", "_needed", "_values")

    def __init__(self, measure: PeakMeasure) -> None:
        self._measure = measure
        self._needed = measure.lookback_us // MICROSECONDS + 1
        self._values: Float64 = np.empty(0)
        self._last_second: int | None = None

    def follow(self, rings: tuple[Ring, ...], breaks: tuple[Int64, ...], header: SliceHeader, max_events: int) -> None:
        """Sample the whole seconds up to the end of a slice, of which everything is in the rings. The first ones come
        after its beginning; those that no instant to come looks back to are left out, after a long silence or in the
        head of a lead-in."""
        begun = header.from_ts // MICROSECONDS * MICROSECONDS if self._last_second is None else self._last_second
        before_instants = header.to_ts if header.lead_in else header.from_ts
        forgotten = (before_instants - self._measure.lookback_us) // MICROSECONDS * MICROSECONDS
        if begun < forgotten:
            begun, self._values = forgotten, np.empty(0)
        self._last_second = begun
        seconds = np.arange(begun + MICROSECONDS, header.to_ts + 1, MICROSECONDS, dtype=np.int64)
        if not len(seconds):
            return
        new = self._evaluated(seconds, rings, breaks, max_events)
        self._values = np.concatenate((self._values[max(len(self._values) - self._needed, 0) :], new))
        self._last_second = int(seconds[-1])

    def fill(self, ts: Int64, out: Float64) -> None:
        """The extreme of the seconds in (ts − lookback, ts) at each of these times; NaN where none has a value."""
        count, last_second = len(self._values), self._last_second or 0
        # the place of a second is count − 1 + (second − last_second) / 1 s
        first = np.clip(count + (ts - self._measure.lookback_us - last_second) // MICROSECONDS, 0, count)
        last = np.clip(count + (ts - 1 - last_second) // MICROSECONDS, 0, count)
        sliding_extreme(self._values, float(self._measure.sign), first, last, out)

    def snapshot(self) -> PeakSnapshot:
        """What is kept over a restart."""
        return PeakSnapshot(self._last_second, self._values[max(len(self._values) - self._needed, 0) :].copy())

    def restore(self, snapshot: PeakSnapshot) -> None:
        """Go on from a snapshot."""
        self._last_second, self._values = snapshot.last_second, snapshot.values.copy()

    def _evaluated(
        self, seconds: Int64, rings: tuple[Ring, ...], breaks: tuple[Int64, ...], max_events: int
    ) -> Float64:
        plan, count, block = self._measure.value, len(seconds), min(_BLOCK, len(seconds))
        instants: Int64 = np.empty((4, count), np.int64)
        instants[INSTANT_TS], instants[INSTANT_SEQ] = seconds, NO_SEQ
        seen = [np.searchsorted(ring.times[RING_TS, 1 : ring.end], seconds, side="right") for ring in rings]
        instants[INSTANT_TRADES], instants[INSTANT_BOOKS] = seen
        values: Float64 = np.empty((1, count))
        trades, books = rings
        evaluate(
            trades.times, trades.data, breaks[0], 0, books.times, books.data, breaks[1], 0,
            max_events, self._edges(int(seconds[0]), rings, breaks), np.zeros((0, 0), np.int64),
            np.zeros((0, 3), np.int64), plan.program, plan.constants,
            np.zeros((len(plan.edges), block), np.int64), np.zeros((len(plan.edges) + 2, block)),
            np.zeros((plan.rows, block)), instants, values, np.empty((0, 0)), np.empty((0, 0)), np.empty(count),
        )  # fmt: skip
        return values[0]

    def _edges(self, second: int, rings: tuple[Ring, ...], breaks: tuple[Int64, ...]) -> Int64:
        """The plan's edges with their cursors where they are at a second."""
        edges: Int64 = np.zeros((len(self._measure.value.edges), 4), np.int64)
        edges[:, : EDGE_OFFSET + 1] = self._measure.value.edges
        for edge in edges:
            ring, clock = rings[edge[EDGE_STREAM]], breaks[edge[EDGE_STREAM]]
            at = second - edge[EDGE_OFFSET]
            edge[EDGE_CURSOR] = np.searchsorted(ring.times[RING_TS, 1 : ring.end], at, side="right")
            edge[EDGE_BREAK] = max(int(np.searchsorted(clock[CLOCK_TS], at, side="right")) - 1, 0)
        return edges
