"""One side of an order book: sizes by price, and the prices in order."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from connectors.mexc.records import Level

_NAN: Final = math.nan


class BookSide:
    """Levels under keys: the price for bids (`sign` 1), the price times −1 for asks (`sign` −1).

    So both sides grow towards their best level, which is the last: there most changes happen, and there inserting
    and deleting in a list is cheapest.
    """

    __slots__ = ("keys", "sign", "sizes")

    def __init__(self, sign: float) -> None:
        self.sign = sign
        self.keys: list[float] = []
        """Ascending: the best level's last."""
        self.sizes: dict[float, float] = {}
        """Contracts by key."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def best(self) -> float | None:
        """The best price."""
        return self.keys[-1] * self.sign if self.keys else None

    def replace(self, levels: Iterable[Level], top: int) -> bool:
        """Forget everything and hold these levels; where a price is named twice, the last counts.

        Returns whether one of the best `top` is other than before.
        """
        sign, keys, sizes = self.sign, self.keys, self.sizes
        self.sizes = new = {level[0] * sign: level[1] for level in levels if level[1]}
        self.keys = sorted(new)
        best = self.keys[-top:]
        return best != keys[-top:] or any(new[key] != sizes[key] for key in best)

    def apply(self, levels: Sequence[Level], top: int) -> bool:
        """Set the sizes of these levels (0 = gone). Returns whether one of the best `top` has changed."""
        keys, sizes, sign = self.keys, self.sizes, self.sign
        # as long as nothing at or above this key changes, the best levels do not
        border = keys[-top] if len(keys) >= top else -math.inf
        changed = False
        for level in levels:
            key, contracts = level[0] * sign, level[1]
            held = sizes.get(key)
            if contracts:
                if held == contracts:
                    continue
                if held is None:
                    keys.insert(bisect_left(keys, key), key)
                sizes[key] = contracts
            else:
                if held is None:
                    continue
                del sizes[key]
                del keys[bisect_left(keys, key)]
            if key >= border:
                changed = True
        return changed

    def write(self, levels: int, prices: array[float], contracts: array[float]) -> None:
        """Append the best `levels` prices and sizes, NaN padded."""
        keys = self.keys[: -levels - 1 : -1]
        sizes, sign = self.sizes, self.sign
        prices.fromlist([key * sign for key in keys])
        contracts.fromlist([sizes[key] for key in keys])
        if len(keys) < levels:
            write_nothing(levels - len(keys), prices, contracts)

    def levels(self) -> list[Level]:
        """All levels, best first."""
        return [(key * self.sign, self.sizes[key]) for key in reversed(self.keys)]

    def above(self, key: float) -> float:
        """How many levels are as good as this key or better; without bound where the key is minus infinity."""
        return math.inf if key == -math.inf else len(self.keys) - bisect_left(self.keys, key)

    def reaches_below(self, key: float, top: int) -> bool:
        """Whether the best `top` levels go beyond this key, or there are not so many."""
        return key > -math.inf and (len(self.keys) < top or self.keys[-top] < key)


def write_nothing(levels: int, prices: array[float], contracts: array[float]) -> None:
    """Append `levels` times NaN."""
    nothing = [_NAN] * levels
    prices.fromlist(nothing)
    contracts.fromlist(nothing)
