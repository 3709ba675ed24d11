"""The supervisor's way to the database: what it has to say is kept until it has been written, in order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from connectors.questdb.database import Database
from connectors.questdb.errors import StorageError, StorageRejected
from connectors.questdb.sessions import SessionStore, next_version
from connectors.questdb.writer import TableWriter
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.supervisor_log import say
from dataflows.sessions.versions import VersionSpool
from operators.session import SessionRecord

_TABLE: Final = "session_progress"
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LAST_PAUSE_SECONDS: Final = 0.5
_MOST_ROWS: Final = 20_000
"""Progress rows that wait at most; of more, every other one is forgotten: they are no results."""


class Courier:
    """Takes versions and progress rows of one session and writes them from a thread of its own.

    Nothing here waits for the database or fails because of it. While it is away (`away`), versions wait in the
    session's folder and progress rows in memory; `find` then says again and again where the database may be by now.
    """

    def __init__(self, folder: SessionFolder, database: Database, find: Callable[[], Database]) -> None:
        self.away = False
        """Whether the last attempt to write has failed."""
        self._database = database
        self._find = find
        self._spool = VersionSpool(folder)
        self._writer: TableWriter | None = None
        self._changed = threading.Condition()
        self._versions: deque[SessionRecord] = deque()
        self._rows: list[dict[str, Any]] = []
        self._closing = False
        self._give_up_at = 0.0
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)
        self._thread.start()

    def latest(self, session_id: str) -> SessionRecord | None:
        """The newest version that has been written."""
        return SessionStore(self._database).latest(session_id)

    def append(self, record: SessionRecord, previous: SessionRecord | None) -> SessionRecord:
        """Take `record` as the version after `previous`. Raises `IllegalMove`."""
        version = next_version(record, previous)
        try:
            self._spool.keep(version)
        except OSError as error:
            say("WARNING", f"a version of the session is kept in memory only: {error}")
        with self._changed:
            self._versions.append(version)
            self._changed.notify_all()
        return version

    def beat(self, row: dict[str, Any]) -> None:
        """Take a row of `session_progress`."""
        with self._changed:
            self._rows.append(row)
            if len(self._rows) > _MOST_ROWS:
                del self._rows[1::2]
            self._changed.notify_all()

    def close(self, seconds: float) -> bool:
        """End the thread once everything is written, or after `seconds`; whether everything was. Versions that were
        not stay in the session's folder."""
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + seconds
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            return not self._waits()

    def _waits(self) -> bool:
        return bool(self._rows or self._versions)

    def _work(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            with self._changed:
                while not (self._waits() or self._closing):
                    self._changed.wait()
                if not self._waits():
                    break
            try:
                self._deliver()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told and tried again
                if not self.away:
                    say("WARNING", f"the database takes no rows, they are kept until it does: {error}")
                self.away = True
                self._drop_writer()
                if not self._go_on_after(pause):
                    return
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                if self.away:
                    say("INFO", "the database takes rows again; what was kept is written")
                self.away = False
                pause = _FIRST_PAUSE_SECONDS
        self._drop_writer()

    def _go_on_after(self, pause: float) -> bool:
        """Wait before the next attempt; False once it is too late for one."""
        with self._changed:
            if not self._closing:
                self._changed.wait_for(lambda: self._closing, pause)
                return True
        time.sleep(min(pause, _LAST_PAUSE_SECONDS))
        return time.monotonic() < self._give_up_at

    def _deliver(self) -> None:
        """Write what waits. Raises `StorageError`."""
        with self._changed:
            versions, rows = list(self._versions), list(self._rows)
        if self.away:
            self._database = self._find()
        for version in versions:
            SessionStore(self._database).write(version)
            self._spool.forget(version)
            with self._changed:
                self._versions.popleft()
        if rows:
            try:
                self._write_rows(rows)
            except StorageRejected as error:
                say("WARNING", f"progress cannot be stored: {error}")
                self._drop_writer()
            with self._changed:
                sent = {row["timestamp"] for row in rows}
                self._rows = [row for row in self._rows if row["timestamp"] not in sent]

    def _write_rows(self, rows: list[dict[str, Any]]) -> None:
        if self._writer is None:
            # without patience of its own: this thread tries again, perhaps elsewhere
            self._writer = TableWriter(self._database, _TABLE, outage_seconds=0.0)
        self._writer.write({name: [row[name] for row in rows] for name in rows[0]})
        self._writer.flush()

    def _drop_writer(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(StorageError):
                # its error has been raised before
                self._writer.close()
            self._writer = None
