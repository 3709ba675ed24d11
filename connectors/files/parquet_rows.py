"""Parquet files to columns, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files.blocks import Bool
from connectors.files.containers import OnBytes, Part
from connectors.files.rows import TEXT, Field, RowBlock, read_texts

BATCH_ROWS: Final = 65_536


def parquet_rows(part: Part, fields: Mapping[str, Field], on_bytes: OnBytes, batch_rows: int) -> Iterator[RowBlock]:
    """All rows of a file; `lines` are row numbers from 1, `raw` the needed values separated by commas."""
    size = part.path.stat().st_size
    with part.reading(), pq.ParquetFile(part.path) as file:
        names = list(dict.fromkeys(field.name for field in fields.values()))
        total = max(file.metadata.num_rows, 1)
        done = told = 0
        for batch in file.iter_batches(batch_size=batch_rows, columns=names):
            yield _rows(batch, fields, done + 1)
            done += batch.num_rows
            on_bytes(size * done // total - told)
            told = size * done // total


def _rows(batch: pa.RecordBatch, fields: Mapping[str, Field], first: int) -> RowBlock:
    columns: dict[str, pa.Array] = {}
    unreadable: dict[str, Bool] = {}
    for role, field in fields.items():
        columns[role], unreadable[role] = _as_kind(batch.column(field.name), field.kind)

    def texts(row: int) -> dict[str, str]:
        return {role: _text(batch.column(field.name)[row]) for role, field in fields.items()}

    def raw(row: int) -> bytes:
        return ",".join(_text(batch.column(name)[row]) for name in batch.schema.names).encode("utf-8", "replace")

    return RowBlock(np.arange(first, first + batch.num_rows), columns, unreadable, texts, raw)


def _as_kind(values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Bool]:
    """A column as the type it is needed in; numbers in text, decimals and other widths are converted."""
    if values.type == kind:
        return values, np.zeros(len(values), np.bool_)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        try:
            if kind == TEXT:
                return values.cast(pa.utf8()).fill_null("").dictionary_encode(), np.zeros(len(values), np.bool_)
            if pa.types.is_string(kind):
                return values.cast(pa.utf8()).fill_null(""), np.zeros(len(values), np.bool_)
            # a decimal or a whole number beyond 2**53 becomes the nearest double, as its text would
            return values.cast(kind, safe=not pa.types.is_floating(kind)), np.zeros(len(values), np.bool_)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    return read_texts([_text(value) for value in values], kind)


def _text(value: pa.Scalar) -> str:
    plain = value.as_py() if not pa.types.is_timestamp(value.type) else value.cast(pa.utf8()).as_py()
    if plain is None:
        return ""
    return str(plain).lower() if isinstance(plain, bool) else str(plain)
