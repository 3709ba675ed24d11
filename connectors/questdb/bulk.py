"""Bulk writes: millions of rows as Parquet pieces that the server reads from its own folder."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.questdb.columns import table_columns
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected, StorageUnavailable
from connectors.questdb.literals import text
from connectors.questdb.writer import TableWriter

_PLACE: Final = "<file>"
_CAST: Final = frozenset({"BYTE", "SHORT", "INT"})
"""Types that Parquet has as another one."""
_WAITING_PIECES: Final = 1
"""Pieces that wait while one is written: enough to keep the server busy, and memory bounded."""


class BulkInserter:
    """Writes pieces of rows in the order they come, from a thread of its own.

    A piece is an Arrow table whose columns are named as the table's; the designated timestamp must be among them,
    rows sorted by it are fastest, and 200 000 to 1 000 000 rows make a good piece. Timestamps are
    `timestamp("us", "UTC")`, symbols strings or dictionaries, order books nested lists.

    Errors of the thread are raised by the next `insert` or by `close`; after one, nothing more is written. Where the
    server's folder is not ours, rows go the streaming way (same result, about a third of the speed).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pieces: queue.Queue[tuple[str, pa.Table] | None] = queue.Queue(_WAITING_PIECES)
        self._error: Exception | None = None
        self._tables: set[str] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="bulk-inserter", daemon=True)
        self._thread.start()

    def insert(self, table: str, data: pa.Table) -> None:
        """Queue one piece; blocks while enough pieces wait."""
        if self._closed:
            raise StorageRejected("this bulk inserter is closed")
        self._raise()
        self._tables.add(table)
        if data.num_rows:
            self._pieces.put((table, data))

    def close(self) -> None:
        """Return when all rows can be read; raises what went wrong on the way."""
        self._stop()
        self._raise()
        if self._tables:
            self._database.wait_applied(*sorted(self._tables), timeout=600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            # What is queued is not wanted any more, and the caller's error is the one to tell.
            with contextlib.suppress(queue.Empty):
                while True:
                    self._pieces.get_nowait()
            self._stop()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _stop(self) -> None:
        if not self._closed:
            self._closed = True
            self._pieces.put(None)
        self._thread.join()

    def _work(self) -> None:
        folder = self._database.import_folder
        way = _StreamingWay(self._database) if folder is None else _FileWay(self._database, folder)
        try:
            while (piece := self._pieces.get()) is not None:
                # After an error the queue is emptied, so that the caller is never left waiting.
                if self._error is None:
                    try:
                        way.insert(*piece)
                    except Exception as error:  # noqa: BLE001 - raised to the caller by _raise
                        self._error = error
        finally:
            try:
                way.close()
            except Exception as error:  # noqa: BLE001 - raised to the caller by _raise
                self._error = self._error or error


class _FileWay:
    """A Parquet file in the server's import folder, read by the server itself."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._statements: dict[tuple[str, tuple[str, ...]], str] = {}

    def insert(self, table: str, data: pa.Table) -> None:
        statement = self._statement(table, tuple(data.column_names))
        file = self._folder / f"tapeflow-{os.getpid()}-{uuid.uuid4().hex}.parquet"
        try:
            try:
                write_piece(data, file)
            except OSError as error:
                raise StorageUnavailable(f"a piece of {table} cannot be written to {self._folder}: {error}") from error
            if self._connection is None or self._connection.closed:
                self._connection = self._database.connect()
            self._database.run(self._connection, statement.replace(_PLACE, text(file.name)))
        finally:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _statement(self, table: str, names: tuple[str, ...]) -> str:
        key = (table, names)
        if key not in self._statements:
            columns = table_columns(self._database, table)
            columns.check(dict.fromkeys(names, ()))
            casts = [f"{name}::{columns.types[name]}" if columns.types[name] in _CAST else name for name in names]
            self._statements[key] = (
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(casts)} FROM read_parquet({_PLACE})"
            )
        return self._statements[key]


class _StreamingWay:
    """Rows over HTTP, for servers whose folders are not ours."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writers: dict[str, TableWriter] = {}

    def insert(self, table: str, data: pa.Table) -> None:
        if table not in self._writers:
            self._writers[table] = TableWriter(self._database, table)
        self._writers[table].write({name: data[name] for name in data.column_names})

    def close(self) -> None:
        with contextlib.ExitStack() as writers:
            for writer in self._writers.values():
                writers.callback(writer.close)


def write_piece(data: pa.Table, file: Path) -> None:
    """The piece as an uncompressed Parquet file: it is read once, from the page cache, and removed."""
    repeated = [
        field.name for field in data.schema if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type)
    ]
    pq.write_table(
        data, file, compression="none", use_dictionary=repeated or False, write_statistics=False, store_schema=False
    )
