"""The replay source: a recorded session flows out of the database as slices."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.questdb.database import Database
from connectors.questdb.period import PeriodTape
from connectors.questdb.reader import DEFAULT_PAGE_ROWS, TapeReader
from operators.slices import DEFAULT_SLICE_ROWS, CutterState, SliceCutter
from operators.tape import MICROSECONDS, MarketBatch

_PACED_SLICE_SECONDS: Final = 0.1
"""Wall time that one slice of a paced replay stands for."""


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far the period has been read: `tape_ts` in µs, rows of it handed out so far (lead-in and warm-up not
    counted)."""

    tape_ts: int
    trades: int
    books: int


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What to replay and how.

    `(from_ts, to_ts]` of the session's tape, which begins after `tape_from` (None = where the period begins); `speed`
    is tape time per wall time, None = as fast as possible; `grid_us` the evaluation interval; `warmup_us` how much
    tape the longest window reaches back.
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
    tape_from: int | None = None

    @property
    def begin(self) -> int:
        """After which ts the tape begins."""
        return self.from_ts if self.tape_from is None else min(self.tape_from, self.from_ts)


@dataclass(frozen=True, slots=True)
class ReplayState:
    """Where a replay stands: after which slice, and what it had handed out by then."""

    cutter: CutterState
    trades: int
    books: int


class ReplaySource(FixedPartitionedSource[MarketBatch, ReplayState]):
    """One partition that pages trades, books and tape events of a session into slices.

    A period that starts inside the tape is led in: first comes what is still in force of the tape before it, then the
    stretch that the longest window needs. So its first instant knows what it would know at the end of a longer replay.

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
        tape = PeriodTape(
            database,
            settings.session_id,
            settings.symbols,
            tape_from=settings.begin,
            whole_from=max(settings.begin, settings.from_ts - settings.warmup_us),
            page_rows=settings.page_rows,
        )
        self._from_ts = settings.from_ts
        self._state = resume or ReplayState(CutterState(0, tape.begin(), ()), 0, 0)
        self._warmup = _warmup_slices(tape, settings, self._state.cutter) if resume else iter(())
        self._slices = _slices(tape, settings, self._state.cutter)
        self._pace = None if settings.speed is None else _Pace(settings.speed)
        self._held: _Slice | None = None
        self._awake: datetime | None = None
        self._stop_requested = stop_requested
        self._on_progress = on_progress
        # where it begins is told too, so that a stop before the first slice is known as one
        self._tell(self._state.cutter.from_ts)

    def next_batch(self) -> list[MarketBatch]:
        if self._stop_requested():
            raise StopIteration
        if (refill := next(self._warmup, None)) is not None:
            return refill
        if self._held is None:
            self._held = next(self._slices)  # StopIteration: the tape has ended
            header = self._held.batches[0].header
            if self._pace is not None and not header.lead_in:
                self._awake = self._pace.due(header.from_ts, header.to_ts)
                return []
        batches, cutter = self._held.batches, self._held.after
        header = batches[0].header
        self._state = ReplayState(
            cutter,
            self._state.trades + sum(len(batch.trades) for batch in batches if not header.lead_in),
            self._state.books + sum(len(batch.books) for batch in batches if not header.lead_in),
        )
        self._held = self._awake = None
        self._tell(header.to_ts)
        return batches

    def _tell(self, ts: int) -> None:
        self._on_progress(ReplayProgress(max(ts, self._from_ts), self._state.trades, self._state.books))

    def next_awake(self) -> datetime | None:
        return self._awake

    def snapshot(self) -> ReplayState:
        return self._state

    def close(self) -> None:
        self._slices.close()


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice and where the cutter stands after it."""

    batches: list[MarketBatch]
    after: CutterState


def _slices(tape: TapeReader, settings: ReplaySettings, state: CutterState) -> Generator[_Slice, None, None]:
    """The rest of the lead-in, then the rest of the period."""
    if state.from_ts < settings.from_ts:
        cutter = SliceCutter(settings.symbols, state, slice_rows=settings.slice_rows, grid_us=0, lead_in=True)
        for page in tape.pages(state.from_ts, settings.from_ts):
            for batches in cutter.cut(page):
                yield _Slice(batches, cutter.state())
        state = cutter.state()
    cutter = SliceCutter(
        settings.symbols,
        state,
        slice_rows=settings.slice_rows,
        grid_us=settings.grid_us,
        span_us=None if settings.speed is None else int(settings.speed * _PACED_SLICE_SECONDS * MICROSECONDS),
    )
    for page in tape.pages(state.from_ts, settings.to_ts):
        for batches in cutter.cut(page, last=page.to_ts == settings.to_ts):
            yield _Slice(batches, cutter.state())


def _warmup_slices(tape: TapeReader, settings: ReplaySettings, resume: CutterState) -> Iterator[list[MarketBatch]]:
    """The stretch before the resume point that the rings need again: refills them, causes no evaluation."""
    # A symbol's step knows the tape up to its last batch, which may be long ago (it was quiet without a grid, or had
    # been removed). If its newest event is at least the longest window old, the step needs none again; if not, it needs
    # the longest window before its last batch: in all less than two of them before the resume point.
    from_ts = max(settings.begin, resume.from_ts - 2 * settings.warmup_us)
    if from_ts == resume.from_ts:
        return
    cutter = SliceCutter(
        settings.symbols,
        CutterState(0, from_ts, ()),
        slice_rows=settings.slice_rows,
        grid_us=0,
        warmup=True,
    )
    for page in tape.pages(from_ts, resume.from_ts):
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
