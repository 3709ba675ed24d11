"""What trading costs: the dated fee schedule and the slippage of fills without a book."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Liquidity = Literal["taker", "maker"]

TAKER: Final = "taker"
MAKER: Final = "maker"
BASIS_POINT: Final = 1e-4


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Shares of the notional, in force from tape time `from_ts` (µs) on. A zero fee is a value, never "missing"."""

    from_ts: int
    maker: float
    taker: float

    def rate(self, liquidity: Liquidity) -> float:
        return self.taker if liquidity == TAKER else self.maker


class FeeSchedule:
    """The newest rates at or before a tape time.

    >>> schedule = FeeSchedule([FeeRates(0, 0.0, 0.0002), FeeRates(1_000_000, 0.0006, 0.0008)])
    >>> schedule.at(999_999).taker, schedule.at(1_000_000).taker
    (0.0002, 0.0008)
    """

    def __init__(self, rates: Sequence[FeeRates]) -> None:
        self._rates = sorted(rates, key=lambda entry: entry.from_ts)
        self._starts = [entry.from_ts for entry in self._rates]

    def at(self, ts: int) -> FeeRates | None:
        """None before the first entry: the fee is unknown then, and entries are refused."""
        index = bisect_right(self._starts, ts) - 1
        return self._rates[index] if index >= 0 else None


def slipped(price: float, direction: int, slippage_bps: float, *, side_known: bool) -> float:
    """A print's price made worse by the slippage, doubled where the print does not tell its taker side.

    >>> slipped(100.0, 1, 5, side_known=True), slipped(100.0, -1, 5, side_known=False)
    (100.05, 99.9)
    """
    return price * (1.0 + direction * slippage_bps * BASIS_POINT * (1 if side_known else 2))
