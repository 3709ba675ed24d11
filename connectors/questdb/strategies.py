"""Versions of strategies in `strategies`."""

from __future__ import annotations

from connectors.questdb.database import Database
from connectors.questdb.definitions import DefinitionStore
from operators.stored_strategy import StrategyRecord


class StrategyStore(DefinitionStore[StrategyRecord]):
    """Reads and appends versions of the library's strategies."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "strategies", StrategyRecord)
