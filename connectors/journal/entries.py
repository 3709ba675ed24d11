"""Rows of tables as the bytes of a journal's record, and back: Arrow streams, one per table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from connectors.journal.errors import RowsNotStorable
from connectors.questdb.columns import Columns, Values

Tables: TypeAlias = Mapping[str, Columns]
"""Rows to write: columns by name, by name of the table, as `TableWriter.write` takes them."""

_TABLE: Final = "table"


@dataclass(frozen=True, slots=True)
class Entry:
    """A slice of the tape, `(first_ts, last_ts]` in µs, as rows of tables; `last_seq` is the largest given until then.

    A slice in which nothing happened has no tables.
    """

    tables: Tables
    first_ts: int
    last_ts: int
    last_seq: int


def encode(tables: Tables) -> tuple[memoryview, int]:
    """The rows as bytes, and how many they are. Raises `RowsNotStorable` where Arrow has no type for the values.

    Arrays are copied as they are; strings are stored once each, with an index per row.
    """
    sink = pa.BufferOutputStream()
    rows = 0
    for table, columns in tables.items():
        count = len(next(iter(columns.values()), ()))
        if not count:
            continue
        try:
            arrays = [_array(values) for values in columns.values()]
            schema = pa.schema(
                [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)], {_TABLE: table}
            )
            batch = pa.record_batch(arrays, schema=schema)
            batch.validate()
            with pa.ipc.new_stream(sink, schema) as stream:
                stream.write_batch(batch)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            words = " ".join(str(error).split())[:200]
            raise RowsNotStorable(f"rows of {table} cannot be journalled: {words}") from error
        rows += count
    return memoryview(sink.getvalue()), rows


def decode(payload: bytes) -> dict[str, Columns]:
    """The rows of `encode`: numpy arrays over the payload's memory where nothing is absent, else Arrow arrays."""
    source = pa.BufferReader(payload)
    tables: dict[str, Columns] = {}
    while source.tell() < len(payload):
        with pa.ipc.open_stream(source) as stream:
            metadata = stream.schema.metadata
            batch = stream.read_all()
        columns = zip(batch.column_names, batch.columns, strict=True)
        tables[metadata[_TABLE.encode()].decode()] = {name: _values(column.chunk(0)) for name, column in columns}
    return tables


def _array(values: Values) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return pa.chunked_array(values.unify_dictionaries()).combine_chunks()
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray):
        if values.ndim == 1:
            return pa.array(values)
        if values.ndim == 3:
            return _ladders(values)
        raise ValueError(f"an array of {values.ndim} dimensions")
    if isinstance(next((value for value in values if value is not None), None), np.ndarray):
        return pa.array([value.tolist() if isinstance(value, np.ndarray) else value for value in values])
    array = pa.array(values)
    # Always, so that the same column has the same type in every entry.
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def _ladders(values: np.ndarray[Any, Any]) -> pa.Array:
    """Order books `[rows, 2, levels]` without an object per row."""
    _, sides, levels = values.shape
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float64).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(flat, levels), sides)


def _values(array: pa.Array) -> Values:
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        flat = array.flatten().flatten().to_numpy(zero_copy_only=True)
        ladders: np.ndarray[Any, Any] = flat.reshape(len(array), kind.list_size, kind.value_type.list_size)
        return ladders
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if numeric and not array.null_count:
        numbers: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False)
        return numbers
    absent: Values = array
    return absent
