"""Kernels that find the next instant at which something can happen, so that the desk need not visit the others."""

from __future__ import annotations

import math

from numba import njit

from operators.strategy.verdict import TRUE
from operators.tape import Float64, Int8


@njit(cache=True)
def next_true(verdicts: Int8, start: int) -> int:
    """The first index >= start that is TRUE, or the length."""
    for index in range(start, len(verdicts)):
        if verdicts[index] == TRUE:
            return index
    return len(verdicts)


@njit(cache=True)
def next_rise(verdicts: Int8, start: int, previous: int) -> int:
    """The first index >= start that is TRUE after one that was not; `previous` is the verdict before `start`."""
    before = previous
    for index in range(start, len(verdicts)):
        verdict = verdicts[index]
        if verdict == TRUE and before != TRUE:
            return index
        before = verdict
    return len(verdicts)


@njit(cache=True)
def next_outside(prices: Float64, start: int, low: float, high: float) -> int:
    """The first index >= start with price <= low or price >= high, or the length. NaN bounds never match."""
    for index in range(start, len(prices)):
        if prices[index] <= low or prices[index] >= high:
            return index
    return len(prices)


@njit(cache=True)
def next_trailing(
    prices: Float64, start: int, direction: int, best: float, armed: bool, activation: float, factor: float
) -> int:
    """The first index >= start at which a trailing stop triggers, or the length.

    `best` is the best price so far (NaN = none); armed once the best reaches `activation`; triggers where the price
    is at or beyond best · factor.
    """
    for index in range(start, len(prices)):
        price = prices[index]
        if direction > 0:
            if math.isnan(best) or price > best:
                best = price
            armed = armed or best >= activation
            if armed and price <= best * factor:
                return index
        else:
            if math.isnan(best) or price < best:
                best = price
            armed = armed or best <= activation
            if armed and price >= best * factor:
                return index
    return len(prices)


@njit(cache=True)
def next_print(sides: Int8, start: int, direction: int) -> int:
    """The first print >= start whose taker side is `direction` or unknown, or the length."""
    for index in range(start, len(sides)):
        if sides[index] == direction or sides[index] == 0:
            return index
    return len(sides)


@njit(cache=True)
def next_beyond(prices: Float64, start: int, direction: int, limit: float) -> int:
    """The first print >= start strictly beyond a resting limit: below a bid (+1), above an ask (−1)."""
    for index in range(start, len(prices)):
        if (direction > 0 and prices[index] < limit) or (direction < 0 and prices[index] > limit):
            return index
    return len(prices)


@njit(cache=True)
def extremes(prices: Float64, start: int, stop: int) -> tuple[float, float]:
    """(highest, lowest) of prices[start:stop], NaN where there is none."""
    high = math.nan
    low = math.nan
    for index in range(start, stop):
        price = prices[index]
        if not price <= high:
            high = price
        if not price >= low:
            low = price
    return high, low
