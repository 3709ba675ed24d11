"""What a generated market is made of: every parameter with its meaning, unit, default and range.

The same parameters (the seed is one of them) give the same market, bit for bit, whatever the size of the pieces in
which it is read.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from operators.errors import UsageError
from operators.tape import MICROSECONDS

MARKET_VERSION: Final = 1
"""Raised whenever the same parameters would give another market; part of the fingerprint."""

LONGEST_HOURS: Final = 96.0
START_SLOTS: Final = 913
FIRST_START: Final = datetime(2000, 1, 1, tzinfo=UTC)

LEAD_SECONDS: Final = 720.0
"""No pump begins earlier: the ten minutes before each are its quiet baseline."""
TAIL_SECONDS: Final = 480.0
"""No pump begins later than this before the end: its rise and the first part of its decay are on the tape."""
PUMP_SPACING_SECONDS: Final = 1800.0
"""Least time between the onsets of two pumps of one symbol."""


class InvalidMarket(UsageError):
    """Parameters out of their range, all of them named."""


def pump_room(hours: float) -> int:
    """How many pumps one symbol has room for on a tape of `hours`.

    >>> pump_room(0.25), pump_room(2.0)
    (0, 4)
    """
    room = hours * 3600.0 - LEAD_SECONDS - TAIL_SECONDS
    return 0 if not room >= 0 else 1 + int(min(room, LONGEST_HOURS * 3600.0) // PUMP_SPACING_SECONDS)


def usual_pumps(symbols: int, hours: float) -> int:
    """Two pumps for each symbol, as far as they fit: what is meant when nothing is said.

    >>> usual_pumps(20, 24.0)
    40
    """
    return max(symbols, 0) * min(2, pump_room(hours))


def _parameter(default: Any, low: float, high: float, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """Parameters of a generated market; `docs/generated-market.md` shows them as a table with the formulas.

    Raises `InvalidMarket` with all problems in one message.
    """

    symbols: int = _parameter(20, 1, 2000, "", "number of symbols")
    trades: int = _parameter(5_000_000, 1, 2_000_000_000, "", "trades over all symbols, met exactly")
    hours: float = _parameter(24.0, 0.05, LONGEST_HOURS, "h", "length of the tape")
    pumps: int = _parameter(40, 0, 100_000, "", "pumps over all symbols, spread evenly")
    books: bool = _parameter(False, 0, 1, "", "order books on the tape; the trades are the same with and without")
    levels: int = _parameter(10, 1, 50, "", "levels per side of a book")
    seed: int = _parameter(7, 0, 2**63 - 1, "", "where all randomness comes from")
    tick_digits: int = _parameter(4, 3, 7, "", "significant digits of a starting price; the last is the tick")
    price_low: float = _parameter(1e-6, 1e-9, 1e6, "quote", "lowest starting price")
    price_high: float = _parameter(1e3, 1e-9, 1e6, "quote", "highest starting price")
    activity_sigma: float = _parameter(0.8, 0, 2, "", "log spread of the symbols' share of trades")
    clustering: float = _parameter(0.6, 0, 0.9, "", "share of taker orders that follow from earlier ones")
    equal_time_share: float = _parameter(0.25, 0, 0.8, "", "chance that an order has one more fill at its time")
    side_persistence: float = _parameter(0.3, 0, 0.95, "", "autocorrelation of the side of orders")
    trade_quote: float = _parameter(60.0, 1, 1e6, "quote", "median value of a fill")
    trade_sigma: float = _parameter(1.6, 0.1, 2.5, "", "log spread of the value of fills")
    volatility_bp: float = _parameter(2.0, 0, 20, "bp/√s", "volatility of the fair price")
    spread_bp: float = _parameter(10.0, 1, 100, "bp", "median spread of a symbol at rest")
    book_interval_ms: int = _parameter(1000, 100, 600_000, "ms", "mean time between quotes at rest")
    fast_book_interval_ms: int = _parameter(100, 10, 60_000, "ms", "least time between quotes in action")
    multiple_median: float = _parameter(1.35, 1.1, 3, "", "median of price at the peak / price at the onset")
    multiple_sigma: float = _parameter(0.45, 0, 2, "", "log spread of the logarithm of that multiple")
    multiple_low: float = _parameter(1.1, 1.01, 3, "", "least multiple")
    multiple_high: float = _parameter(3.0, 1.01, 10, "", "greatest multiple")
    rise_low: float = _parameter(20.0, 1, 600, "s", "shortest rise")
    rise_high: float = _parameter(180.0, 1, 600, "s", "longest rise")
    surge_low: float = _parameter(20.0, 1, 1000, "", "least volume per second in the rise / at rest")
    surge_high: float = _parameter(100.0, 1, 1000, "", "greatest volume per second in the rise / at rest")

    def __post_init__(self) -> None:
        problems = [problem for each in dataclasses.fields(self) if (problem := self._problem(each))]
        problems = problems or self._contradictions()
        if problems:
            raise InvalidMarket("; ".join(problems))

    def _problem(self, of: dataclasses.Field[Any]) -> str | None:
        value, low, high = getattr(self, of.name), of.metadata["low"], of.metadata["high"]
        if isinstance(of.default, bool):
            return None if isinstance(value, bool) else f"{of.name}: found {value!r}, allowed is true or false"
        whole = isinstance(of.default, int)
        numeric = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if numeric and math.isfinite(value) and low <= value <= high:
            return None
        kind = "a whole number" if whole else "a number"
        unit = f" {of.metadata['unit']}" if of.metadata["unit"] else ""
        return f"{of.name}: found {value!r}, allowed is {kind} from {low:,} to {high:,}{unit}"

    def _contradictions(self) -> list[str]:
        problems = [
            f"{low}: found {getattr(self, low):g}, allowed is at most {high} = {getattr(self, high):g}"
            for low, high in (
                ("price_low", "price_high"),
                ("multiple_low", "multiple_high"),
                ("rise_low", "rise_high"),
                ("surge_low", "surge_high"),
                ("fast_book_interval_ms", "book_interval_ms"),
            )
            if getattr(self, low) > getattr(self, high)
        ]
        if self.trades < self.symbols:
            problems.append(f"trades: found {self.trades:,}, allowed is at least one per symbol ({self.symbols:,})")
        if self.pumps > self.pumps_per_symbol * self.symbols:
            problems.append(
                f"pumps: found {self.pumps:,}, allowed are at most {self.pumps_per_symbol * self.symbols:,}: "
                f"{self.pumps_per_symbol} for each of {self.symbols:,} symbols in {self.hours:g} hours"
            )
        return problems

    @property
    def seconds(self) -> float:
        """Length of the tape."""
        return self.hours * 3600.0

    @property
    def span(self) -> int:
        """Length of the tape in µs, whole milliseconds."""
        return round(self.seconds * 1000.0) * 1000

    @property
    def pumps_per_symbol(self) -> int:
        """How many pumps one symbol has room for."""
        return pump_room(self.hours)

    @property
    def start(self) -> datetime:
        """Start of the tape: 2000-01-01 plus four days for each of (seed mod 913).

        Seeds that differ by less than 913 never share a day, and no start lies later than 2009, before the first
        recorded tape of any coin.

        >>> MarketParameters(seed=7).start.date().isoformat()
        '2000-01-29'
        """
        return FIRST_START + timedelta(hours=LONGEST_HOURS) * (self.seed % START_SLOTS)

    @property
    def start_us(self) -> int:
        """Start of the tape in µs UTC."""
        return int(self.start.timestamp()) * MICROSECONDS

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; a whole number given for a fraction is the same parameter."""
        return {
            each.name: float(getattr(self, each.name)) if isinstance(each.default, float) else getattr(self, each.name)
            for each in dataclasses.fields(self)
        }

    @property
    def fingerprint(self) -> str:
        """8 hex digits of BLAKE2 over the parameters and the version of the generator."""
        canonical = self.to_dict()
        text = json.dumps({"market_version": MARKET_VERSION, **canonical}, sort_keys=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=4).hexdigest()
