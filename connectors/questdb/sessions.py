"""Versions of sessions in `data_collection_sessions`: appended, never changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Final, Protocol

from connectors.questdb.database import Database
from connectors.questdb.timestamps import from_timestamp, now_us, to_timestamp
from operators.session import SessionRecord, Status, check_move

TABLE: Final = "data_collection_sessions"
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(SessionRecord))
_TIMES: Final = frozenset({"changed_at", "start_time", "end_time", "tape_from", "tape_to"})
_LISTS: Final = frozenset({"symbols", "data_types"})


def next_version(record: SessionRecord, previous: SessionRecord | None) -> SessionRecord:
    """`record` as the version after `previous`, changed now: versions count up and `changed_at` always increases.

    Raises `IllegalMove` on a change of status that the life cycle does not have.
    """
    before = previous.status if previous else Status.IDLE
    if record.status is not before:
        check_move(before, record.status)
    return dataclasses.replace(
        record,
        version=previous.version + 1 if previous else 0,
        changed_at=max(now_us(), previous.changed_at + 1 if previous else 0),
    )


class VersionStore(Protocol):
    """What takes the versions of a session: the database itself, or one who keeps them while that is away."""

    def latest(self, session_id: str) -> SessionRecord | None: ...

    def append(self, record: SessionRecord, previous: SessionRecord | None) -> SessionRecord: ...


class SessionStore:
    """Reads and appends session versions. Each session has one writer; readers see the version order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, record: SessionRecord, previous: SessionRecord | None) -> SessionRecord:
        """Store `record` as the version after `previous` and return it with its version and time.

        Refuses a status change that the life cycle does not have.
        """
        stored = next_version(record, previous)
        self.write(stored)
        return stored

    def write(self, version: SessionRecord) -> None:
        """Store a version as it is; writing it again changes nothing."""
        columns = ", ".join(_FIELDS)
        places = ", ".join(["%s"] * len(_FIELDS))
        self._database.execute(
            f"INSERT INTO {TABLE} ({columns}) VALUES ({places})",
            [_to_database(name, getattr(version, name)) for name in _FIELDS],
        )

    def latest(self, session_id: str) -> SessionRecord | None:
        """The newest version of a session, or None where there is no such session."""
        self._database.wait_applied(TABLE)
        rows = self._select("WHERE session_id = %s ORDER BY version DESC LIMIT 1", (session_id,))
        return rows[0] if rows else None

    def versions(self, session_id: str) -> list[SessionRecord]:
        """All versions of a session, oldest first."""
        self._database.wait_applied(TABLE)
        return self._select("WHERE session_id = %s ORDER BY version", (session_id,))

    def newest(self) -> list[SessionRecord]:
        """The newest version of every session, oldest session first."""
        self._database.wait_applied(TABLE)
        return self._select("LATEST ON changed_at PARTITION BY session_id", ())

    def _select(self, tail: str, parameters: Sequence[object]) -> list[SessionRecord]:
        rows = self._database.query(f"SELECT {', '.join(_FIELDS)} FROM {TABLE} {tail}", parameters)
        return [
            SessionRecord(**{name: _from_database(name, value) for name, value in zip(_FIELDS, row, strict=True)})
            for row in rows
        ]


def _to_database(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return to_timestamp(value)
    if name in _LISTS:
        return json.dumps(list(value))
    if name == "status":
        return str(value)
    return value


def _from_database(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return from_timestamp(value)
    if name in _LISTS:
        return tuple(json.loads(value or "[]"))
    if name == "status":
        return Status(value)
    return value
