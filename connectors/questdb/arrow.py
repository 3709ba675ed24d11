"""Arrow columns as the numpy columns of the tape."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from operators.tape import Float64, Int8, Int64

Indices = NDArray[np.int16]


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def micros(column: pa.ChunkedArray) -> Int64:
    """Timestamps as microseconds since 1970."""
    values = _one(column)
    if pa.types.is_timestamp(values.type) and values.type.unit != "us":
        values = values.cast(pa.timestamp("us", values.type.tz))
    ts: Int64 = values.view(pa.int64()).to_numpy(zero_copy_only=False)
    return ts


def integers(column: pa.ChunkedArray) -> Int64:
    """64-bit integers; the column has no nulls."""
    values: Int64 = _one(column).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return values


def doubles(column: pa.ChunkedArray) -> Float64:
    """Numbers, NaN where null."""
    values: Float64 = _one(column).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def sides(column: pa.ChunkedArray) -> Int8:
    """Taker sides."""
    values: Int8 = _one(column).to_numpy(zero_copy_only=False).astype(np.int8, copy=False)
    return values


def symbol_indices(column: pa.ChunkedArray, symbols: pa.Array) -> Indices:
    """Index of each row's symbol in `symbols`, −1 where it is none of them."""
    values = _one(column).dictionary_encode()
    known = pc.index_in(values.dictionary.cast(pa.string()), symbols).fill_null(-1)
    table: Indices = known.to_numpy(zero_copy_only=False).astype(np.int16)
    rows: Indices = table[values.indices.to_numpy(zero_copy_only=False)]
    return rows


def tape_order(ts: Int64, seq: Int64) -> NDArray[np.intp] | None:
    """The order that sorts rows by (ts, seq); None where they are sorted."""
    if len(ts) < 2:
        return None
    step = np.diff(ts)
    if np.all((step > 0) | ((step == 0) & (np.diff(seq) > 0))):
        return None
    return np.lexsort((seq, ts))


def levels(column: pa.ChunkedArray) -> tuple[Float64, Float64]:
    """Prices and quantities `[rows, levels]` of a `DOUBLE[][]` column, NaN padded to the deepest row."""
    values = _one(column)
    count = len(values)
    sides = values.flatten()
    flat = sides.flatten().to_numpy(zero_copy_only=False)
    widths = np.diff(sides.offsets.to_numpy())
    if len(widths) != 2 * count:
        raise ValueError("an order book row without two rows of levels")
    deepest = int(widths.max(initial=1)) or 1
    if np.all(widths == deepest):
        both = flat.reshape(count, 2, deepest)
    else:
        both = np.full((2 * count, deepest), np.nan)
        both[np.arange(deepest) < widths[:, None]] = flat
        both = both.reshape(count, 2, deepest)
    return np.ascontiguousarray(both[:, 0, :]), np.ascontiguousarray(both[:, 1, :])
