"""Bar lengths, and how longer bars are made from shorter ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from connectors.simulated.exchange.minute_bars import DAY, HOUR, MINUTE
from connectors.simulated.exchange.records import Bar
from operators.errors import UsageError

MOST_BARS: Final = 2_000
WEEK: Final = 7 * DAY
_MONDAY: Final = 4 * DAY
"""1970-01-05, the first Monday."""

SECONDS: Final = {
    "Min1": MINUTE,
    "Min5": 5 * MINUTE,
    "Min15": 15 * MINUTE,
    "Min30": 30 * MINUTE,
    "Min60": HOUR,
    "Hour4": 4 * HOUR,
    "Hour8": 8 * HOUR,
    "Day1": DAY,
    "Week1": WEEK,
    "Month1": 0,
}
"""Lengths of the intervals; a month has none that is fixed."""


class UnknownInterval(UsageError):
    """A bar length that the exchange does not have."""


def seconds_of(interval: str) -> int:
    """The length of an interval; raises `UnknownInterval`."""
    if interval not in SECONDS:
        raise UnknownInterval(f"interval: found {interval!r}, allowed are {', '.join(SECONDS)}")
    return SECONDS[interval]


def start_of(interval: str, second: int) -> int:
    """When the bar began that `second` lies in (UTC; weeks begin on Mondays).

    >>> start_of("Min5", 1234), start_of("Month1", 45 * 86400) // 86400
    (1200, 31)
    """
    if interval == "Month1":
        moment = datetime.fromtimestamp(second, UTC)
        return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())
    if interval == "Week1":
        return second - (second - _MONDAY) % WEEK
    return second - second % SECONDS[interval]


def next_start(interval: str, start: int) -> int:
    """When the bar after the one that began at `start` begins."""
    if interval == "Month1":
        return start_of(interval, start + 31 * DAY)
    return start + SECONDS[interval]


def gathered(bars: Iterable[Bar], interval: str) -> list[Bar]:
    """Shorter bars, in order, as bars of the interval."""
    result: list[Bar] = []
    for bar in bars:
        start = start_of(interval, bar.start_s)
        if result and result[-1].start_s == start:
            held = result[-1]
            result[-1] = Bar(
                start,
                held.open,
                max(held.high, bar.high),
                min(held.low, bar.low),
                bar.close,
                held.contracts + bar.contracts,
                held.amount + bar.amount,
            )
        else:
            result.append(bar._replace(start_s=start))
    return result


def without_holes(bars: list[Bar], interval: str, until: int) -> list[Bar]:
    """The bars with flat ones in between, and up to the bar in which `until` lies; each knows the close before it."""
    result: list[Bar] = []
    for bar in bars:
        while result and (following := next_start(interval, result[-1].start_s)) < bar.start_s:
            result.append(_flat(following, result[-1].close))
        result.append(bar._replace(previous_close=result[-1].close if result else bar.open))
    while result and (following := next_start(interval, result[-1].start_s)) <= until:
        result.append(_flat(following, result[-1].close))
    return result


def _flat(start: int, price: float) -> Bar:
    return Bar(start, price, price, price, price, 0, 0.0, price)
