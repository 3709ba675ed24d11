"""Index and fair prices of all symbols, side by side in arrays.

The index follows the middle of the book with a memory of `INDEX_MEMORY` and a small error of its own (an
Ornstein-Uhlenbeck process), as a price from other places would. The fair price is the median of

    index · (1 + rate · time until settlement / cycle),  index + mean of (middle − index),  last price

clamped to index · (1 ± `FAIR_CLAMP`) (MEXC's manual: "fair price"; the mean here is an exponential one).
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.simulated.exchange.minute_bars import BARS_KEPT, HOUR, MINUTE
from connectors.simulated.exchange.price_grid import PriceGrid
from connectors.simulated.exchange.records import Bar
from operators.tape import Float64

INDEX_MEMORY: Final = 3.0
"""Seconds in which the index follows the middle."""
ERROR_MEMORY: Final = 60.0
ERROR_SIGMA: Final = 3e-4
PREMIUM_MEMORY: Final = 30.0
FAIR_CLAMP: Final = 0.4

INDEX: Final = 0
FAIR: Final = 1
_OPEN, _HIGH, _LOW, _CLOSE = range(4)


class AnchorPrices:
    """Index and fair price per symbol, on the price grid; renewed in groups, each at its own instants."""

    def __init__(self, prices: Float64, grids: list[PriceGrid], seed: np.random.SeedSequence) -> None:
        count = len(prices)
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._followed = prices.copy()
        self._error = ERROR_SIGMA * self._rng.standard_normal(count)
        self._basis = np.zeros(count)
        self._divisor = np.ones(count)
        self._factor = np.ones(count)
        for position, grid in enumerate(grids):
            self.regrid(position, grid)
        self.index = self._rounded(slice(None), prices)
        self.fair = self.index.copy()

    def regrid(self, position: int, grid: PriceGrid) -> None:
        """The symbol's price unit is another one from now on."""
        self._factor[position], self._divisor[position] = grid.factor, grid.divisor

    def premium_of(self, position: int) -> float:
        """The mean of (middle − index) / index over about `PREMIUM_MEMORY` seconds."""
        return float(self._basis[position] / self._followed[position])

    def renew(self, group: slice, middle: Float64, last: Float64, carry: Float64, seconds: float) -> NDArray[np.intp]:
        """New prices of the symbols in `group`, `seconds` after their last ones; `carry` is rate · time until
        settlement / cycle. Returns the positions of those whose index or fair price is another one now."""
        followed, error, basis = self._followed[group], self._error[group], self._basis[group]
        followed += (middle - followed) * -math.expm1(-seconds / INDEX_MEMORY)
        kept = math.exp(-seconds / ERROR_MEMORY)
        error *= kept
        error += ERROR_SIGMA * math.sqrt(1.0 - kept * kept) * self._rng.standard_normal(len(error))
        index = followed * (1.0 + error)
        basis += (middle - index - basis) * -math.expm1(-seconds / PREMIUM_MEMORY)
        by_rate, by_basis = index * (1.0 + carry), index + basis
        fair = np.maximum(np.minimum(by_rate, by_basis), np.minimum(np.maximum(by_rate, by_basis), last))
        fair = np.clip(fair, index * (1.0 - FAIR_CLAMP), index * (1.0 + FAIR_CLAMP))
        index, fair = self._rounded(group, index), self._rounded(group, fair)
        changed = (index != self.index[group]) | (fair != self.fair[group])
        self.index[group], self.fair[group] = index, fair
        positions: NDArray[np.intp] = np.arange(len(self.index), dtype=np.intp)[group][changed]
        return positions

    def _rounded(self, group: slice, price: Float64) -> Float64:
        factor, divisor = self._factor[group], self._divisor[group]
        rounded: Float64 = np.maximum(np.rint(price * divisor / factor), 1.0) * factor / divisor
        return rounded


class AnchorBars:
    """Minute and hour bars of index and fair price. All symbols' bars of a time are one array [2, 4, symbols]:
    (index, fair) × (open, high, low, close). Every minute has a bar."""

    def __init__(self, prices: AnchorPrices, second: int) -> None:
        self._prices = prices
        self._minute = second - second % MINUTE
        self._hour = second - second % HOUR
        self._current, self._current_hour = self._begun(), self._begun()
        self._minutes: deque[tuple[int, Float64]] = deque(maxlen=BARS_KEPT)
        self._hours: deque[tuple[int, Float64]] = deque(maxlen=BARS_KEPT)

    def turn(self, second: int) -> None:
        """Time goes on to `second`: finish what is over, before the prices of `second` are known."""
        while second >= self._minute + MINUTE:
            self._merge_into_hour()
            self._minutes.append((self._minute, self._current))
            self._minute += MINUTE
            self._current = self._begun()
            if self._minute >= self._hour + HOUR:
                self._hours.append((self._hour, self._current_hour))
                self._hour += HOUR
                self._current_hour = self._begun()

    def see(self, group: slice) -> None:
        """The prices of a group have been renewed."""
        for kind, price in ((INDEX, self._prices.index[group]), (FAIR, self._prices.fair[group])):
            bar = self._current[kind][:, group]
            np.maximum(bar[_HIGH], price, out=bar[_HIGH])
            np.minimum(bar[_LOW], price, out=bar[_LOW])
            bar[_CLOSE] = price

    def minutes(self, kind: int, position: int) -> list[Bar]:
        """The bars of a symbol, with the one that is being made."""
        rows = [*self._minutes, (self._minute, self._current)]
        return [_bar(start, row[kind, :, position]) for start, row in rows]

    def hours(self, kind: int, position: int) -> list[Bar]:
        """The same by the hour."""
        self._merge_into_hour()
        rows = [*self._hours, (self._hour, self._current_hour)]
        return [_bar(start, row[kind, :, position]) for start, row in rows]

    def _begun(self) -> Float64:
        both = np.stack([self._prices.index, self._prices.fair])
        return np.repeat(both[:, None, :], 4, axis=1)

    def _merge_into_hour(self) -> None:
        minute, hour = self._current, self._current_hour
        np.maximum(hour[:, _HIGH], minute[:, _HIGH], out=hour[:, _HIGH])
        np.minimum(hour[:, _LOW], minute[:, _LOW], out=hour[:, _LOW])
        hour[:, _CLOSE] = minute[:, _CLOSE]


def _bar(start: int, prices: Float64) -> Bar:
    first, high, low, close = prices.tolist()
    return Bar(start, first, high, low, close, 0, 0.0)
