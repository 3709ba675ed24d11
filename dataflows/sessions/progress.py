"""Progress of a running session: what its worker processes report and what their supervisor makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import psutil

from connectors.questdb.replay import ReplayProgress
from dataflows.sessions.plan import BacktestPlan, SessionFolder
from operators.errors import TapeflowError
from operators.results import EquitySample, ResultRow

_INTERVAL_SECONDS: Final = 0.2
PROGRESS_FILE: Final = "progress.json"


class WorkerReport(msgspec.Struct):
    """How far one worker process has come; `tape_ts` is None where it does not read the tape.

    Trades and books are those of the whole session, the other counts and `seconds` those since the process was started;
    `ended` is `tape` or `stopped` once it is over, `error` the reason where it failed and `retryable` whether another
    try may help.
    """

    tape_ts: int | None = None
    trades: int = 0
    books: int = 0
    signals: int = 0
    orders: int = 0
    fills: int = 0
    equity: float | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    ended: str | None = None
    error: str | None = None
    retryable: bool = False


class Reporter:
    """Collects a worker's progress and writes it to the session's folder a few times a second."""

    def __init__(self, folder: SessionFolder, process: int, plan: BacktestPlan) -> None:
        self._folder = folder
        self._name = worker_file(process)
        self._plan = plan
        self._report = WorkerReport()
        self._started = time.monotonic()
        self._written = 0.0
        self._lock = threading.Lock()

    def on_progress(self, progress: ReplayProgress) -> None:
        """The tape has been read this far."""
        report = self._report
        report.tape_ts, report.trades, report.books = progress.tape_ts, progress.trades, progress.books
        if time.monotonic() - self._written >= _INTERVAL_SECONDS:
            self.write()

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

    def fail(self, error: BaseException) -> None:
        """Something has ended the flow; the first reason stands."""
        if self._report.error is None:
            cause = root_cause(error)
            expected = isinstance(cause, TapeflowError)
            self._report.error = str(cause) if expected else f"{type(cause).__name__}: {cause}"
            self._report.retryable = not expected or getattr(cause, "retryable", False)
        self.write()

    def finish(self) -> None:
        """The flow is over, at the end of the tape or by a stop request."""
        complete = self._report.tape_ts is None or self._report.tape_ts >= self._plan.to_ts
        self._report.ended = "tape" if complete else "stopped"
        self.write()

    def write(self) -> None:
        """Store the report as it is; the flow's threads may both want to."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        self._report.seconds = self._written - self._started
        memory = psutil.Process().memory_info()
        self._report.peak_bytes = max(self._report.peak_bytes, getattr(memory, "peak_wset", memory.rss))
        self._folder.write(self._name, self._report)


class SessionProgress(msgspec.Struct):
    """The state of a session as its supervisor sees it; the last one has `done` set and the final status."""

    status: str
    tape_ts: int | None = None
    trades: int = 0
    books: int = 0
    signals: int = 0
    orders: int = 0
    fills: int = 0
    equity: float | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    restarts: int = 0
    done: bool = False
    ended: str | None = None
    error: str | None = None


def root_cause(error: BaseException) -> BaseException:
    """The error that a step raised, without what the engine wrapped around it."""
    seen: set[int] = set()
    while id(error) not in seen and not isinstance(error, TapeflowError):
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or error
    return error


def worker_file(process: int) -> str:
    """The file a worker process reports in."""
    return f"worker-{process}.json"


def read_report(folder: SessionFolder, process: int) -> WorkerReport | None:
    """The last report of a worker process, None before the first."""
    content = folder.read(worker_file(process))
    return msgspec.json.decode(content, type=WorkerReport) if content else None


def merge(status: str, reports: Sequence[WorkerReport], restarts: int) -> SessionProgress:
    """One view of all worker processes."""
    readers = [report for report in reports if report.tape_ts is not None]
    return SessionProgress(
        status=status,
        tape_ts=min((report.tape_ts for report in readers if report.tape_ts is not None), default=None),
        trades=sum(report.trades for report in reports),
        books=sum(report.books for report in reports),
        signals=sum(report.signals for report in reports),
        orders=sum(report.orders for report in reports),
        fills=sum(report.fills for report in reports),
        equity=next((report.equity for report in reports if report.equity is not None), None),
        seconds=max((report.seconds for report in reports), default=0.0),
        peak_bytes=sum(report.peak_bytes for report in reports),
        restarts=restarts,
    )
