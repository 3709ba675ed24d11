"""The supervisor's side of progress: one view of all worker processes, for those who follow the session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dataflows.sessions.worker_report import CollectProgress, Measures, WorkerReport

PROGRESS_FILE: Final = "progress.json"
_SUMS: Final = (
    *("trades", "books", "gaps", "duplicates", "late", "malformed", "dropped", "reconnects"),
    *("journal_rows", "journal_bytes"),
)


class SessionProgress(Measures, kw_only=True):
    """The state of a session as its supervisor sees it; the last one has `done` set, the final status and its cause.

    `database_away` says that something waits for the database, here or in a worker; `ended` is as a worker's, `error`
    why it failed.
    """

    status: str
    restarts: int = 0
    database_away: bool = False
    done: bool = False
    ended: str | None = None
    cause: str | None = None
    error: str | None = None


def merge(status: str, reports: Sequence[WorkerReport], restarts: int) -> SessionProgress:
    """One view of all worker processes: sums, and the tape that all of them know."""
    collected = merge_collected([report.collected for report in reports if report.collected is not None])
    return SessionProgress(
        status=status,
        tape_ts=min((report.tape_ts for report in reports if report.tape_ts is not None), default=None),
        trades=sum(report.trades for report in reports),
        books=sum(report.books for report in reports),
        signals=sum(report.signals for report in reports),
        orders=sum(report.orders for report in reports),
        fills=sum(report.fills for report in reports),
        equity=next((report.equity for report in reports if report.equity is not None), None),
        collected=collected,
        seconds=max((report.seconds for report in reports), default=0.0),
        peak_bytes=sum(report.peak_bytes for report in reports),
        restarts=restarts,
        database_away=collected is not None and collected.database_away,
    )


def merge_collected(parts: Sequence[CollectProgress]) -> CollectProgress | None:
    """What several processes have collected together: sums, the widest tape, the worst lags; None of nobody.

    >>> merged = merge_collected([CollectProgress(tape_ts=5, trades=2), CollectProgress(tape_ts=7, trades=3)])
    >>> merged.trades, merged.tape_ts
    (5, 7)
    """
    if not parts:
        return None
    return CollectProgress(
        tape_from=min((part.tape_from for part in parts if part.tape_from is not None), default=None),
        tape_ts=max((part.tape_ts for part in parts if part.tape_ts is not None), default=None),
        database_away=any(part.database_away for part in parts),
        lag_ms_p50=max((part.lag_ms_p50 for part in parts if part.lag_ms_p50 is not None), default=None),
        lag_ms_p99=max((part.lag_ms_p99 for part in parts if part.lag_ms_p99 is not None), default=None),
        stored_ms_p50=max((part.stored_ms_p50 for part in parts if part.stored_ms_p50 is not None), default=None),
        stored_ms_p99=max((part.stored_ms_p99 for part in parts if part.stored_ms_p99 is not None), default=None),
        **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
    )
