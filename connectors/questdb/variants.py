"""Versions of indicator variants in `indicator_variants`: appended, never changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from connectors.questdb.database import Database
from connectors.questdb.timestamps import from_timestamp, now_us, to_timestamp
from operators.variant import VariantRecord

TABLE: Final = "indicator_variants"
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(VariantRecord))


class VariantStore:
    """Reads and appends versions of variants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, record: VariantRecord, previous: VariantRecord | None) -> VariantRecord:
        """Store `record` as the version after `previous` (None = the first) and return it with its version and time."""
        stored = dataclasses.replace(
            record,
            version=previous.version + 1 if previous else 0,
            changed_at=max(now_us(), previous.changed_at + 1 if previous else 0),
        )
        values = dataclasses.asdict(stored) | {"changed_at": to_timestamp(stored.changed_at)}
        places = ", ".join(["%s"] * len(_FIELDS))
        self._database.execute(
            f"INSERT INTO {TABLE} ({', '.join(_FIELDS)}) VALUES ({places})", [values[name] for name in _FIELDS]
        )
        return stored

    def newest(self) -> list[VariantRecord]:
        """The newest version of every id, deleted ones included, oldest change first."""
        self._database.wait_applied(TABLE)
        return self._select("LATEST ON changed_at PARTITION BY id", ())

    def versions(self, variant_id: str) -> list[VariantRecord]:
        """All versions of an id, oldest first."""
        self._database.wait_applied(TABLE)
        return self._select("WHERE id = %s ORDER BY version", (variant_id,))

    def _select(self, tail: str, parameters: Sequence[object]) -> list[VariantRecord]:
        rows = self._database.query(f"SELECT {', '.join(_FIELDS)} FROM {TABLE} {tail}", parameters)
        records = [VariantRecord(**dict(zip(_FIELDS, row, strict=True))) for row in rows]
        found = [dataclasses.replace(one, changed_at=from_timestamp(one.changed_at)) for one in records]  # type: ignore[arg-type]
        return sorted(found, key=lambda one: (one.changed_at, one.version))
