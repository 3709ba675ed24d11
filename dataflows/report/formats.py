"""Numbers, times and names as people read them. What is not known is "–", never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

NOTHING: Final = "–"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PRICE_DIGITS: Final = 8
_DOLLARS: Final = frozenset({"USDT", "USDC", "USD"})


@dataclass(frozen=True, slots=True)
class Money:
    """Amounts of one currency with as many decimals as they need."""

    currency: str
    decimals: int

    def plain(self, value: float | None) -> str:
        return number(value, self.decimals)

    def signed(self, value: float | None) -> str:
        return number(value, self.decimals, signed=True)

    def named(self, value: float | None, signed: bool = False) -> str:
        return f"{number(value, self.decimals, signed)} {self.currency}" if value is not None else NOTHING


def money(currency: str, equity: float, amounts: Iterable[float] = ()) -> Money:
    """Decimals for an account: cents for ten thousand dollars, more for small equities and small results.

    >>> money("USDT", 10_000.0).plain(1234.5)
    '1,234.50'
    >>> money("BTC", 1.0).signed(0.00012)
    '+0.000120'
    """
    scale = math.floor(math.log10(equity)) if equity > 0 else 0
    decimals = max(2, (3 if currency in _DOLLARS else 6) - scale)
    largest = max((abs(amount) for amount in amounts), default=0.0)
    if 0 < largest < 1:
        decimals = max(decimals, 2 - math.floor(math.log10(largest)))
    return Money(currency, min(decimals, 12))


def number(value: float | None, decimals: int = 2, signed: bool = False) -> str:
    """Fixed decimals with thousands separators; a rounded nothing has no sign.

    >>> number(-1234.567), number(0.001, signed=True), number(None)
    ('-1,234.57', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = round(value, decimals) + 0.0
    sign = "+" if signed and rounded > 0 else ""
    return f"{sign}{rounded:,.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def percent(value: float | None, decimals: int = 2, signed: bool = False) -> str:
    """A percentage as such: 12.5 is 12.50 %."""
    return NOTHING if value is None else f"{number(value, decimals, signed)} %"


def price(value: float | None, digits: int = PRICE_DIGITS) -> str:
    """Up to eight significant digits, never an exponent.

    >>> price(0.0000012345), price(109777.5), price(12.0), price(1 / 3)
    ('0.0000012345', '109777.5', '12', '0.33333333')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def measure(value: float | None) -> str:
    """A measured value: five significant digits, never an exponent.

    >>> measure(9.834567), measure(0.05), measure(123456.7), measure(-0.000012345678)
    ('9.8346', '0.05', '123457', '-0.000012346')
    """
    return price(value, 5)


def count(value: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> count(1, "trade"), count(1200, "trade"), count(0, "entry", "entries")
    ('1 trade', '1,200 trades', '0 entries')
    """
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def duration(seconds: float | None) -> str:
    """A stretch of time in its two largest units.

    >>> duration(0.25), duration(59.94), duration(245), duration(8000), duration(273600), duration(None)
    ('0.25 s', '59.9 s', '4 m 05 s', '2 h 13 m', '3 d 04 h', '–')
    """
    if seconds is None:
        return NOTHING
    if round(seconds, 1) < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3_600:
        return f"{whole // 60} m {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} m"
    hours = round(seconds / 3_600)
    return f"{hours // 24} d {hours % 24:02d} h"


def moment(us: int, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A tape time in UTC.

    >>> moment(1_794_009_600_000_000)
    '2026-11-07 00:00:00'
    """
    return (_EPOCH + timedelta(microseconds=us)).strftime(pattern)


def clock(us: int) -> str:
    """The time of day with milliseconds.

    >>> clock(1_794_009_600_250_999)
    '00:00:00.250'
    """
    return moment(us, "%H:%M:%S.") + f"{us % 1_000_000 // 1_000:03d}"
