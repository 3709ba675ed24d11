"""Two results compared row for row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from operators.results import ResultRow
from operators.statistics.canonical import CanonicalTable, Key, canonical_tables, encode

WHOLE_ROW: Final = "row"
"""`Difference.field` of a row that only one side has; that side's value is the row as a mapping, the other's None."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = frozenset({"timestamp", "creation"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one row that differs; `key` names the row for people, without ids of a session."""

    table: str
    key: str
    field: str
    a: Any
    b: Any


def differences(
    tables_a: Mapping[str, Iterable[ResultRow]], tables_b: Mapping[str, Iterable[ResultRow]]
) -> list[Difference]:
    """What differs between two results; empty exactly when their result hashes are equal.

    Rows are matched by what identifies them beside the session (an order, for instance, by account, strategy,
    symbol and creation), tables in alphabetical order, rows in canonical order, fields in column order.
    """
    canonical_a, canonical_b = canonical_tables(tables_a), canonical_tables(tables_b)
    found: list[Difference] = []
    for table in canonical_a:
        found.extend(_table_differences(canonical_a[table], canonical_b[table]))
    return found


def _table_differences(a: CanonicalTable, b: CanonicalTable) -> list[Difference]:
    found: list[Difference] = []
    for key in sorted(a.rows.keys() | b.rows.keys(), key=encode):
        row_a, row_b = a.rows.get(key), b.rows.get(key)
        name = _key_text(a.key_columns, key)
        if row_a is None or row_b is None:
            whole_a = dict(zip(a.columns, row_a, strict=True)) if row_a else None
            whole_b = dict(zip(b.columns, row_b, strict=True)) if row_b else None
            found.append(Difference(a.table, name, WHOLE_ROW, whole_a, whole_b))
        elif encode(row_a) != encode(row_b):
            found.extend(
                Difference(a.table, name, column, value_a, value_b)
                for column, value_a, value_b in zip(a.columns, row_a, row_b, strict=True)
                if encode(value_a) != encode(value_b)
            )
    return found


def _key_text(columns: tuple[str, ...], key: Key) -> str:
    """The row's name: its key values with times readable; ranks only where they are not 0."""
    words: list[str] = []
    for column, value in zip(columns, key, strict=True):
        if column in _TIMES and isinstance(value, int):
            words.append((_EPOCH + timedelta(microseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        elif column in ("rank", "number"):
            words.extend([f"{column}={value}"] if value else [])
        else:
            words.append("?" if value is None else str(value) if column != "n" else f"n={value}")
    return " ".join(words)
