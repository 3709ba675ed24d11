"""Where a QuestDB is and how to ask it something: SQL over the PostgreSQL port, bulk reads over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import urllib3
from pydantic import SecretStr

from connectors.questdb.errors import AccessRefused, StorageRejected, StorageUnavailable, TableSuspended

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 600.0
ROW_GROUP: Final = 100_000
"""Rows per group of an exported Parquet page: small enough that the server sends while it still reads."""
_BUSY_SECONDS: Final = 60.0
_CANCELLED: Final = "cancelled by user"
"""What a server that shuts down says of the statements under way; nobody here cancels any."""
_HEALTH_SECONDS: Final = 2.0
_POOL_SIZE: Final = 16
_FULL_DISK: Final = ("No space left", "errno=28", "[28]")
_FULL_BYTES: Final = 8 * 1024 * 1024

_pools: dict[tuple[int, str, int], urllib3.HTTPConnectionPool] = {}
_pools_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Database:
    """A QuestDB and the right to use it. `import_folder` is the server's `import/` folder where it is ours, else None.

    All methods raise `StorageUnavailable` when the server cannot be reached and `StorageRejected` with the server's
    own words when it refuses. Methods may be called from any thread.
    """

    host: str
    http_port: int
    pg_port: int
    user: str
    password: SecretStr
    import_folder: Path | None

    @property
    def address(self) -> str:
        """Host and HTTP port, for messages."""
        return f"{self.host}:{self.http_port}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection: every statement commits by itself, nothing is prepared, times are UTC."""
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.pg_port,
                user=self.user,
                password=self.password.get_secret_value(),
                dbname="qdb",
                connect_timeout=max(2, int(CONNECT_SECONDS)),
                autocommit=True,
            )
        except psycopg.Error as error:
            if "invalid username/password" in str(error):
                raise self._refused() from error
            raise self._unreachable(error) from error
        connection.prepare_threshold = None
        return connection

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result. Parameters stand as %s; times are naive datetimes in UTC."""
        with self.connect() as connection:
            return self.run(connection, sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement without a result."""
        with self.connect() as connection:
            self.run(connection, sql, parameters)

    def export(self, sql: str) -> pa.Table:
        """All rows of a large result as Arrow columns, through the server's Parquet export.

        Timestamps come as `timestamp[us]` in UTC, arrays as nested lists, symbols as strings. (Asked to keep a file's
        dictionary, Arrow 26 merges the equal entries that the server writes for symbols of other rows, but not the
        indices: wrong symbols without an error.)
        """
        return pq.read_table(pa.BufferReader(self.export_bytes(sql)))

    def export_bytes(self, sql: str) -> bytes:
        """The Parquet file of a result as the server sends it (waiting for it releases the interpreter's lock)."""
        fields = {"query": sql, "fmt": "parquet", "compression_codec": "lz4_raw", "row_group_size": str(ROW_GROUP)}
        until = time.monotonic() + _BUSY_SECONDS
        pause = 0.01
        # The server counts a connection that has exported as an export until it is closed.
        while _too_many(response := self.http("GET", "/exp", fields, close=True)):
            if time.monotonic() > until:
                raise StorageUnavailable(
                    f"the database at {self.address} has been busy with other exports for {_BUSY_SECONDS:g} s; "
                    "raise its http.export.connection.limit"
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.5)
        if response.status != 200:
            raise StorageRejected(f"the database refused a query: {_reason(response.data)}; SQL: {sql[:200]}")
        return response.data

    def http(
        self,
        method: str,
        path: str,
        fields: dict[str, str] | None = None,
        *,
        seconds: float = READ_SECONDS,
        close: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """One HTTP request with our credentials; any status but 401 is returned, no answer is `StorageUnavailable`."""
        headers = urllib3.make_headers(basic_auth=f"{self.user}:{self.password.get_secret_value()}")
        if close:
            headers["Connection"] = "close"
        try:
            timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
            response = self._pool().request(method, path, fields=fields, headers=headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if response.status == 401:
            raise self._refused()
        return response

    def check(self) -> None:
        """Healthy = the HTTP side answers and SQL works; raises otherwise."""
        response = self.http("GET", "/ping", seconds=_HEALTH_SECONDS)
        if response.status not in (200, 204):
            raise StorageUnavailable(f"what answers at {self.address} is no QuestDB: /ping gave {response.status}")
        self.query("SELECT 1")

    def wait_applied(self, *tables: str, timeout: float = 60.0) -> None:
        """Return when every row acknowledged before the call can be read (no names: in all tables).

        A write is acknowledged when the server has logged it; queries see it a moment later. Raises
        `TableSuspended` where that moment would never come, `StorageUnavailable` after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        targets: dict[str, int] = {}
        pause = 0.002
        with self.connect() as connection:
            while True:
                rows = self.run(connection, _PENDING)
                found = {row[0]: row[1:] for row in rows if not tables or row[0] in tables}
                if missing := set(tables) - found.keys():
                    raise StorageRejected(f"the database has no table {sorted(missing)[0]!r}")
                for table, (suspended, applied, logged, message) in found.items():
                    if suspended:
                        raise TableSuspended(suspension(table, message))
                    targets.setdefault(table, logged)
                    if applied >= targets[table]:
                        targets[table] = -1
                behind = [table for table, target in targets.items() if target >= 0]
                if not behind:
                    return
                if time.monotonic() > deadline:
                    raise StorageUnavailable(
                        f"after {timeout:g} s the database has not applied all rows of {', '.join(behind)}"
                    )
                time.sleep(pause)
                pause = min(pause * 1.5, 0.05)

    def run(
        self, connection: psycopg.Connection[tuple[Any, ...]], sql: str, parameters: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """`query` or `execute` on a connection that is kept; no rows where the statement has none."""
        try:
            # As bytes: the text comes from this package, values travel as parameters.
            cursor = connection.execute(sql.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise self._unreachable(error) from error
        except psycopg.Error as error:
            words = _line(error)
            if self.disk_is_full(words):
                raise StorageUnavailable(f"the database's disk is full: {words}; free some space") from error
            if _CANCELLED in words:
                raise StorageUnavailable(f"the database has given up a statement: {words}") from error
            raise StorageRejected(f"the database refused a statement: {words}; SQL: {_short(sql)}") from error

    def disk_is_full(self, words: str) -> bool:
        """Whether a failure that the server or the client described in `words` comes from a full disk."""
        if any(sign in words for sign in _FULL_DISK):
            return True
        # A server without space often just closes the connection.
        return self.import_folder is not None and shutil.disk_usage(self.import_folder).free < _FULL_BYTES

    def _pool(self) -> urllib3.HTTPConnectionPool:
        key = (os.getpid(), self.host, self.http_port)
        with _pools_lock:
            if key not in _pools:
                _pools[key] = urllib3.HTTPConnectionPool(
                    self.host,
                    self.http_port,
                    maxsize=_POOL_SIZE,
                    retries=False,
                )
            return _pools[key]

    def _refused(self) -> AccessRefused:
        return AccessRefused(f"the database at {self.address} refuses the user {self.user!r} or the password")

    def _unreachable(self, error: Exception) -> StorageUnavailable:
        return StorageUnavailable(
            f"no database answers at {self.address} ({_line(error)}); `tapeflow db start` starts the managed one, "
            "`tapeflow doctor` looks for the cause"
        )


_PENDING: Final = "SELECT name, suspended, writerTxn, sequencerTxn, errorMessage FROM wal_tables()"


def suspension(table: str, message: str | None) -> str:
    """What to tell about a suspended table."""
    cause = f" ({message})" if message else ""
    return (
        f"the table {table} is suspended{cause}: its rows are logged but not applied; free disk space or remove the "
        f"cause, then run: ALTER TABLE {table} RESUME WAL"
    )


def _too_many(response: urllib3.BaseHTTPResponse) -> bool:
    return response.status != 200 and b"exceeded connection limit" in response.data


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace").strip() or "without a word"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _short(sql: str) -> str:
    return " ".join(sql.split())[:200]
