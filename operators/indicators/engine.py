"""The indicators of one symbol: rings, clocks and cursors that go from batch to batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.evaluation import Evaluation, Instants
from operators.indicators.activity import NO_GRID, Activity
from operators.indicators.book.levels import measure_levels
from operators.indicators.clock import NEVER, ObservedClock
from operators.indicators.compile import compile_plan, longest_window_us
from operators.indicators.errors import SnapshotMismatch, WarmUpIncomplete
from operators.indicators.kernels.evaluate import evaluate
from operators.indicators.kernels.instants import merge_instants
from operators.indicators.kernels.layout import (
    BOOKS,
    EDGE_BREAK,
    EDGE_CURSOR,
    EDGE_OFFSET,
    EDGE_STREAM,
    EXTREME_BEST,
    EXTREME_BOUNDARY,
    EXTREME_PUSHED,
    INSTANT_TS,
    RING_TS,
    TRADES,
)
from operators.indicators.ring import Ring, RingSlot
from operators.indicators.sampled.inputs import SampledInputs
from operators.indicators.series import RAW_ROWS, STREAM_NAMES
from operators.indicators.snapshot import SNAPSHOT_SCHEMA, EngineSnapshot, StreamSnapshot, settings_digest
from operators.tape import Books, Float64, Int8, Int64, MarketBatch, Trades

__all__ = ["DEFAULT_INTERVAL_US", "DEFAULT_MAX_RING_EVENTS", "IndicatorEngine", "longest_window_us"]

DEFAULT_INTERVAL_US: Final = 1_000_000
DEFAULT_MAX_RING_EVENTS: Final = 2**20

_BLOCK: Final = 512
"""Instants per pass of the kernel: all scratch rows stay in the processor's second-level cache."""
_SMALL_BLOCK: Final = 8
"""Enough for the batches of a quiet live market, so that a thousand idle symbols need little memory."""
_MANY_BREAKS: Final = 64


class IndicatorEngine:
    """Computes canonical `ids` for one symbol, batch by batch, in tape order.

    The values depend on the tape only, bit for bit, never on how it is cut into batches. `evaluation_interval_us` is
    the grid of evaluation instants (0 = none). An evaluation sees the last `max_ring_events` events of each stream;
    `ring_overflows` counts the values that were NaN because a window reached further back.
    """

    __slots__ = (
        "_activity", "_best_from", "_clocks", "_digest", "_edges", "_extreme_state", "_ids", "_longest_edges",
        "_max_events", "_no_cover", "_plan", "_refilled", "_restored", "_rings", "_sampled", "_scratch",
        "_stream_edges", "_watermark", "_with_cover", "ring_overflows",
    )  # fmt: skip

    def __init__(
        self,
        ids: Sequence[str],
        evaluation_interval_us: int = DEFAULT_INTERVAL_US,
        max_ring_events: int = DEFAULT_MAX_RING_EVENTS,
        with_cover: bool = False,
    ) -> None:
        if evaluation_interval_us < 0:
            raise ValueError(f"evaluation_interval_us is {evaluation_interval_us}; allowed: 0 (off) or more")
        if max_ring_events < 1:
            raise ValueError(f"max_ring_events is {max_ring_events}; allowed: 1 or more")
        self._ids = tuple(ids)
        self._plan = compile_plan(self._ids)
        self._digest = settings_digest(self._ids, evaluation_interval_us, max_ring_events)
        self._max_events = max_ring_events
        self._with_cover = with_cover
        self._activity = Activity(evaluation_interval_us)
        self._clocks = tuple(ObservedClock(name, synchronised=name == STREAM_NAMES[BOOKS]) for name in STREAM_NAMES)
        self._rings = tuple(Ring(tables, raw) for tables, raw in zip(self._plan.streams, RAW_ROWS, strict=True))
        self._edges = np.zeros((len(self._plan.edges), 4), np.int64)
        self._edges[:, : EDGE_OFFSET + 1] = self._plan.edges
        self._stream_edges = tuple(np.flatnonzero(self._edges[:, EDGE_STREAM] == stream) for stream in (TRADES, BOOKS))
        self._longest_edges = tuple(
            int(edges[np.argmax(self._edges[edges, EDGE_OFFSET])]) for edges in self._stream_edges
        )
        self._extreme_state = np.zeros((len(self._plan.extremes), 3), np.int64)
        self._best_from: Int64 = np.zeros((0, 0), np.int64)
        self._size_extremes()
        self._scratch = _scratch(self._plan.rows, len(self._edges), _SMALL_BLOCK)
        self._no_cover: Float64 = np.empty((0, 0))
        self._sampled = SampledInputs(self._plan.sampled)
        self._watermark = NEVER
        self._restored: EngineSnapshot | None = None
        self._refilled = [0, 0]
        self.ring_overflows = 0

    # --- batches ------------------------------------------------------------------------------------------------------

    def on_batch(self, batch: MarketBatch) -> Evaluation:
        """The values at the batch's instants. A batch of the lead-in has none: it goes into rings and clocks only; nor
        has a warm-up batch, which refills the rings after a restart.

        Raises `WarmUpIncomplete` where, after a restart, not all of the warm-up came before.
        """
        if self._restored is not None:
            if batch.header.warmup:
                self._refill(batch)
                return without_instants(batch, self._ids, self._with_cover)
            self._check_refilled(self._restored, batch.header.from_ts)
            self._restored = None
        if batch.header.lead_in:
            self._activity.follow(batch)
            self._take_in(batch)
            return without_instants(batch, self._ids, self._with_cover)
        grid = self._activity.grid_instants(batch)
        trades_before, books_before = self._take_in(batch)
        return self._evaluate(batch, grid, trades_before, books_before)

    def _take_in(self, batch: MarketBatch) -> tuple[int, int]:
        """Clocks and rings move on; returns the slots of the newest trade and book before the batch."""
        self._follow_clocks(batch)
        trades_before = self._append_trades(batch.trades)
        books_before = self._append_books(batch.books)
        self._watermark = batch.header.to_ts
        if self._plan.sampled:
            newest = max(int(ring.times[RING_TS, ring.end - 1]) for ring in self._rings)
            breaks = tuple(clock.breaks for clock in self._clocks)
            self._sampled.follow(self._rings, breaks, batch.header, newest, self._max_events)
        return trades_before, books_before

    def _evaluate(self, batch: MarketBatch, grid: Int64, trades_before: int, books_before: int) -> Evaluation:
        trades, books = self._rings
        count = (trades.end - trades_before) + (books.end - books_before) + len(grid) - 2
        if count == 0:
            return without_instants(batch, self._ids, self._with_cover)
        instants: Int64 = np.empty((4, count), np.int64)
        kinds: Int8 = np.empty(count, np.int8)
        values: Float64 = np.empty((len(self._ids), count))
        last_price: Float64 = np.empty(count)
        cover: Float64 = np.ones((len(self._ids), count)) if self._with_cover else self._no_cover
        if count > self._scratch[0].shape[1] and self._scratch[0].shape[1] < _BLOCK:
            self._scratch = _scratch(self._plan.rows, len(self._edges), _BLOCK)
        merge_instants(
            trades.times, trades_before + 1, trades.end, books.times, books_before + 1, books.end, grid, instants, kinds
        )
        self.ring_overflows += evaluate(
            trades.times, trades.data, self._clocks[TRADES].breaks, trades_before,
            books.times, books.data, self._clocks[BOOKS].breaks, books_before,
            self._max_events, self._edges, self._best_from, self._extreme_state,
            self._plan.program, self._plan.constants, *self._scratch,
            instants, values, self._sampled.rows(instants[INSTANT_TS]), cover, last_price,
        )  # fmt: skip
        return Evaluation(
            batch,
            Instants(instants[0], instants[1], kinds, instants[2], instants[3]),
            self._ids,
            values,
            last_price,
            cover if self._with_cover else None,
        )

    def _append_trades(self, trades: Trades) -> int:
        """Adds trades to their ring; returns the slot of the newest event before them."""
        ring = self._rings[TRADES]
        if not len(trades.ts):
            return ring.end - 1
        self._make_room(TRADES, len(trades.ts))
        before = ring.end - 1
        ring.append(trades.ts, trades.seq, (trades.price, trades.qty, trades.side), self._clocks[TRADES].breaks)
        return before

    def _append_books(self, books: Books) -> int:
        """Adds books to their ring; returns the slot of the newest event before them."""
        ring = self._rings[BOOKS]
        if not len(books.ts):
            return ring.end - 1
        self._make_room(BOOKS, len(books.ts))
        before = ring.end - 1
        measured = [measure_levels(code, levels, books) for code, levels, _ in self._plan.streams[BOOKS].measured]
        best = (books.bid_px[:, 0], books.ask_px[:, 0])
        ring.append(books.ts, books.seq, best, self._clocks[BOOKS].breaks, measured)
        return before

    def _make_room(self, stream: int, count: int) -> None:
        """Room in a ring; what no window of a later instant can reach goes."""
        ring = self._rings[stream]
        capacity = ring.capacity
        oldest = int(self._edges[self._longest_edges[stream], EDGE_CURSOR])
        shift = ring.make_room(count, max(oldest, ring.end - 1 - self._max_events - 1))
        if shift:
            cursors = self._edges[self._stream_edges[stream], EDGE_CURSOR]
            self._edges[self._stream_edges[stream], EDGE_CURSOR] = np.maximum(cursors - shift, 0)
        if shift or ring.capacity != capacity:
            self._size_extremes()

    def _size_extremes(self) -> None:
        """Nothing is known of extremes over the rings as they are now; the kernel looks at their windows again."""
        if not self._plan.extremes:
            return
        capacity = max(ring.capacity for ring in self._rings)
        if self._best_from.shape[1] != capacity:
            self._best_from = np.zeros((len(self._plan.extremes), capacity), np.int64)
        cursors = self._edges[[extreme.from_edge for extreme in self._plan.extremes], EDGE_CURSOR]
        self._extreme_state[:, EXTREME_BOUNDARY] = cursors
        self._extreme_state[:, EXTREME_BEST] = 0
        self._extreme_state[:, EXTREME_PUSHED] = cursors

    def _follow_clocks(self, batch: MarketBatch) -> None:
        """Observation switched on or off, books out of step and in step again."""
        for stream, rows in ((TRADES, batch.trades), (BOOKS, batch.books)):
            clock = self._clocks[stream]
            if not batch.events and not (clock.waiting and len(rows.ts)):
                continue
            started = clock.follow(batch.events, rows.ts, rows.seq)
            ring = self._rings[stream]
            unseen = ring.fresh and ring.times[RING_TS, 0] == NEVER
            if started and unseen and (not len(rows.ts) or (rows.ts[0], rows.seq[0]) > started):
                ring.begin(started)
            if clock.breaks.shape[1] > _MANY_BREAKS:
                dropped = clock.forget(self._watermark - self._plan.longest_us)
                breaks = self._edges[self._stream_edges[stream], EDGE_BREAK]
                self._edges[self._stream_edges[stream], EDGE_BREAK] = np.maximum(breaks - dropped, 0)

    # --- restarts -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> EngineSnapshot:
        """The state at the end of the last batch; while warm-up is under way, the state that it leads to."""
        if self._restored is not None:
            return self._restored
        horizon = self._watermark - self._plan.longest_us
        trades, books = (self._stream_snapshot(stream, horizon) for stream in (TRADES, BOOKS))
        return EngineSnapshot(
            SNAPSHOT_SCHEMA, self._digest, self._watermark, self._activity.active, self.ring_overflows, (trades, books),
            self._sampled.snapshot(),
        )  # fmt: skip

    def _stream_snapshot(self, stream: int, horizon: int) -> StreamSnapshot:
        ring, clock = self._rings[stream], self._clocks[stream]
        oldest = max(ring.last_at_or_before(horizon), ring.end - 1 - self._max_events - 1)
        events = ring.end - 1 - oldest
        first = ring.slot(oldest)
        newest = ring.slot(ring.end - 1) if events else first
        return StreamSnapshot(first, events, newest, clock.since(horizon), clock.state())

    @classmethod
    def restore(
        cls,
        snapshot: EngineSnapshot,
        ids: Sequence[str],
        evaluation_interval_us: int = DEFAULT_INTERVAL_US,
        max_ring_events: int = DEFAULT_MAX_RING_EVENTS,
        with_cover: bool = False,
    ) -> IndicatorEngine:
        """An engine that goes on from a snapshot, given the warm-up batches first.

        These must hold at least everything with ts in (watermark − longest window, watermark]; nothing at all of a
        stream whose newest event no window of the first slice reaches. Raises `SnapshotMismatch` for a snapshot of
        other indicators, settings or another schema.
        """
        if snapshot.schema != SNAPSHOT_SCHEMA:
            raise SnapshotMismatch(f"indicator state has schema {snapshot.schema}; allowed: {SNAPSHOT_SCHEMA}")
        engine = cls(ids, evaluation_interval_us, max_ring_events, with_cover)
        if snapshot.settings != engine._digest:
            raise SnapshotMismatch(
                "indicator state was stored for other indicators, evaluation interval or max_ring_events; "
                "resume with those of the session, or start a new session"
            )
        engine._activity.active = snapshot.active
        engine.ring_overflows = snapshot.ring_overflows
        engine._watermark = snapshot.watermark
        engine._restored = snapshot
        engine._sampled.restore(snapshot.sampled)
        for clock, stream in zip(engine._clocks, snapshot.streams, strict=True):
            clock.restore(stream.breaks, stream.clock_state)
        engine._rings = tuple(
            engine._ring_from(stream, kept.oldest)
            for stream, kept in zip((TRADES, BOOKS), snapshot.streams, strict=True)
        )
        return engine

    def _ring_from(self, stream: int, oldest: RingSlot) -> Ring:
        """A ring that goes on after a stored slot."""
        return Ring(self._plan.streams[stream], RAW_ROWS[stream], oldest)

    def _refill(self, batch: MarketBatch) -> None:
        """A warm-up batch: what comes after the oldest stored event goes into the rings. The clocks know all of it."""
        trades = _after(batch.trades.ts, batch.trades.seq, self._rings[TRADES].slot(0))
        self._append_trades(batch.trades.between(trades, len(batch.trades)))
        books = _after(batch.books.ts, batch.books.seq, self._rings[BOOKS].slot(0))
        self._append_books(batch.books.between(books, len(batch.books)))
        self._refilled[TRADES] += len(batch.trades) - trades
        self._refilled[BOOKS] += len(batch.books) - books

    def _check_refilled(self, snapshot: EngineSnapshot, from_ts: int) -> None:
        """The first batch after a restart, of the slice after `from_ts`: the rings hold what they held when the
        snapshot was taken, no event less. Of a stream that no window reaches any more, the newest event is enough.
        """
        rings = list(self._rings)
        for stream, (kept, count) in enumerate(zip(snapshot.streams, self._refilled, strict=True)):
            found, needed = rings[stream].newest_moment(), kept.newest.moment
            if found <= needed and needed[0] <= from_ts - self._plan.longest_us:
                rings[stream] = self._ring_from(stream, kept.newest)
            elif found != needed or count != kept.events:
                raise WarmUpIncomplete(
                    f"{count} {STREAM_NAMES[stream]} sent again end at (ts, seq) {found}; "
                    f"needed: {kept.events} up to {needed}"
                )
        self._rings = tuple(rings)
        self._size_extremes()


def _after(ts: Int64, seq: Int64, slot: RingSlot) -> int:
    """The first row after a slot on the tape."""
    row = int(np.searchsorted(ts, slot.moment[0], side="left"))
    while row < len(ts) and (int(ts[row]), int(seq[row])) <= slot.moment:
        row += 1
    return row


def _scratch(rows: int, edges: int, block: int) -> tuple[Int64, Float64, Float64]:
    """The kernel's working memory: positions and clocks of edges, rows of instructions."""
    return np.zeros((edges, block), np.int64), np.zeros((edges + 2, block)), np.zeros((rows, block))


def without_instants(batch: MarketBatch, ids: tuple[str, ...], with_cover: bool) -> Evaluation:
    """The evaluation of a batch that has no instants."""
    none = NO_GRID
    instants = Instants(none, none, np.empty(0, np.int8), none, none)
    nothing = np.empty((len(ids), 0))
    return Evaluation(batch, instants, ids, nothing, np.empty(0), nothing if with_cover else None)
