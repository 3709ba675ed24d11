"""Sessions as people and machines read them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, Final

from operators.session import SessionRecord

TIME_FIELDS: Final = frozenset({"changed_at", "start_time", "end_time", "tape_from", "tape_to"})


def instant(us: int | None) -> str:
    """Microseconds UTC as date and time to the second; empty for None.

    >>> instant(1_794_000_000_999_999)
    '2026-11-06 21:20:00'
    """
    return "" if us is None else f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def as_columns(record: SessionRecord) -> dict[str, Any]:
    """A session's newest version by column name (times in µs)."""
    columns = dataclasses.asdict(record)
    columns["symbols"], columns["data_types"] = list(record.symbols), list(record.data_types)
    columns["status"] = str(record.status)
    return columns


def short_count(count: int) -> str:
    """A count in at most five characters.

    >>> short_count(950), short_count(14_144), short_count(5_000_000)
    ('950', '14.1k', '5.0M')
    """
    for limit, divisor, unit in ((1_000, 1, ""), (1_000_000, 1_000, "k"), (1_000_000_000, 1_000_000, "M")):
        if count < limit:
            return f"{count}" if divisor == 1 else f"{count / divisor:.1f}{unit}"
    return f"{count / 1e9:.1f}G"
