"""Indicators of an open position. The desk computes them; formulas and catalogue entries are here.

Prices may be floats or arrays of prices; everything else is a number. `direction` is +1 long, −1 short.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

from operators.indicators.kind import POSITION_INPUT, Chart, Kind
from operators.tape import MICROSECONDS, Float64

Price = TypeVar("Price", float, Float64)
Direction = Literal[1, -1]


def unrealized_pnl_pct(
    price: Price,
    direction: Direction,
    average_price: float,
    quantity: float,
    fees_paid: float = 0.0,
    funding_paid: float = 0.0,
) -> Price:
    """What closing at `price` would bring, in percent of the position's notional at its average price.

    `quantity` in base coin, fees and funding in quote, funding received is negative.

    >>> unrealized_pnl_pct(112.0, 1, 100.0, 1.0), unrealized_pnl_pct(90.0, -1, 100.0, 1.0)
    (12.0, 10.0)
    """
    profit = direction * (price - average_price) * quantity - fees_paid - funding_paid
    return 100.0 * profit / (average_price * quantity)


def unrealized_pnl_on_margin_pct(
    price: Price,
    direction: Direction,
    average_price: float,
    quantity: float,
    leverage: float,
    fees_paid: float = 0.0,
    funding_paid: float = 0.0,
) -> Price:
    """The same in percent of the margin: times the leverage.

    >>> unrealized_pnl_on_margin_pct(112.0, 1, 100.0, 1.0, 3.0)
    36.0
    """
    return leverage * unrealized_pnl_pct(price, direction, average_price, quantity, fees_paid, funding_paid)


def age_seconds(now_ts: int, since_ts: int) -> float:
    """Seconds of tape time from a detection or first fill until now.

    >>> age_seconds(2_500_000, 1_000_000)
    1.5
    """
    return (now_ts - since_ts) / MICROSECONDS


def retracement_from_peak_pct(
    price: Price, direction: Direction, highest_since_entry: float, lowest_since_entry: float
) -> Price:
    """How much has been given back since entry, in percent of the best price: of the highest for a long position,
    of the lowest for a short one.

    >>> retracement_from_peak_pct(95.0, 1, 100.0, 90.0), retracement_from_peak_pct(99.0, -1, 100.0, 90.0)
    (5.0, 10.0)
    """
    if direction > 0:
        return 100.0 * (highest_since_entry - price) / highest_since_entry
    return 100.0 * (price - lowest_since_entry) / lowest_since_entry


def _kind(name: str, unit: str, formula: str, chart: Chart = "own axis") -> Kind:
    return Kind(name, "position", unit, POSITION_INPUT, (), formula, chart, describe=None)


UNREALIZED_PNL_PCT: Final = _kind(
    "UNREALIZED_PNL_PCT",
    "%",
    "100 · (s · (price − average entry) · quantity − fees paid − funding paid) / (average entry · quantity), "
    "s = +1 long, −1 short",
)
UNREALIZED_PNL_ON_MARGIN_PCT: Final = _kind("UNREALIZED_PNL_ON_MARGIN_PCT", "%", "UNREALIZED_PNL_PCT · leverage")
SIGNAL_AGE_SECONDS: Final = _kind("SIGNAL_AGE_SECONDS", "s", "tape time since the signal was detected")
POSITION_AGE_SECONDS: Final = _kind("POSITION_AGE_SECONDS", "s", "tape time since the first fill")
RETRACEMENT_FROM_PEAK_PCT: Final = _kind(
    "RETRACEMENT_FROM_PEAK_PCT",
    "%",
    "given back since entry: long 100 · (highest − price) / highest, short 100 · (price − lowest) / lowest",
)
