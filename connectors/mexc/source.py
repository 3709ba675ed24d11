"""The live source: what the feed receives, journalled, and handed on as slices.

One partition with one queue for everything: with several, the engine lets none of them enter the next epoch before
all have left this one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.journal.journal import Entry, Journal
from connectors.mexc.inbox import Received
from connectors.mexc.taping import TapedSlice, Units, tape
from operators.slices import CutterState, SliceCutter
from operators.stamping import AHEAD_US, LATE_US, Stamper
from operators.tape import Int64, MarketBatch

HEARTBEAT_SECONDS: Final = 0.25
HEARTBEAT_LAG_US: Final = 500_000
"""A slice without data ends this long before the exchange's clock: what is still on its way may come after it."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """Where a live source stands after a slice: enough to go on with the same session.

    `tape_from` is where the session's tape began; the counts are those of the whole session.
    """

    tape_from: int
    watermark: int
    next_seq: int
    cutter: CutterState
    trades: int = 0
    books: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What is recorded and how it is cut. `clock_rate` is how many times as fast as ours the exchange's clock runs;
    `linger_ms` how long arrivals are gathered into one slice; `duration_us` ends the tape after that much exchange
    time, None = never."""

    session_id: str
    symbols: tuple[str, ...]
    levels: int
    linger_ms: int
    clock_rate: float = 1.0
    grid_us: int = 0
    duration_us: int | None = None


class Feed(Protocol):
    """What the source needs of a connection to an exchange: a thread of its own receives, `take` never waits."""

    def start(self, position: LiveState | None) -> None:
        """Connect; with a position, go on with a session that was interrupted there."""
        ...

    def take(self) -> Received:
        """Everything that was received since the last call. Raises what has ended the feed."""
        ...

    def units(self) -> Units:
        """What a contract of each symbol is now."""
        ...

    def now_us(self) -> int:
        """The exchange's clock."""
        ...

    def stop(self) -> None:
        """Disconnect; what was received stays to be taken."""
        ...


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """What has been handed out so far, how many exchange times were not believed, and the receive lag (µs) of the
    newest slice's trades."""

    state: LiveState
    ahead: int
    lag_us: Int64


class LiveSource(FixedPartitionedSource[MarketBatch, LiveState]):
    """Slices of what a feed receives. Each is in the journal before it is handed on.

    `stop_requested` is asked before each slice; `on_progress` is told after each.
    """

    def __init__(
        self,
        settings: LiveSettings,
        feed: Feed,
        journal: Journal,
        position: Callable[[LiveState | None], LiveState | None],
        *,
        stop_requested: Callable[[], bool],
        on_progress: Callable[[LiveProgress], None],
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._journal = journal
        self._position = position
        self._stop_requested = stop_requested
        self._on_progress = on_progress

    def list_parts(self) -> list[str]:
        return ["exchange"]

    def build_part(self, step_id: str, for_part: str, resume_state: LiveState | None) -> _LivePartition:
        return _LivePartition(
            self._settings,
            self._feed,
            self._journal,
            self._position(resume_state),
            self._stop_requested,
            self._on_progress,
        )


class _LivePartition(StatefulSourcePartition[MarketBatch, LiveState]):
    def __init__(
        self,
        settings: LiveSettings,
        feed: Feed,
        journal: Journal,
        position: LiveState | None,
        stop_requested: Callable[[], bool],
        on_progress: Callable[[LiveProgress], None],
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._journal = journal
        self._stop_requested = stop_requested
        self._on_progress = on_progress
        rate = settings.clock_rate
        # a session may be killed after its time was over
        self._ended = position is not None and _is_over(settings, position)
        if not self._ended:
            feed.start(position)
        if position is None:
            watermark = feed.now_us() - round(HEARTBEAT_LAG_US * rate)
            position = LiveState(watermark, watermark, 0, CutterState(0, watermark, ()))
        self._stamper = Stamper(
            position.watermark, position.next_seq, late_us=round(LATE_US * rate), ahead_us=round(AHEAD_US * rate)
        )
        self._cutter = SliceCutter(settings.symbols, position.cutter, grid_us=settings.grid_us, slice_rows=sys.maxsize)
        self._state = position
        self._ahead = 0
        self._linger = timedelta(milliseconds=settings.linger_ms)
        self._awake = datetime.now(UTC)
        self._heartbeat = self._awake
        self._taken = time.monotonic()
        if self._ended:
            on_progress(LiveProgress(position, 0, np.empty(0, np.int64)))

    def next_batch(self) -> list[MarketBatch]:
        if self._ended:
            raise StopIteration
        now = datetime.now(UTC)
        self._awake = now + self._linger
        ending = self._stop_requested() or _is_over(self._settings, self._state)
        if ending:
            self._feed.stop()
            self._ended = True
        since, self._taken = self._taken, time.monotonic()
        received = self._feed.take()
        if not received.stamped and not received.rows and not ending and now < self._heartbeat:
            return []
        self._heartbeat = now + timedelta(seconds=HEARTBEAT_SECONDS)
        return self._slice(received, since)

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> LiveState:
        return self._state

    def close(self) -> None:
        self._feed.stop()

    def _slice(self, received: Received, since: float) -> list[MarketBatch]:
        """`since` is when the take before was, so that nothing in this one is older."""
        settings, stamper = self._settings, self._stamper
        exchange_now = self._feed.now_us()
        taped = tape(
            received,
            stamper,
            exchange_now,
            settings.session_id,
            settings.symbols,
            self._feed.units(),
            settings.levels,
        )
        page = taped.page
        if page.to_ts == page.from_ts:
            stamper.advance(exchange_now - round(HEARTBEAT_LAG_US * settings.clock_rate))
            page = replace(page, to_ts=stamper.watermark)
        self._journal.append(Entry(taped.tables, page.from_ts, page.to_ts, stamper.next_seq - 1), since)
        batches = [batch for batches in self._cutter.cut(page) for batch in batches]
        self._advance(taped)
        return batches

    def _advance(self, taped: TapedSlice) -> None:
        before = self._state
        self._ahead += taped.ahead
        self._state = LiveState(
            before.tape_from,
            self._stamper.watermark,
            self._stamper.next_seq,
            self._cutter.state(),
            before.trades + len(taped.page.trades),
            before.books + len(taped.page.books),
            before.late + taped.late,
        )
        self._on_progress(LiveProgress(self._state, self._ahead, taped.lag_us))


def _is_over(settings: LiveSettings, state: LiveState) -> bool:
    """Whether the tape is as long as it shall become."""
    return settings.duration_us is not None and state.watermark >= state.tape_from + settings.duration_us
