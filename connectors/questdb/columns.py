"""Columns of values as the streaming client wants them, by the types that the database's own table has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected
from connectors.questdb.literals import text
from operators.tape import Float64, Int64

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NULL: Final = int(np.iinfo(np.int64).min)
"""An absent LONG or TIMESTAMP inside an int64 array."""

Values: TypeAlias = Sequence[Any] | NDArray[Any]
"""The values of a column: a list, a numpy array, or an Arrow array (which carries no types).

Order books are also taken as one array `[rows, 2, levels]`: prices, then quantities, padded with NaN."""
Columns: TypeAlias = Mapping[str, Values]

_WHOLE: Final = {"BYTE": pa.int8(), "SHORT": pa.int16(), "INT": pa.int32(), "LONG": pa.int64()}
_NEVER_NULL: Final = frozenset({"BOOLEAN", "BYTE", "SHORT"})
_LATEST: Final = 7_258_118_400_000_000
"""The year 2200 in microseconds: anything later is a mistake of units, and would hide every newer row for good."""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns of a table: `types` by name in the table's order, and which one is the designated timestamp."""

    table: str
    types: Mapping[str, str]
    timestamp: str

    @property
    def symbols(self) -> list[str]:
        """The columns of type SYMBOL."""
        return [name for name, kind in self.types.items() if kind == "SYMBOL"]

    def check(self, columns: Columns) -> int:
        """The number of rows; raises `StorageRejected` where names or lengths cannot be right."""
        if unknown := [name for name in columns if name not in self.types]:
            raise StorageRejected(
                f"the table {self.table} has no column {unknown[0]!r}; it has {', '.join(self.types)}"
            )
        if self.timestamp not in columns:
            raise StorageRejected(f"rows for {self.table} need its designated timestamp, the column {self.timestamp}")
        for name, kind in self.types.items():
            if kind in _NEVER_NULL and name not in columns:
                raise StorageRejected(f"rows for {self.table} need the column {name}: a {kind} cannot be absent")
        rows = len(columns[self.timestamp])
        for name, values in columns.items():
            if len(values) != rows:
                raise StorageRejected(
                    f"rows for {self.table}: {len(values)} values in {name}, {rows} in {self.timestamp}"
                )
        return rows

    def frame(self, columns: Columns) -> pd.DataFrame:
        """The rows as a data frame sorted by the designated timestamp; equal times keep their order.

        Raises `StorageRejected` naming the column whose values do not fit its type. None, NaN and `NULL` are NULL;
        so are infinite numbers, which the database does not have.
        """
        frame = pd.DataFrame({name: self._series(name, values) for name, values in columns.items()}, copy=False)
        if not frame[self.timestamp].is_monotonic_increasing:
            frame = frame.sort_values(self.timestamp, kind="stable", ignore_index=True)
        return frame

    def _series(self, name: str, values: Values) -> Any:
        kind = self.types[name]
        try:
            if kind == "TIMESTAMP":
                return self._times(name, values)
            if kind == "SYMBOL":
                return _categories(values)
            if kind in ("VARCHAR", "STRING"):
                return pd.Series(_arrow(values, pa.string()), dtype=pd.ArrowDtype(pa.string()))
            if kind == "DOUBLE":
                return _arrow(values, pa.float64()).to_numpy(zero_copy_only=False)
            if kind == "DOUBLE[][]":
                return _matrices(values)
            if kind == "BOOLEAN":
                return self._complete(name, _arrow(values, pa.bool_())).to_numpy(zero_copy_only=False)
            if kind in _WHOLE:
                numbers = _whole(values, _WHOLE[kind])
                return _filled(numbers if kind == "LONG" else self._complete(name, numbers))
        except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
            raise StorageRejected(f"{self.table}.{name} takes {kind} values: {_line(error)}") from error
        raise StorageRejected(f"{self.table}.{name} has the type {kind}, which is never written this way")

    def _times(self, name: str, values: Values) -> Any:
        times = _filled(_microseconds(values))
        if name == self.timestamp and len(times) and not (times.min() >= 0 and times.max() < _LATEST):
            wrong = times[(times < 0) | (times >= _LATEST)][0]
            found = "NULL" if wrong == NULL else str(wrong)
            raise StorageRejected(
                f"{self.table}.{name} takes times in microseconds between 1970 and 2200, found {found}"
            )
        return times.view("datetime64[us]")

    def _complete(self, name: str, values: pa.Array) -> pa.Array:
        if values.null_count:
            raise StorageRejected(f"{self.table}.{name} is a {self.types[name]} and cannot be NULL")
        return values


def table_columns(database: Database, table: str) -> TableColumns:
    """What the database says of a table; `StorageRejected` where there is no such table."""
    rows = database.query(f'SELECT "column", type, designated FROM table_columns({text(table)})')
    designated = [column for column, _, timestamp in rows if timestamp]
    if not designated:
        raise StorageRejected(f"the table {table} has no designated timestamp")
    return TableColumns(table, {column: kind.upper() for column, kind, _ in rows}, designated[0])


def rows_to_columns(rows: Sequence[DataclassInstance]) -> dict[str, list[Any]]:
    """Records of one dataclass, turned to columns named as its fields.

    >>> from operators.results import EquitySample
    >>> columns = rows_to_columns([EquitySample(1, "s", "main", 10.0, 10.0, 0.0, 0.0, 0)])
    >>> columns["account"], columns["equity"]
    (['main'], [10.0])
    """
    if not rows:
        return {}
    names = [field.name for field in dataclasses.fields(rows[0])]
    return {name: [getattr(row, name) for row in rows] for name in names}


def concatenate(parts: Sequence[Columns]) -> dict[str, Values]:
    """Batches of one table as one; a column that a batch lacks is NULL there."""
    if len(parts) == 1:
        return dict(parts[0])
    names = dict.fromkeys(name for part in parts for name in part)
    lengths = [len(next(iter(part.values()))) for part in parts]
    joined: dict[str, Values] = {}
    for name in names:
        pieces: list[Values] = [
            part[name] if name in part else [None] * length for part, length in zip(parts, lengths, strict=True)
        ]
        arrays = [piece for piece in pieces if isinstance(piece, np.ndarray)]
        columnar = [piece for piece in pieces if isinstance(piece, pa.Array | pa.ChunkedArray)]
        if len(arrays) == len(pieces) and len({array.shape[1:] for array in arrays}) == 1:
            joined[name] = np.concatenate(arrays)
        elif len(columnar) == len(pieces) and len({piece.type for piece in columnar}) == 1:
            joined[name] = pa.chunked_array([chunk for piece in columnar for chunk in _chunks(piece)])
        else:
            joined[name] = [value for piece in pieces for value in _plain(piece)]
    return joined


def split(columns: Columns, rows: int) -> list[Columns]:
    """The same rows in batches of at most `rows`."""
    total = len(next(iter(columns.values())))
    if total <= rows:
        return [columns]
    return [{name: values[start : start + rows] for name, values in columns.items()} for start in range(0, total, rows)]


def _chunks(values: Any) -> list[Any]:
    return list(values.chunks) if isinstance(values, pa.ChunkedArray) else [values]


def _one_chunk(values: Values) -> Values:
    if isinstance(values, pa.ChunkedArray):
        joined: Values = values.unify_dictionaries().combine_chunks()
        return joined
    return values


def _plain(values: Values) -> Sequence[Any]:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return list((_microseconds(values) if pa.types.is_timestamp(values.type) else values).to_pylist())
    if isinstance(values, np.ndarray):
        return list(values.tolist()) if values.ndim == 1 else _rows_of_ladders(values)
    return list(values)


def _arrow(values: Values, kind: pa.DataType) -> pa.Array:
    values = _one_chunk(values)
    if isinstance(values, pa.Array):
        return values.cast(kind)
    return pa.array(values, type=kind)


def _whole(values: Values, kind: pa.DataType) -> pa.Array:
    # By way of the inferred type: asked for whole numbers directly, Arrow cuts 1.5 down to 1.
    numbers: Any = _one_chunk(values) if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    if not (pa.types.is_integer(numbers.type) or pa.types.is_floating(numbers.type) or pa.types.is_null(numbers.type)):
        raise TypeError(f"found {numbers.type} values")
    return numbers.cast(kind)


def _microseconds(values: Values) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray) and pa.types.is_timestamp(values.type):
        return _arrow(values, pa.timestamp("us", values.type.tz)).cast(pa.int64())
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[us]").view(np.int64))
    return _whole(values, pa.int64())


def _filled(numbers: pa.Array) -> Int64:
    if numbers.null_count:
        numbers = numbers.fill_null(NULL)
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def _categories(values: Values) -> pd.Series[Any]:
    values = _one_chunk(values)
    encoded: Any = values if isinstance(values, pa.DictionaryArray) else _arrow(values, pa.string()).dictionary_encode()
    codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    # without any category the sender could not tell that they are strings
    names = encoded.dictionary.cast(pa.string()).to_pylist() or [""]
    dtype = pd.CategoricalDtype(pd.Index(names, dtype=object))
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))


def _matrices(values: Values) -> pd.Series[Any]:
    values = _one_chunk(values)
    rows: list[Any]
    if isinstance(values, pa.Array):
        rows = [None] * len(values) if pa.types.is_null(values.type) else _matrices_of_lists(values)
    elif isinstance(values, np.ndarray) and values.ndim == 3:
        rows = _rows_of_ladders(values)
    else:
        rows = [_matrix(value) for value in values]
    return pd.Series(np.fromiter(rows, dtype=object, count=len(rows)))


def _rows_of_ladders(values: NDArray[Any]) -> list[Any]:
    """A view per book without the levels that it does not have; a side without any has one of NaN."""
    if values.shape[1:2] != (2,) or values.dtype != np.float64:
        raise ValueError(
            f"books of the shape {values.shape} and type {values.dtype} instead of float64 [rows, 2, levels]"
        )
    rows = list(values)
    depths = np.maximum((~np.isnan(values[:, 0, :])).sum(axis=1), 1)
    for row in np.flatnonzero(depths < values.shape[2]).tolist():
        rows[row] = rows[row][:, : depths[row]]
    return rows


def _matrix(value: Any) -> Float64 | None:
    if value is None:
        return None
    matrix = np.asarray(value, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"an array of {matrix.ndim} dimensions instead of 2")
    return matrix


def _matrices_of_lists(values: pa.Array) -> list[Any]:
    """Nested lists without a Python object per number: every row is a stretch of the flat values."""
    outer, inner = values.offsets.to_numpy(), values.values.offsets.to_numpy()
    flat = values.values.values.to_numpy(zero_copy_only=False)
    missing = values.is_null().to_numpy(zero_copy_only=False)
    rows: list[Any] = []
    for index in range(len(values)):
        first, last = outer[index], outer[index + 1]
        if missing[index] or first == last:
            rows.append(None if missing[index] else np.zeros((0, 0)))
        else:
            rows.append(flat[inner[first] : inner[last]].reshape(last - first, -1))
    return rows


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
