"""A session: its life cycle, one for all modes, and the version record that each change appends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from operators.errors import UsageError

MODES: Final = ("collect", "import", "generate", "backtest", "paper", "live")
RESUMABLE_MODES: Final = frozenset({"collect", "backtest", "paper", "live"})


class Status(StrEnum):
    IDLE = "IDLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    RECOVERING = "RECOVERING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


_MOVES: Final = {
    Status.IDLE: {Status.STARTING},
    Status.STARTING: {Status.RUNNING, Status.STOPPING, Status.FAILED},
    Status.RUNNING: {Status.STOPPING, Status.RECOVERING, Status.FAILED},
    Status.STOPPING: {Status.STOPPED, Status.FAILED},
    Status.RECOVERING: {Status.RUNNING, Status.STOPPING, Status.FAILED},
    # resumed: the same id goes on
    Status.STOPPED: {Status.RECOVERING},
    Status.FAILED: {Status.RECOVERING},
}


class IllegalMove(UsageError):
    """A status change that the life cycle does not have."""


def check_move(before: Status, after: Status) -> None:
    """Refuse a move that the life cycle does not have.

    >>> check_move(Status.RUNNING, Status.STOPPING)
    >>> check_move(Status.STOPPED, Status.RUNNING)
    Traceback (most recent call last):
        ...
    operators.session.IllegalMove: a STOPPED session cannot become RUNNING; allowed: RECOVERING
    """
    if after not in _MOVES[before]:
        allowed = ", ".join(sorted(_MOVES[before]))
        raise IllegalMove(f"a {before} session cannot become {after}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One version of a session: a row of `data_collection_sessions` (times in µs UTC, None = NULL)."""

    session_id: str
    mode: str
    status: Status = Status.IDLE
    changed_at: int = 0
    version: int = 0
    symbols: tuple[str, ...] = ()
    data_types: tuple[str, ...] = ()
    config: str = "{}"
    start_time: int | None = None
    end_time: int | None = None
    tape_from: int | None = None
    tape_to: int | None = None
    records_collected: int = 0
    prices_count: int = 0
    orderbook_count: int = 0
    gaps: int = 0
    errors_count: int = 0
    source_session_id: str | None = None
    program_version: str = ""
    strategy_hashes: str | None = None
    accounts_hash: str | None = None
    result_hash: str | None = None
    cause: str | None = None
    error: str | None = None


def session_id(mode: str, start: datetime, suffix: str) -> str:
    """`mode_YYYYmmdd_HHMMSS_suffix` (8 hex digits), UTC.

    >>> session_id("backtest", datetime(2026, 11, 22, 15, 30, tzinfo=UTC), "ab12cd34")
    'backtest_20261122_153000_ab12cd34'
    """
    return f"{mode}_{start.astimezone(UTC):%Y%m%d_%H%M%S}_{suffix}"
