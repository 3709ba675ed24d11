"""Progress rows of a running session, which are also its sign of life."""

from __future__ import annotations

import os
import socket

from connectors.questdb.database import Database
from connectors.questdb.sessions import now_us
from connectors.questdb.writer import TableWriter
from dataflows.sessions.progress import SessionProgress


class Heartbeat:
    """Appends to `session_progress`; rows are written by a thread of their own."""

    def __init__(self, database: Database, session_id: str) -> None:
        self._writer = TableWriter(database, "session_progress")
        self._session_id = session_id
        self._pid = os.getpid()
        self._host = socket.gethostname()

    def beat(self, progress: SessionProgress) -> None:
        """Store the progress of this moment (wall clock)."""
        now = now_us()
        records = progress.trades + progress.books
        self._writer.write(
            {
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
        )

    def close(self) -> None:
        """Wait until everything is stored."""
        self._writer.close()
