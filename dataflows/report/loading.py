"""A session's result rows, read back from the database."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from connectors.questdb.database import Database
from connectors.questdb.timestamps import from_timestamp
from dataflows.report.data import ResultTables, Row
from operators.results import RESULT_ROWS, ClosestApproach, GroupApproach, StateTransition


def load_result(database: Database, session_id: str) -> ResultTables:
    """All result rows of a session, waiting for those that are acknowledged but not yet applied.

    Times are µs and NULL is None, as in the rows that were written. A session that decided nothing, or that the
    database does not know, has empty tables.
    """
    database.wait_applied(*(row_type.TABLE for row_type in RESULT_ROWS))
    return ResultTables.from_rows(row for row_type in RESULT_ROWS for row in _rows(database, row_type, session_id))


def load_approaches(database: Database, session_id: str) -> list[ClosestApproach | GroupApproach]:
    """How near the session's sections came, as stored last; nothing before the first hour of tape has passed."""
    database.wait_applied(ClosestApproach.TABLE, GroupApproach.TABLE)
    return [*_rows(database, ClosestApproach, session_id), *_rows(database, GroupApproach, session_id)]


def load_transitions(database: Database, session_id: str) -> list[StateTransition]:
    """The moves of a session's machines alone."""
    database.wait_applied(StateTransition.TABLE)
    return _rows(database, StateTransition, session_id)


def _rows(database: Database, row_type: type[Row], session_id: str) -> list[Row]:
    names = [field.name for field in dataclasses.fields(row_type)]
    found = database.query(
        f"SELECT {', '.join(names)} FROM {row_type.TABLE} WHERE session_id = %s",  # noqa: S608 - names of our own
        (session_id,),
    )
    return [row_type(*(_plain(value) for value in values)) for values in found]


def _plain(value: Any) -> Any:
    """µs for a time, everything else as it is."""
    return from_timestamp(value) if isinstance(value, datetime) else value
