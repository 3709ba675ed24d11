"""Result rows as the database keeps them: one per identity, missing values as None."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final, TypeVar

from operators.results import (
    RESULT_ROWS,
    EquitySample,
    Fill,
    Order,
    OrderEvent,
    Position,
    ResultRow,
    RiskEvent,
    StateTransition,
    StrategySignal,
)

Row = TypeVar("Row", bound=ResultRow)
Plain = str | int | float | bool | None

DEDUPLICATION_KEYS: Final[dict[str, tuple[str, ...]]] = {
    StateTransition.TABLE: ("timestamp", "session_id", "account", "strategy", "symbol", "n"),
    StrategySignal.TABLE: ("timestamp", "signal_id"),
    Order.TABLE: ("timestamp", "order_id"),
    OrderEvent.TABLE: ("timestamp", "order_id", "n"),
    Fill.TABLE: ("timestamp", "fill_id"),
    Position.TABLE: ("timestamp", "position_id"),
    EquitySample.TABLE: ("timestamp", "session_id", "account"),
    RiskEvent.TABLE: ("timestamp", "session_id", "account", "n"),
}
"""The fields by which the database tells rows apart (storage, "Tables")."""

ROW_TYPES: Final[dict[str, type[ResultRow]]] = {row_type.TABLE: row_type for row_type in RESULT_ROWS}
"""The row type of each result table."""


def newest_rows(rows: Iterable[Row]) -> list[Row]:
    """The last row of each identity, in the order in which identities first came.

    A position is written after each of its fills and everything may be written again after a restart: the database
    collapses such rows by their deduplication key, and so does this.
    """
    newest: dict[tuple[Any, ...], Row] = {}
    identity: Callable[[Row], tuple[Any, ...]] | None = None
    for row in rows:
        if identity is None:
            identity = attrgetter(*DEDUPLICATION_KEYS[row.TABLE])
        newest[identity(row)] = row
    return list(newest.values())


def column_names(row_type: type[ResultRow]) -> tuple[str, ...]:
    """The columns of a result table, which are the fields of its row type."""
    return tuple(field.name for field in dataclasses.fields(row_type))


def plain_reader(row_type: type[ResultRow], columns: tuple[str, ...]) -> Callable[[ResultRow], tuple[Plain, ...]]:
    """A function that reads `columns` of a row as plain values of their declared types.

    NaN and infinities are None, as the database stores them; an int in a float column becomes a float and numpy
    scalars become Python's, so that equal values have equal encodings wherever they come from.
    """
    declared = {field.name: str(field.type).partition(" ")[0] for field in dataclasses.fields(row_type)}
    converters = [_CONVERTERS[declared[column]] for column in columns]
    get = attrgetter(*columns)

    def read(row: ResultRow) -> tuple[Plain, ...]:
        values = get(row) if len(converters) > 1 else (get(row),)
        return tuple(
            [None if value is None else convert(value) for convert, value in zip(converters, values, strict=True)]
        )

    return read


def _float(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


_CONVERTERS: Final[dict[str, Callable[[Any], Plain]]] = {"int": int, "float": _float, "str": str, "bool": bool}
