"""Sessions and their version rows, as those who run them write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore, VersionStore
from connectors.questdb.timestamps import now_us
from dataflows.version import program_version
from operators.errors import TapeflowError
from operators.session import SessionRecord, Status


class RecordedSession:
    """The session being recorded; `update` collects what its last version row will say."""

    def __init__(self, store: VersionStore, record: SessionRecord) -> None:
        self.store = store
        self.record = record

    @classmethod
    def begin(cls, store: VersionStore, record: SessionRecord) -> RecordedSession:
        """Store the first version, or go on with a session of that id that has ended or whose process is gone."""
        earlier = store.latest(record.session_id)
        session = cls(store, record)
        if earlier is None:
            session.move(Status.STARTING, "started", start_time=now_us(), program_version=program_version())
            return session
        session.record = dataclasses.replace(
            record,
            status=earlier.status,
            version=earlier.version,
            changed_at=earlier.changed_at,
            start_time=earlier.start_time,
            program_version=program_version(),
        )
        if earlier.status not in (Status.STOPPED, Status.FAILED):
            session.move(Status.FAILED, "the process that worked on it is gone")
        session.move(Status.RECOVERING, "started again")
        return session

    def update(self, **changes: Any) -> None:
        """Merge fields of `SessionRecord` into the session; stored with the next change of status."""
        self.record = dataclasses.replace(self.record, **changes)

    def move(self, status: Status, cause: str, **changes: Any) -> None:
        """Change the status and store a version row."""
        previous = self.record if self.record.status is not Status.IDLE else None
        record = dataclasses.replace(self.record, status=status, cause=cause, **changes)
        self.record = self.store.append(record, previous)


@contextmanager
def recorded_session(database: Database, record: SessionRecord) -> Iterator[RecordedSession]:
    """Run the body as a session: STARTING and RUNNING before it, STOPPED after it, FAILED with the reason when it
    raises. A session of the same id that failed before goes on as a new attempt (its dedup keys make that harmless).
    """
    session = RecordedSession.begin(SessionStore(database), record)
    session.move(Status.RUNNING, "running")
    try:
        yield session
        session.move(Status.STOPPING, "all rows written")
        session.move(Status.STOPPED, "finished", end_time=now_us())
    except BaseException as error:
        reason = str(error) or type(error).__name__
        try:
            session.move(Status.FAILED, "failed", error=reason, end_time=now_us())
        except TapeflowError as away:
            # the reason is what matters, not that it could not be stored as well
            error.add_note(f"this could not be stored: {away}")
        raise
