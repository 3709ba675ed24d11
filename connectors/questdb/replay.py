"""The replay source: a recorded session flows out of the database as slices."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.questdb.database import Database
from connectors.questdb.reader import DEFAULT_PAGE_ROWS, QuestDBTapeReader
from operators.slices import DEFAULT_SLICE_ROWS, CutterState, SliceCutter, TapePage
from operators.tape import MICROSECONDS, MarketBatch

_PACED_SLICE_SECONDS: Final = 0.1
"""Wall time that one slice of a paced replay stands for."""


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far the tape has been read: `tape_ts` in µs, rows handed out so far (warm-up not counted)."""

    tape_ts: int
    trades: int
    books: int


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What to replay and how.

    `(from_ts, to_ts]` of the session's tape; `speed` is tape time per wall time, None = as fast as possible;
    `grid_us` the evaluation interval; `warmup_us` how much tape the rings need again after a restart.
    """

    session_id: str
    symbols: tuple[str, ...]
    from_ts: int
    to_ts: int
    speed: float | None = None
    slice_rows: int = DEFAULT_SLICE_ROWS
    page_rows: int = DEFAULT_PAGE_ROWS
    grid_us: int = MICROSECONDS
    warmup_us: int = 0


@dataclass(frozen=True, slots=True)
class ReplayState:
    """Where a replay stands: after which slice, and what it had handed out by then."""

    cutter: CutterState
    trades: int
    books: int


class ReplaySource(FixedPartitionedSource[MarketBatch, ReplayState]):
    """One partition that pages trades, books and tape events of a session into slices.

    `stop_requested` is asked before each slice: where it says so the source ends, after which sinks flush and the
    final snapshot is written. `on_progress` is told after each slice.
    """

    def __init__(
        self,
        database: Database,
        settings: ReplaySettings,
        *,
        stop_requested: Callable[[], bool] = lambda: False,
        on_progress: Callable[[ReplayProgress], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._stop_requested = stop_requested
        self._on_progress = on_progress

    def list_parts(self) -> list[str]:
        return ["tape"]

    def build_part(self, step_id: str, for_part: str, resume_state: ReplayState | None) -> _ReplayPartition:
        return _ReplayPartition(self._database, self._settings, resume_state, self._stop_requested, self._on_progress)


class _ReplayPartition(StatefulSourcePartition[MarketBatch, ReplayState]):
    def __init__(
        self,
        database: Database,
        settings: ReplaySettings,
        resume: ReplayState | None,
        stop_requested: Callable[[], bool],
        on_progress: Callable[[ReplayProgress], None],
    ) -> None:
        self._state = resume or ReplayState(CutterState(0, settings.from_ts, ()), 0, 0)
        reader = QuestDBTapeReader(database, settings.session_id, settings.symbols, page_rows=settings.page_rows)
        self._warmup = _warmup_slices(reader, settings, self._state.cutter) if resume else iter(())
        self._cutter = SliceCutter(
            settings.symbols,
            self._state.cutter,
            slice_rows=settings.slice_rows,
            grid_us=settings.grid_us,
            span_us=None if settings.speed is None else int(settings.speed * _PACED_SLICE_SECONDS * MICROSECONDS),
        )
        self._slices = _slices(self._cutter, reader.pages(self._state.cutter.from_ts, settings.to_ts), settings.to_ts)
        self._pace = None if settings.speed is None else _Pace(settings.speed)
        self._held: list[MarketBatch] | None = None
        self._awake: datetime | None = None
        self._stop_requested = stop_requested
        self._on_progress = on_progress
        # where it begins is told too, so that a stop before the first slice is known as one
        on_progress(ReplayProgress(self._state.cutter.from_ts, self._state.trades, self._state.books))

    def next_batch(self) -> list[MarketBatch]:
        if self._stop_requested():
            raise StopIteration
        if (refill := next(self._warmup, None)) is not None:
            return refill
        if self._held is None:
            self._held = next(self._slices)  # StopIteration: the tape has ended
            if self._pace is not None:
                header = self._held[0].header
                self._awake = self._pace.due(header.from_ts, header.to_ts)
                return []
        batches, self._held = self._held, None
        state = ReplayState(
            self._cutter.state(),
            self._state.trades + sum(len(batch.trades) for batch in batches),
            self._state.books + sum(len(batch.books) for batch in batches),
        )
        self._state, self._awake = state, None
        self._on_progress(ReplayProgress(batches[0].header.to_ts, state.trades, state.books))
        return batches

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> ReplayState:
        return self._state

    def close(self) -> None:
        self._slices.close()


def _slices(cutter: SliceCutter, pages: Iterator[TapePage], to_ts: int) -> Generator[list[MarketBatch], None, None]:
    for page in pages:
        yield from cutter.cut(page, last=page.to_ts == to_ts)


def _warmup_slices(
    reader: QuestDBTapeReader, settings: ReplaySettings, resume: CutterState
) -> Iterator[list[MarketBatch]]:
    """The stretch before the resume point that the longest window needs: refills rings, causes no evaluation."""
    # A symbol's step knows the tape up to its last batch, at most one grid interval before the resume point; without
    # a grid that may be any time ago.
    from_ts = settings.from_ts
    if settings.grid_us > 0:
        from_ts = max(from_ts, resume.from_ts - settings.warmup_us - settings.grid_us)
    if from_ts == resume.from_ts:
        return
    cutter = SliceCutter(
        settings.symbols,
        CutterState(0, from_ts, ()),
        slice_rows=settings.slice_rows,
        grid_us=0,
        warmup=True,
    )
    for page in reader.pages(from_ts, resume.from_ts):
        for batches in cutter.cut(page):
            if batches[0].symbol:
                yield batches


class _Pace:
    """When a slice is due: the tape's own rhythm, `speed` times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._origin: tuple[datetime, int] | None = None

    def due(self, from_ts: int, to_ts: int) -> datetime:
        if self._origin is None:
            self._origin = (datetime.now(UTC), from_ts)
        started, tape_start = self._origin
        return started + timedelta(microseconds=(to_ts - tape_start) / self._speed)
