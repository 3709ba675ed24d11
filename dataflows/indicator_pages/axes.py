"""Axes of plots: where they begin and end, what is written at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from operators.tape import Float64


@dataclass(frozen=True, slots=True)
class Axis:
    """The range of an axis, and its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    def share(self, value: float) -> float:
        """Where a value lies, 0 = at the low end, 1 = at the high end."""
        return (value - self.low) / (self.high - self.low)

    def label(self, tick: float) -> str:
        """A tick as it is written.

        >>> fitting(np.array([-2.0, 4.0])).label(-2.0)
        '−2'
        """
        return f"{tick + 0.0:,.{self.decimals}f}".replace("-", "−").replace(",", " ")


def fitting(values: Float64, ticks: int = 4) -> Axis:
    """An axis for values, with about so many ticks at round numbers. NaN is passed over; one value must be a number.

    >>> fitting(np.array([0.3, 9.1, np.nan])).ticks
    (0.0, 2.0, 4.0, 6.0, 8.0)
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low == high:
        room = abs(low) / 2 or 1.0
        low, high = low - room, high + room
    step = _round_step((high - low) / (ticks + 1))
    room = 0.04 * (high - low)
    low, high = low - room, high + room
    first, last = math.ceil(low / step), math.floor(high / step)
    decimals = max(0, -math.floor(math.log10(step)))
    found = tuple(round(number * step, decimals) for number in range(first, last + 1))
    return Axis(low, high, found, decimals)


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not smaller than `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))
