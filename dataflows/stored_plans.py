"""What a session that ran strategies was going to do, as the database has it: its folder is not needed."""

from __future__ import annotations

import msgspec

from connectors.questdb.database import Database
from dataflows.sessions.plan import BacktestPlan
from dataflows.tapes import find_session
from operators.errors import UsageError
from operators.session import SessionRecord


def stored_plan(database: Database, session_id: str) -> tuple[SessionRecord, BacktestPlan]:
    """A session's newest record and its plan. Raises `UsageError` for a session without strategies, and for a plan that
    this program cannot read."""
    record = find_session(database, session_id)
    if record.mode != "backtest":
        raise UsageError(f"{session_id} is a {record.mode} session: it ran no strategies; allowed: a backtest")
    try:
        return record, msgspec.json.decode(record.config, type=BacktestPlan)
    except msgspec.ValidationError as error:
        raise UsageError(f"the settings of session {session_id} are of another program version: {error}") from error
