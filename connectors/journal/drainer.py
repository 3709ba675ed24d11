"""The drainer: the thread that empties a journal into the database, however long that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from connectors.journal.journal import Journal
from connectors.journal.sending import JournalSender
from connectors.questdb.database import Database
from connectors.questdb.errors import AccessRefused, StorageError, StorageUnavailable

_FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True)
class DrainStatus:
    """What has been written and what waits. While the database is away: since when (µs, wall clock) and why.

    `delays` are the seconds from a record's oldest row to the database's acknowledgement, of the newest records.
    """

    rows_drained: int
    rows_waiting: int
    bytes_waiting: int
    outages: int
    unavailable_since_us: int | None
    unavailable_cause: str | None
    delays: tuple[float, ...] = ()


class Drainer:
    """Writes a journal's records to the database in order, as they come, and drops what is acknowledged.

    `open_database` is asked for the database at the start and again whenever it was away: it may look where it is now
    and start it (`revive_database`). That is repeated for ever, with growing pauses. When the database *refuses* rows
    (a bug, or a schema that does not fit), nothing is guessed: what was journalled before them is written, they and
    everything behind them stay in the journal, the thread ends, and `check`, `flush` raise the reason. With the cause
    removed, `tapeflow db drain` writes the rest.
    """

    def __init__(
        self,
        journal: Journal,
        open_database: Callable[[], Database],
        *,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._journal = journal
        self._open_database = open_database
        self._longest_pause = longest_pause
        self._lock = threading.Lock()
        self._outages = 0
        self._away_since: int | None = None
        self._away_cause: str | None = None
        self._fatal: Exception | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="journal-drainer", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        self._thread.start()

    @property
    def status(self) -> DrainStatus:
        """How things stand now."""
        delays = self._journal.recent_delays
        with self._lock:
            return DrainStatus(
                rows_drained=self._journal.acknowledged_rows,
                rows_waiting=self._journal.rows,
                bytes_waiting=self._journal.bytes,
                outages=self._outages,
                unavailable_since_us=self._away_since,
                unavailable_cause=self._away_cause,
                delays=delays,
            )

    def check(self) -> None:
        """Raise what has ended the drainer, if anything has."""
        if self._fatal is not None:
            raise self._fatal

    def flush(self, seconds: float) -> bool:
        """Return whether everything appended before the call is acknowledged, after at most `seconds`."""
        done = self._journal.wait_acknowledged(self._journal.end, seconds, self._is_over)
        if not done:
            self.check()
        return done

    def close(self) -> None:
        """End the thread once what it is just sending is done or has failed; what waits stays in the journal."""
        self._closing.set()
        self._journal.wake()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_over(self) -> bool:
        return self._fatal is not None or self._closing.is_set()

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        try:
            while not self._closing.is_set():
                try:
                    with JournalSender(self._journal, self._open()) as sender:
                        while self._send(sender):
                            pause = _FIRST_PAUSE
                except (StorageUnavailable, AccessRefused) as error:
                    # while ours is away, a stranger may have taken its port
                    self._note_outage(error)
                    self._closing.wait(pause)
                    pause = min(2 * pause, self._longest_pause)
        except Exception as error:  # noqa: BLE001 - raised by check and flush
            self._fatal = error
            self._journal.wake()

    def _open(self) -> Database:
        """The database; where nothing waits for it, it has to answer to count as back."""
        database = self._open_database()
        if self._away_since is not None and not self._journal.rows:
            database.check()
            self._note_return()
        return database

    def _send(self, sender: JournalSender) -> bool:
        """Send what waits, or wait for something; False when closing."""
        self._journal.wait_for_records(self._closing.is_set)
        if self._closing.is_set():
            return False
        if sender.send_some():
            self._note_return()
        return True

    def _note_return(self) -> None:
        with self._lock:
            self._away_since = self._away_cause = None

    def _note_outage(self, error: StorageError) -> None:
        with self._lock:
            if self._away_since is None:
                self._away_since = time.time_ns() // 1000
                self._outages += 1
            self._away_cause = str(error)
