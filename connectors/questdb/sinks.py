"""The result sink: rows of the result tables, one partition and one writer per table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.questdb.database import Database
from connectors.questdb.writer import TableWriter, rows_to_columns
from operators.results import RESULT_ROWS, ResultRow

TABLES = tuple(sorted(row.TABLE for row in RESULT_ROWS))


class ResultSink(FixedPartitionedSink[list[ResultRow], None]):
    """Takes `(table, rows)` items. Rows are acknowledged by the database before a snapshot is taken.

    The tables' dedup keys make rows that come again after a restart collapse, so nothing is kept as resume state.
    `on_rows` is told which rows of which table have been handed to the writer. `on_error` is told an error before it
    is raised: what a sink raises can end the process before anybody else hears of it.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_rows: Callable[[str, Sequence[ResultRow]], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._database = database
        self._on_rows = on_rows
        self._on_error = on_error

    def list_parts(self) -> list[str]:
        return list(TABLES)

    def part_fn(self, item_key: str) -> int:
        return TABLES.index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _TablePartition:
        return _TablePartition(self._database, for_part, self._on_rows, self._on_error)


class _TablePartition(StatefulSinkPartition[list[ResultRow], None]):
    def __init__(
        self,
        database: Database,
        table: str,
        on_rows: Callable[[str, Sequence[ResultRow]], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._database = database
        self._table = table
        self._on_rows = on_rows
        self._on_error = on_error
        self._writer: TableWriter | None = None

    def write_batch(self, values: list[list[ResultRow]]) -> None:
        rows = [row for value in values for row in value]
        if not rows:
            return
        with self._told():
            if self._writer is None:
                self._writer = TableWriter(self._database, self._table)
            self._writer.write(rows_to_columns(rows))
        self._on_rows(self._table, rows)

    def snapshot(self) -> None:
        if self._writer is not None:
            with self._told():
                self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            with self._told():
                self._writer.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._on_error(error)
            raise
