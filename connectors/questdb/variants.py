"""Versions of indicator variants in `indicator_variants`."""

from __future__ import annotations

from connectors.questdb.database import Database
from connectors.questdb.definitions import DefinitionStore
from operators.variant import VariantRecord


class VariantStore(DefinitionStore[VariantRecord]):
    """Reads and appends versions of variants."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "indicator_variants", VariantRecord)
