"""The worker's side of progress: a flow tells how far it is, the session's folder says so a few times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import psutil

from connectors.questdb.replay import ReplayProgress
from dataflows.sessions.earlier_rows import RowCounts
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import BacktestPlan, Plan
from dataflows.sessions.worker_report import CollectProgress, WorkerReport, symbols_file, worker_file
from operators.errors import TapeflowError
from operators.results import EquitySample, ResultRow

_INTERVAL_SECONDS: Final = 0.2


class Reporter:
    """Collects a worker's progress; its methods may be called from any thread of the flow."""

    def __init__(self, folder: SessionFolder, process: int, plan: Plan) -> None:
        self._folder = folder
        self._process = process
        self._plan = plan
        self._report = WorkerReport()
        self._started = time.monotonic()
        self._written = 0.0
        self._lock = threading.Lock()

    def on_replayed(self, progress: ReplayProgress, *, earlier_rows: Callable[[int], RowCounts]) -> None:
        """The tape has been replayed this far; where that began behind its head, `earlier_rows` counts the result rows
        up to there.
        """
        report = self._report
        if report.tape_ts is None and isinstance(self._plan, BacktestPlan) and progress.tape_ts > self._plan.from_ts:
            earlier = earlier_rows(progress.tape_ts)
            report.signals += earlier.signals
            report.orders += earlier.orders
            report.fills += earlier.fills
        report.tape_ts, report.trades, report.books = progress.tape_ts, progress.trades, progress.books
        self._write_if_due()

    def on_rows(self, table: str, rows: Sequence[ResultRow]) -> None:
        """Result rows have gone to their writer."""
        if table == "strategy_signals":
            self._report.signals += len(rows)
        elif table == "order_events":
            self._report.orders += sum(row.n == 0 for row in rows)  # type: ignore[union-attr]
        elif table == "fills":
            self._report.fills += len(rows)
        elif table == "equity" and isinstance(rows[-1], EquitySample):
            self._report.equity = rows[-1].equity

    def on_collected(self, progress: CollectProgress) -> None:
        """The exchange has been recorded this far; to be told at least once a second, also while nothing comes."""
        report = self._report
        report.collected = progress
        report.tape_ts, report.trades, report.books = progress.tape_ts, progress.trades, progress.books
        self._write_if_due()

    def on_drained(self, rows: int, size: int, *, away: bool) -> None:
        """What the journal holds after the last attempt to write it: rows and bytes; `away` as in `CollectProgress`."""
        collected = self._report.collected or CollectProgress()
        self._report.collected = msgspec.structs.replace(
            collected, journal_rows=rows, journal_bytes=size, database_away=away
        )

    def on_symbols(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The table of symbols for those who watch: one row per symbol, of any columns that JSON can hold."""
        self._folder.write(symbols_file(self._process), rows)

    def fail(self, error: BaseException) -> None:
        """Something has ended the flow; the first reason stands."""
        if self._report.error is None:
            cause = root_cause(error)
            expected = isinstance(cause, TapeflowError)
            self._report.error = str(cause) if expected else f"{type(cause).__name__}: {cause}"
            self._report.retryable = not expected or getattr(cause, "retryable", False)
        self.write()

    def finish(self, *, stopped: bool) -> None:
        """The flow is over; `stopped` where that was asked for."""
        report = self._report
        if isinstance(self._plan, BacktestPlan):
            # a request may have come after the last slice, and processes without a source know nothing of either
            report.ended = "tape" if report.tape_ts is None or report.tape_ts >= self._plan.to_ts else "stopped"
        else:
            report.ended = "stopped" if stopped else "complete"
        self.write()

    def write(self) -> None:
        """Store the report as it is; the flow's threads may both want to."""
        with self._lock:
            self._written = time.monotonic()
            self._report.seconds = self._written - self._started
            memory = psutil.Process().memory_info()
            self._report.peak_bytes = max(self._report.peak_bytes, getattr(memory, "peak_wset", memory.rss))
            self._folder.write(worker_file(self._process), self._report)

    def _write_if_due(self) -> None:
        if time.monotonic() - self._written >= _INTERVAL_SECONDS:
            self.write()


def root_cause(error: BaseException) -> BaseException:
    """The error that a step raised, without what the engine wrapped around it."""
    seen: set[int] = set()
    while id(error) not in seen and not isinstance(error, TapeflowError):
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or error
    return error
