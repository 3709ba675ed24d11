"""Versions of what users define (variants, strategies): rows that are appended, never changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from connectors.questdb.database import Database
from connectors.questdb.timestamps import from_timestamp, now_us, to_timestamp
from operators.stored_strategy import StrategyRecord
from operators.variant import VariantRecord

Record = TypeVar("Record", VariantRecord, StrategyRecord)

_TIMES: Final = frozenset({"changed_at", "last_activated_at", "deleted_at"})
_LISTS: Final = frozenset({"tags"})


class DefinitionStore(Generic[Record]):
    """Reads and appends versions of one kind of definition. The columns of its table are the fields of its record."""

    def __init__(self, database: Database, table: str, record: type[Record]) -> None:
        self._database = database
        self._table = table
        self._record: Callable[..., Record] = record
        self._fields = tuple(field.name for field in dataclasses.fields(record))

    def append(self, record: Record, previous: Record | None) -> Record:
        """Store `record` as the version after `previous` (None = the first) and return it with its version and time."""
        stored = dataclasses.replace(
            record,
            version=previous.version + 1 if previous else 0,
            changed_at=max(now_us(), previous.changed_at + 1 if previous else 0),
        )
        places = ", ".join(["%s"] * len(self._fields))
        self._database.execute(
            f"INSERT INTO {self._table} ({', '.join(self._fields)}) VALUES ({places})",
            [_to_database(name, getattr(stored, name)) for name in self._fields],
        )
        return stored

    def newest(self) -> list[Record]:
        """The newest version of every id, deleted ones included, oldest change first."""
        self._database.wait_applied(self._table)
        return self._select("LATEST ON changed_at PARTITION BY id", ())

    def named(self, *, deleted: bool = False) -> dict[str, Record]:
        """The newest versions by name, in the order of names: those that are there, or those that were deleted. Where
        two have one name, the one that was changed last."""
        found = {one.name: one for one in self.newest() if one.is_deleted is deleted}
        return {name: found[name] for name in sorted(found)}

    def versions(self, definition_id: str) -> list[Record]:
        """All versions of an id, oldest first."""
        self._database.wait_applied(self._table)
        return self._select("WHERE id = %s ORDER BY version", (definition_id,))

    def _select(self, tail: str, parameters: Sequence[object]) -> list[Record]:
        rows = self._database.query(f"SELECT {', '.join(self._fields)} FROM {self._table} {tail}", parameters)
        found = [
            self._record(**{name: _from_database(name, value) for name, value in zip(self._fields, row, strict=True)})
            for row in rows
        ]
        return sorted(found, key=lambda one: (one.changed_at, one.version))


def _to_database(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return to_timestamp(value)
    if name in _LISTS:
        return json.dumps(list(value))
    return value


def _from_database(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return from_timestamp(value)
    if name in _LISTS:
        return tuple(json.loads(value or "[]"))
    return value
