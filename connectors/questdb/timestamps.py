"""Times as the database gives and takes them (naive datetimes in UTC) and as the program has them (µs since 1970)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the database's timestamps are UTC without saying so
_MICROSECOND: Final = timedelta(microseconds=1)


def to_timestamp(us: int) -> datetime:
    """Microseconds UTC as the database takes them.

    >>> to_timestamp(1_794_000_000_123_456)
    datetime.datetime(2026, 11, 6, 21, 20, 0, 123456)
    """
    return _EPOCH + us * _MICROSECOND


def from_timestamp(timestamp: datetime) -> int:
    """A timestamp of the database in microseconds UTC.

    >>> from_timestamp(to_timestamp(1_794_000_000_123_456))
    1794000000123456
    """
    return (timestamp - _EPOCH) // _MICROSECOND


def now_us() -> int:
    """The wall clock in microseconds UTC."""
    return int(datetime.now(UTC).timestamp() * 1_000_000)
