"""What a session's version rows say of it: at its beginning, at its end, and why it ended, by mode."""

from __future__ import annotations

import dataclasses
from typing import Any

from dataflows.sessions.plan import CollectPlan, Plan, session_record
from dataflows.sessions.progress import SessionProgress
from dataflows.sessions.worker_report import CollectProgress
from operators.session import SessionRecord


def first_version(plan: Plan, earlier: SessionRecord | None) -> SessionRecord:
    """The session as it begins; a recording that goes on keeps what it had."""
    record = session_record(plan)
    if earlier is None or not isinstance(plan, CollectPlan):
        return record
    return dataclasses.replace(
        record,
        tape_from=earlier.tape_from,
        tape_to=earlier.tape_to,
        records_collected=earlier.records_collected,
        prices_count=earlier.prices_count,
        orderbook_count=earlier.orderbook_count,
        gaps=earlier.gaps,
        errors_count=earlier.errors_count,
    )


def earlier_progress(plan: Plan, earlier: SessionRecord | None) -> SessionProgress:
    """The progress before the first report: none, or where a recording that goes on was."""
    progress = SessionProgress(status="STARTING")
    if earlier is not None and isinstance(plan, CollectPlan):
        progress.tape_ts, progress.trades, progress.books = (
            earlier.tape_to,
            earlier.prices_count,
            earlier.orderbook_count,
        )
        progress.collected = CollectProgress(
            tape_from=earlier.tape_from,
            tape_ts=earlier.tape_to,
            trades=earlier.prices_count,
            books=earlier.orderbook_count,
            gaps=earlier.gaps,
        )
    return progress


def measured(progress: SessionProgress) -> dict[str, Any]:
    """The columns of a version row that the progress tells."""
    columns: dict[str, Any] = {
        "records_collected": progress.trades + progress.books,
        "prices_count": progress.trades,
        "orderbook_count": progress.books,
    }
    if progress.collected is not None:
        columns |= {
            "tape_from": progress.collected.tape_from,
            "tape_to": progress.collected.tape_ts,
            "gaps": progress.collected.gaps,
            "errors_count": progress.restarts + progress.collected.malformed,
        }
    elif progress.tape_ts is not None:
        # a backtest that was stopped or failed early is one of a part of the tape that its plan names
        columns["tape_to"] = progress.tape_ts
    return columns


def last_words(plan: Plan, ended: str, progress: SessionProgress, *, crashed: bool) -> tuple[str, str]:
    """The causes of the moves to STOPPING and STOPPED.

    `ended` is as in a worker's report; `crashed` where the stop was asked for while a crashed flow waited to be
    started again. Of a recording that leaves rows in its journal the last cause says how they are written.
    """
    stopping, stopped = {
        "tape": ("end of the tape", "finished"),
        "complete": ("the duration is over", "finished"),
        "stopped": ("stop requested", "stopped on request"),
    }[ended]
    if isinstance(plan, CollectPlan):
        if crashed:
            stopped += " after a crash: `tapeflow db drain` writes what the journal holds"
        elif progress.collected is not None and progress.collected.journal_rows:
            stopped += f", journal not drained: `tapeflow db drain` writes its {progress.collected.journal_rows:,} rows"
    return stopping, stopped
