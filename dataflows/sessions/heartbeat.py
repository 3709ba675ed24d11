"""Progress rows of a running session, which are also its sign of life."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from connectors.questdb.database import Database
from connectors.questdb.sessions import now_us
from connectors.questdb.writer import TableWriter
from dataflows.sessions.progress import SessionProgress
from operators.errors import TapeflowError


class Heartbeat:
    """Appends to `session_progress`; rows are written by a thread of their own.

    A row that cannot be stored is said in the log and lost: progress is no reason to end a session.
    """

    def __init__(self, database: Database, session_id: str) -> None:
        self._database = database
        self._session_id = session_id
        self._pid = os.getpid()
        self._host = socket.gethostname()
        self._writer: TableWriter | None = None

    def beat(self, progress: SessionProgress) -> None:
        """Store the progress of this moment (wall clock)."""
        now = now_us()
        records = progress.trades + progress.books
        row: dict[str, list[Any]] = {
            "timestamp": [now],
            "session_id": [self._session_id],
            "tape_time": [progress.tape_ts],
            "records": [records],
            "rate": [records / progress.seconds if progress.seconds else None],
            "lag_ms": [None if progress.tape_ts is None else (now - progress.tape_ts) / 1_000],
            "signals": [progress.signals],
            "orders": [progress.orders],
            "equity": [progress.equity],
            "heartbeat": [now],
            "pid": [self._pid],
            "host": [self._host],
        }
        try:
            self._writer = self._writer or TableWriter(self._database, "session_progress")
            self._writer.write(row)
        except TapeflowError as error:
            print(f"progress could not be stored: {error}", file=sys.stderr)
            self._writer = None

    def close(self) -> None:
        """Wait until everything is stored."""
        if self._writer is not None:
            try:
                self._writer.close()
            except TapeflowError as error:
                print(f"progress could not be stored: {error}", file=sys.stderr)
