"""Sessions as people and machines read them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dataflows.report.data import replayed_share
from dataflows.report.formats import duration
from operators.session import SessionRecord

TIME_FIELDS: Final = frozenset({"changed_at", "start_time", "end_time", "tape_from", "tape_to"})
MODES_HERE: Final = ("collect", "import", "generate", "backtest")
"""The modes that there are commands for."""
Returns = Mapping[tuple[str, str], float | None]
"""Total return in percent by (session, account)."""


@dataclasses.dataclass(frozen=True, slots=True)
class AccountLine:
    """An account of a backtest in short; `return_pct` is None where none has been computed."""

    account: str
    strategies: tuple[str, ...]
    return_pct: float | None


def instant(us: int | None) -> str:
    """Microseconds UTC as date and time to the second; empty for None.

    >>> instant(1_794_000_000_999_999)
    '2026-11-06 21:20:00'
    """
    return "" if us is None else f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def period(record: SessionRecord) -> tuple[str, str]:
    """The first and the last moment of a session's tape, which is (tape_from, tape_to]; empty where there is none."""
    if record.tape_from is None or record.tape_to is None or record.tape_to <= record.tape_from:
        return "", ""
    return instant(record.tape_from + 1), instant(record.tape_to)


def span(tape_from: int, tape_to: int) -> str:
    """The stretch of a tape, which is (tape_from, tape_to], with its length.

    >>> span(1_794_000_000_000_000, 1_794_000_122_000_000)
    '2026-11-06 21:20:00 to 21:22:02 UTC (2 m 02 s)'
    >>> span(1_794_000_000_000_000, 1_794_086_400_000_000)
    '2026-11-06 21:20:00 to 2026-11-07 21:20:00 UTC (1 d 00 h)'
    """
    first, last = instant(tape_from + 1), instant(tape_to)
    until = last[11:] if first[:10] == last[:10] else last
    return f"{first} to {until} UTC ({duration((tape_to - tape_from) / 1e6)})"


def as_columns(record: SessionRecord) -> dict[str, Any]:
    """A session's newest version by column name (times in µs)."""
    columns = dataclasses.asdict(record)
    columns["symbols"], columns["data_types"] = list(record.symbols), list(record.data_types)
    columns["status"] = str(record.status)
    return columns


def account_lines(record: SessionRecord, returns: Returns) -> tuple[AccountLine, ...]:
    """The accounts of a backtest in the order of their document; none for other modes."""
    accounts = json.loads(json.loads(record.config).get("accounts") or "[]")
    return tuple(
        AccountLine(one["name"], tuple(one["strategies"]), returns.get((record.session_id, one["name"])))
        for one in accounts
    )


def share_replayed(record: SessionRecord) -> float:
    """The part of the tape that a backtest has replayed, below 1 where it was stopped or failed; 1 for other modes."""
    return replayed_share(record, json.loads(record.config).get("to_ts"))


def short_count(count: int) -> str:
    """A count in at most five characters.

    >>> short_count(950), short_count(14_144), short_count(5_000_000)
    ('950', '14.1k', '5.0M')
    """
    for limit, divisor, unit in ((1_000, 1, ""), (1_000_000, 1_000, "k"), (1_000_000_000, 1_000_000, "M")):
        if count < limit:
            return f"{count}" if divisor == 1 else f"{count / divisor:.1f}{unit}"
    return f"{count / 1e9:.1f}G"
