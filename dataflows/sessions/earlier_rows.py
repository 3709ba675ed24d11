"""How many result rows a session had when its flow went on from a snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.questdb.database import Database
from connectors.questdb.timestamps import to_timestamp


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Result rows of a session."""

    signals: int = 0
    orders: int = 0
    fills: int = 0


def count_rows(database: Database, session_id: str, to_ts: int) -> RowCounts:
    """The rows up to a tape time (µs). Those behind it, if any, come once more from the flow, with the same keys."""
    counts = [
        database.query(
            f"SELECT count() FROM {table} WHERE session_id = %s AND timestamp <= %s",  # noqa: S608 - names of our own
            (session_id, to_timestamp(to_ts)),
        )[0][0]
        for table in ("strategy_signals", "orders", "fills")
    ]
    return RowCounts(*counts)
