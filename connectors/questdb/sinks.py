"""The sinks of a flow: rows of the result tables and indicator values, one partition and one writer per table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.questdb.columns import NULL, Columns
from connectors.questdb.database import Database
from connectors.questdb.writer import FLUSH_SECONDS, TableWriter, rows_to_columns
from operators.evaluation import NO_SEQ
from operators.indicator_rows import IndicatorRows
from operators.results import APPROACH_ROWS, RESULT_ROWS, ResultRow

TABLES = tuple(sorted(row.TABLE for row in (*RESULT_ROWS, *APPROACH_ROWS)))
_Item = TypeVar("_Item")


class ResultSink(FixedPartitionedSink[list[ResultRow], None]):
    """Takes `(table, rows)` items. Rows are acknowledged by the database before a snapshot is taken.

    The tables' dedup keys make rows that come again after a restart collapse, so nothing is kept as resume state.
    `on_rows` is told which rows of which table have been handed to the writer. `on_error` is told an error before it
    is raised: what a sink raises can end the process before anybody else hears of it. Rows wait for `flush_seconds` at
    most; each flush costs the server some milliseconds, so those who read what happened long ago should not hurry.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_rows: Callable[[str, Sequence[ResultRow]], None],
        on_error: Callable[[BaseException], None],
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._database = database
        self._on_rows = on_rows
        self._on_error = on_error
        self._flush_seconds = flush_seconds

    def list_parts(self) -> list[str]:
        return list(TABLES)

    def part_fn(self, item_key: str) -> int:
        return TABLES.index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _ResultPartition:
        return _ResultPartition(self._database, for_part, self._on_rows, self._on_error, self._flush_seconds)


class IndicatorSink(FixedPartitionedSink[IndicatorRows, None]):
    """Takes `(table, rows)` items with indicator values of the session `session_id`; otherwise as `ResultSink`."""

    def __init__(
        self,
        database: Database,
        session_id: str,
        *,
        on_error: Callable[[BaseException], None],
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._database = database
        self._session_id = session_id
        self._on_error = on_error
        self._flush_seconds = flush_seconds

    def list_parts(self) -> list[str]:
        return [IndicatorRows.TABLE]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _IndicatorPartition:
        return _IndicatorPartition(self._database, self._session_id, self._on_error, self._flush_seconds)


class _TablePartition(StatefulSinkPartition[_Item, None], ABC, Generic[_Item]):
    """Writes what comes for one table. The writer starts with the first rows."""

    def __init__(
        self, database: Database, table: str, on_error: Callable[[BaseException], None], flush_seconds: float
    ) -> None:
        self._database = database
        self._table = table
        self._on_error = on_error
        self._flush_seconds = flush_seconds
        self._writer: TableWriter | None = None

    @abstractmethod
    def write_batch(self, values: list[_Item]) -> None: ...

    def write(self, columns: Columns) -> None:
        """Hand rows to the writer."""
        with self._told():
            if self._writer is None:
                self._writer = TableWriter(self._database, self._table, seconds=self._flush_seconds)
            self._writer.write(columns)

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


class _ResultPartition(_TablePartition[list[ResultRow]]):
    def __init__(
        self,
        database: Database,
        table: str,
        on_rows: Callable[[str, Sequence[ResultRow]], None],
        on_error: Callable[[BaseException], None],
        flush_seconds: float,
    ) -> None:
        super().__init__(database, table, on_error, flush_seconds)
        self._on_rows = on_rows

    def write_batch(self, values: list[list[ResultRow]]) -> None:
        rows = [row for value in values for row in value]
        if not rows:
            return
        self.write(rows_to_columns(rows))
        self._on_rows(self._table, rows)


class _IndicatorPartition(_TablePartition[IndicatorRows]):
    def __init__(
        self, database: Database, session_id: str, on_error: Callable[[BaseException], None], flush_seconds: float
    ) -> None:
        super().__init__(database, IndicatorRows.TABLE, on_error, flush_seconds)
        self._session_id = session_id

    def write_batch(self, values: list[IndicatorRows]) -> None:
        for rows in values:
            if len(rows):
                self.write(self._columns(rows))

    def _columns(self, rows: IndicatorRows) -> Columns:
        return {
            "timestamp": rows.ts,
            "session_id": _one_of([self._session_id], np.zeros(len(rows), np.int32)),
            "symbol": _one_of([rows.symbol], np.zeros(len(rows), np.int32)),
            "seq": np.where(rows.seq == NO_SEQ, NULL, rows.seq),
            "indicator_id": _one_of(rows.indicator_ids, rows.which),
            "value": rows.value,
            "confidence": rows.cover,
        }


def _one_of(names: Sequence[str], which: np.ndarray[tuple[int], np.dtype[np.int32]]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(which), pa.array(names, pa.string()))
