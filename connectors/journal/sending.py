"""Records of a journal on their way to the tables: several at a time, one writer per table."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from connectors.journal.entries import decode
from connectors.journal.journal import Journal
from connectors.journal.segments import Record
from connectors.questdb.database import Database
from connectors.questdb.errors import AccessRefused, StorageRejected
from connectors.questdb.writer import TableWriter

GROUP_ROWS: Final = 100_000
GROUP_BYTES: Final = 32 << 20
OUTAGE_SECONDS: Final = 1.0


class JournalSender:
    """Sends the oldest records of a journal to one database and drops them when everything in them is acknowledged.

    Records of a table arrive in their order. A group that failed half way is sent again from its beginning by whoever
    tries next: the tables' keys make that harmless. Any error ends the sender.
    """

    def __init__(self, journal: Journal, database: Database, *, outage_seconds: float = OUTAGE_SECONDS) -> None:
        self._journal = journal
        self._database = database
        self._outage = outage_seconds
        self._writers: dict[str, TableWriter] = {}

    def send_some(self) -> int:
        """Send and drop a group of records, all that wait within its bounds; returns how many rows it had.

        Raises `StorageUnavailable` when the database is away, `AccessRefused` when it is somebody else's. If it
        refuses rows, everything before the record with them is dropped, and `StorageRejected` names the record, which
        stays with all behind it.
        """
        records = self._journal.waiting(GROUP_ROWS, GROUP_BYTES)
        try:
            self._send(records)
        except AccessRefused:
            # nothing to do with the rows
            raise
        except StorageRejected:
            self.abandon()
            self._send_singly(records)
        else:
            self._journal.acknowledge(records)
        return sum(record.header.rows for record in records)

    def abandon(self) -> None:
        """End the writers, whatever they still have to send."""
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            writer.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def _send(self, records: Sequence[Record]) -> None:
        tables: set[str] = set()
        for record in records:
            for table, columns in decode(record.payload).items():
                tables.add(table)
                self._writer(table).write(columns)
        for table in tables:
            self._writers[table].flush()

    def _send_singly(self, records: Sequence[Record]) -> None:
        """Find the record that is refused, if it still is."""
        for record in records:
            try:
                self._send([record])
            except AccessRefused:
                raise
            except StorageRejected as error:
                place = f"{self._journal.folder}, segment {record.end.segment}, up to byte {record.end.offset}"
                raise StorageRejected(f"{error} (journalled in {place}; nothing is dropped)") from error
            self._journal.acknowledge([record])

    def _writer(self, table: str) -> TableWriter:
        if table not in self._writers:
            self._writers[table] = TableWriter(self._database, table, outage_seconds=self._outage)
        return self._writers[table]
