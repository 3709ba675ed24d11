"""Prices as whole ticks of a contract's price unit."""

from __future__ import annotations

from decimal import Decimal


class PriceGrid:
    """A grid of prices that are whole multiples of `unit`; the floats are the nearest to the decimals.

    >>> grid = PriceGrid(0.05)
    >>> grid.price(3), grid.nearest(0.16), grid.scale
    (0.15, 3, 2)

    A price is ticks · `factor` / `divisor`, both whole; `scale` is the number of its decimals.
    """

    __slots__ = ("divisor", "factor", "scale", "unit")

    def __init__(self, unit: float) -> None:
        exact = Decimal(repr(unit)).normalize()
        exponent = int(exact.as_tuple().exponent)
        self.unit = unit
        self.scale: int = max(-exponent, 0)
        self.factor = int(exact.scaleb(self.scale))
        self.divisor = float(10**self.scale)

    def price(self, ticks: int) -> float:
        return ticks * self.factor / self.divisor

    def ratio(self, price: float) -> float:
        """A price in ticks, unrounded."""
        return price * self.divisor / self.factor

    def nearest(self, price: float) -> int:
        return round(price * self.divisor / self.factor)
