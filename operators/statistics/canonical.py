"""Result rows without what names the session: the same for the same decisions, whatever run they come from.

Left out are the session id and every id derived from it (order, fill, position and signal ids), the id an exchange
gives to an order, and when a person acknowledged a risk event: none of them is a result of the tape. What the ids
linked stays linked: an order is named by account, strategy, symbol, creation and its rank among the orders created
at that instant, and its events and fills carry that name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from operators.errors import UsageError
from operators.results import Fill, Order, OrderEvent, ResultRow
from operators.statistics.rows import ROW_TYPES, Plain, column_names, newest_rows, plain_reader

TABLES: Final = tuple(sorted(ROW_TYPES))
"""The tables that make up a result, in the order in which they are hashed."""

_IDS: Final = frozenset({"order_id", "fill_id", "position_id", "signal_id"})
_LEFT_OUT: Final = _IDS | {"session_id", "exchange_order_id", "acknowledged_at"}
_KEYS: Final = {
    "state_transitions": ("account", "strategy", "symbol", "n"),
    "strategy_signals": ("account", "strategy", "symbol", "section", "timestamp"),
    "positions": ("account", "strategy", "symbol", "side", "timestamp"),
    "equity": ("account", "timestamp"),
    "risk_events": ("account", "n"),
}
_TEXTS: Final = frozenset({"message", "details", "reason", "conditions", "indicator_values"})
_ID: Final = re.compile(r"\b[0-9a-f]{32}\b")
_MASK: Final = "*"

Key = tuple[Plain, ...]
Values = tuple[Plain, ...]
_Mask = Callable[[tuple[str, ...], Values], Values]

encode: Final = msgspec.msgpack.Encoder().encode
"""Canonical bytes of plain values: floats by their 64 bits, None distinct from every value."""


@dataclass(frozen=True, slots=True)
class CanonicalTable:
    """Rows of one table by their canonical key, sorted by it; `columns` names the values.

    Keys end with the rank of the row among those that share everything else of the key.
    """

    table: str
    key_columns: tuple[str, ...]
    columns: tuple[str, ...]
    rows: dict[Key, Values]


def canonical_tables(tables: Mapping[str, Iterable[ResultRow]]) -> dict[str, CanonicalTable]:
    """Every result table in canonical form, from rows in any order; tables that are not given are empty.

    Raises `UsageError` for a table that is not a result table and for rows in the wrong table.
    """
    newest = {table: _rows_of(table, tables.get(table, ())) for table in TABLES}
    if unknown := sorted(set(tables) - set(TABLES)):
        raise UsageError(f"{unknown[0]!r} is not a result table; those are {', '.join(TABLES)}")
    mask = _text_mask(newest)
    result = {
        table: _keyed(table, _KEYS[table], newest[table], mask)
        for table in TABLES
        if table not in ("orders", "order_events", "fills")
    }
    result.update(_linked(newest, mask))
    return {table: result[table] for table in TABLES}


def _rows_of(table: str, rows: Iterable[ResultRow]) -> list[ResultRow]:
    kept = list(rows)
    if wrong := next((row for row in kept if table != row.TABLE), None):
        raise UsageError(f"a row of {wrong.TABLE} was given as a row of {table}")
    return newest_rows(kept)


def _columns(table: str) -> tuple[str, ...]:
    return tuple(column for column in column_names(ROW_TYPES[table]) if column not in _LEFT_OUT)


def _keyed(table: str, key_columns: tuple[str, ...], rows: Sequence[ResultRow], mask: _Mask) -> CanonicalTable:
    columns = _columns(table)
    read_key, read = plain_reader(ROW_TYPES[table], key_columns), plain_reader(ROW_TYPES[table], columns)
    return CanonicalTable(
        table, (*key_columns, "rank"), columns, _ranked((read_key(row), mask(columns, read(row))) for row in rows)
    )


def _ranked(rows: Iterable[tuple[Key, Values]]) -> dict[Key, Values]:
    """Rows by key and rank, in canonical order; the rank of equal keys follows their values."""
    encoded = sorted((encode(key), encode(values), key, values) for key, values in rows)
    ranked: dict[Key, Values] = {}
    previous, rank = b"", 0
    for key_bytes, _, key, values in encoded:
        rank = rank + 1 if key_bytes == previous else 0
        previous = key_bytes
        ranked[(*key, rank)] = values
    return ranked


def _linked(newest: Mapping[str, Sequence[ResultRow]], mask: _Mask) -> dict[str, CanonicalTable]:
    """Orders, their events and their fills, named by the order they belong to.

    Events and fills whose order is not given belong to an order of which only the account (and symbol) is known.
    """
    columns = {table: _columns(table) for table in ("orders", "order_events", "fills")}
    readers = {table: plain_reader(ROW_TYPES[table], names) for table, names in columns.items()}
    parts: dict[str, dict[str, list[Values]]] = {table: defaultdict(list) for table in columns}
    names: dict[str, Key] = {}
    for table in columns:
        for row in newest[table]:
            assert isinstance(row, Order | OrderEvent | Fill)  # noqa: S101 - `_rows_of` has checked the tables
            parts[table][row.order_id].append(mask(columns[table], readers[table](row)))
            names.setdefault(row.order_id, _order_name(row))
    groups: dict[Key, list[tuple[bytes, str]]] = defaultdict(list)
    for order_id, name in names.items():
        content = [sorted(map(encode, parts[table][order_id])) for table in columns]
        groups[name].append((encode(content), order_id))
    rows: dict[str, dict[Key, Values]] = {table: {} for table in columns}
    for name in sorted(groups, key=encode):
        for rank, (_, order_id) in enumerate(sorted(groups[name])):
            for table in columns:
                for number, values in enumerate(sorted(parts[table][order_id], key=encode)):
                    rows[table][(*name, rank, number)] = values
    key_columns = ("account", "strategy", "symbol", "creation", "rank", "number")
    return {table: CanonicalTable(table, key_columns, columns[table], rows[table]) for table in columns}


def _order_name(row: Order | OrderEvent | Fill) -> Key:
    if isinstance(row, Order):
        return (row.account, row.strategy, row.symbol, row.timestamp)
    return (row.account, None, row.symbol if isinstance(row, Fill) else None, None)


def _text_mask(newest: Mapping[str, Sequence[ResultRow]]) -> _Mask:
    """Blots out the ids of these sessions inside free texts (messages, reasons, JSON)."""
    sessions = {row.session_id for rows in newest.values() for row in rows}
    longest_first = sorted(sessions, key=lambda session: (-len(session), session))
    ids = {
        getattr(row, column)
        for table, rows in newest.items()
        for column in column_names(ROW_TYPES[table])
        if column in _IDS
        for row in rows
    }

    def blotted(text: str) -> str:
        for session in longest_first:
            text = text.replace(session, _MASK)
        return _ID.sub(lambda found: _MASK if found[0] in ids else found[0], text)

    def mask(columns: tuple[str, ...], values: Values) -> Values:
        return tuple(
            [
                blotted(value) if column in _TEXTS and isinstance(value, str) else value
                for column, value in zip(columns, values, strict=True)
            ]
        )

    return mask
