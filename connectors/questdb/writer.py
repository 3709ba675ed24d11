"""Streaming writes: one thread per table sends columns over HTTP and knows what the database has acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Final, Self

from questdb import QuestDBError, QuestDBErrorCode, Sender

from connectors.questdb.columns import NULL, Columns, TableColumns, concatenate, rows_to_columns, split, table_columns
from connectors.questdb.database import Database
from connectors.questdb.errors import AccessRefused, StorageError, StorageRejected, StorageUnavailable

__all__ = ["NULL", "TableWriter", "rows_to_columns"]

FLUSH_ROWS: Final = 50_000
FLUSH_SECONDS: Final = 0.1
OUTAGE_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
_WAITING_FLUSHES: Final = 4
_BUFFER_BYTES: Final = 1 << 29


class TableWriter:
    """Writes rows of one table from a thread of its own; all methods are for one calling thread.

    Rows leave when `rows` of them wait or the oldest has waited `seconds`; `write` blocks while four times as many
    wait. A batch is repeated with growing pauses while the server is away, for at most `outage_seconds` in a row.
    What goes wrong in the thread is raised by the next `write`, `flush` or `close` and ends the writer: the rows that
    were not acknowledged are then in `unsent`. A repeated batch may arrive twice; the tables' keys make that harmless.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        *,
        rows: int = FLUSH_ROWS,
        seconds: float = FLUSH_SECONDS,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        self.columns: TableColumns = table_columns(database, table)
        self._database = database
        self._rows = rows
        self._seconds = seconds
        self._outage = outage_seconds
        # Guarded by the condition: what waits, what is on its way, and how the two sides talk.
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Columns, int, float]] = deque()
        self._waiting_rows = 0
        self._sending: list[Columns] = []
        self._flush_wanted = False
        self._closing = False
        self._abandoned = False
        self._error: Exception | None = None
        self.acknowledged = 0
        """Rows that the database has taken."""
        self._thread = threading.Thread(target=self._work, name=f"writer-{table}", daemon=True)
        self._thread.start()

    def write(self, columns: Columns) -> None:
        """Queue rows: values by column name, all of one length, not changed by the caller afterwards.

        Times are int µs; None and `NULL` are NULL, as is a column that is left out.
        """
        count = self.columns.check(columns)
        if not count:
            return
        with self._changed:
            self._raise()
            if self._closing:
                raise StorageRejected(f"the writer of {self.columns.table} is closed")
            while self._waiting_rows >= _WAITING_FLUSHES * self._rows and not self._error:
                self._changed.wait()
            self._raise()
            self._waiting.append((columns, count, time.monotonic()))
            self._waiting_rows += count
            # The thread looks by itself when rows grow old; wake it for its first rows and for a full batch.
            if len(self._waiting) == 1 or self._waiting_rows >= self._rows:
                self._changed.notify_all()

    def flush(self) -> None:
        """Return when every row written so far is acknowledged (logged by the server, see `wait_applied`)."""
        with self._changed:
            self._flush_wanted = True
            self._changed.notify_all()
            while (self._waiting or self._sending) and not self._error:
                self._changed.wait()
            self._flush_wanted = False
            self._raise()

    def close(self) -> None:
        """Flush and end the thread; harmless when repeated. Raises what a flush would raise."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._raise()

    def abandon(self) -> None:
        """End the thread without sending what waits: it stays in `unsent`. Raises nothing."""
        with self._changed:
            self._abandoned = self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def unsent(self) -> list[Columns]:
        """The rows that were not acknowledged before the error or since the last flush, in the order of writing."""
        with self._changed:
            return [*self._sending, *(columns for columns, _, _ in self._waiting)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        # The caller's error is the one to tell; rows that wait are dropped with it.
        self.abandon()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            with Sender.from_conf(_configuration(self._database)) as sender:
                # One for all batches: its memory is not asked for again.
                buffer = sender.new_buffer()
                while self._take():
                    for batch in split(concatenate(self._sending), self._rows):
                        self._send(sender, buffer, batch)
                    with self._changed:
                        self._sending = []
                        self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - raised to the caller by _raise
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _take(self) -> bool:
        """Wait for a batch that is due and move it to `_sending`; False when closed and empty."""
        with self._changed:
            while not self._abandoned:
                if self._waiting:
                    age = time.monotonic() - self._waiting[0][2]
                    due = age >= self._seconds or self._waiting_rows >= self._rows
                    if due or self._flush_wanted or self._closing:
                        break
                    self._changed.wait(self._seconds - age)
                elif self._closing:
                    return False
                else:
                    self._changed.wait()
            if self._abandoned:
                return False
            taken = 0
            while self._waiting and (not taken or taken + self._waiting[0][1] <= self._rows):
                columns, count, _ = self._waiting.popleft()
                self._sending.append(columns)
                taken += count
            self._waiting_rows -= taken
            self._changed.notify_all()
            return True

    def _send(self, sender: Sender, buffer: Any, batch: Columns) -> None:
        frame = self.columns.frame(batch)
        symbols = [name for name in self.columns.symbols if name in batch]
        buffer.clear()
        try:
            buffer.dataframe(frame, table_name=self.columns.table, symbols=symbols, at=self.columns.timestamp)
        except (QuestDBError, ValueError, TypeError) as error:
            words = " ".join(str(error).split())
            raise StorageRejected(f"rows of {self.columns.table} cannot be sent: {words}") from error
        until = time.monotonic() + self._outage
        pause = _FIRST_PAUSE
        while True:
            try:
                sender.flush(buffer, clear=False)
                break
            except QuestDBError as error:
                failure = self._judge(error)
                if not failure.retryable or self._abandoned or time.monotonic() + pause > until:
                    raise failure from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        with self._changed:
            self.acknowledged += len(frame)

    def _judge(self, error: QuestDBError) -> StorageError:
        words = " ".join(str(error).split())
        table, address = self.columns.table, self._database.address
        if error.code == QuestDBErrorCode.AuthError:
            return AccessRefused(f"the database at {address} refuses the user {self._database.user!r} for writing")
        if error.code == QuestDBErrorCode.ServerFlushError and '"code":"invalid"' in words:
            return StorageRejected(f"the database refused rows of {table}: {words}")
        if self._database.disk_is_full(words):
            return StorageUnavailable(f"the database's disk is full, rows of {table} cannot be written ({words})")
        return StorageUnavailable(f"the database at {address} does not take rows of {table} now: {words}")


def _configuration(database: Database) -> str:
    """The client's configuration string; our own loop repeats batches, so that outages are bounded and seen."""
    values: dict[str, Any] = {
        "addr": database.address,
        "username": database.user,
        "password": database.password.get_secret_value(),
        "auto_flush": "off",
        "retry_timeout": 0,
        "max_buf_size": _BUFFER_BYTES,
        "protocol_version": 2,
    }
    return "http::" + "".join(f"{key}={str(value).replace(';', ';;')};" for key, value in values.items())
