"""How large an entry is: the notional in quote currency, and from it a quantity in base coin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from operators.contracts import ContractSpecification
from operators.desk.steps import exact, quantity_step, whole_steps
from operators.strategy.entry import Size


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is refused: the rule, what was found and what is allowed (None = not known)."""

    rule: str
    found: float | str | None
    allowed: float | str | None
    message: str


def base_notional(size: Size, equity: float, stop_percent: float | None, taker_fee: float | None) -> float | Refusal:
    """The notional before scaling. `risk_percent`: notional · (stop % + 2 · taker fee %) = equity · value %.

    >>> base_notional(Size(mode="risk_percent", value=1.0), 10_000.0, 4.84, 0.0008)
    2000.0
    """
    if size.mode == "quote":
        return size.value
    if not math.isfinite(equity) or equity <= 0:
        return Refusal("sizing", equity, "equity > 0", "the account has no equity to size from")
    if size.mode == "percent_of_equity":
        return equity * size.value / 100.0
    if stop_percent is None or taker_fee is None or not stop_percent > 0:
        return Refusal("sizing", stop_percent, "a stop and a known fee", "what is lost at the stop is not known")
    return equity * size.value / (stop_percent + 2.0 * 100.0 * taker_fee)


def scaled(points: Sequence[tuple[float, float]], value: float) -> float:
    """The multiplier at `value`: piecewise linear through the points, flat outside; NaN gives the smallest.

    >>> points = [(0.0, 1.0), (10.0, 0.5)]
    >>> scaled(points, -3.0), scaled(points, 5.0), scaled(points, 20.0), scaled(points, math.nan)
    (1.0, 0.75, 0.5, 0.5)
    """
    if math.isnan(value):
        return min(multiplier for _, multiplier in points)
    if value <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if value <= right:
            return low + (high - low) * (value - left) / (right - left)
    return points[-1][1]


def clamped(size: Size, notional: float) -> float | Refusal:
    """At most `max_quote`; refused below `min_quote`."""
    if size.max_quote is not None:
        notional = min(notional, size.max_quote)
    if size.min_quote is not None and notional < size.min_quote:
        return Refusal("min_quote", notional, size.min_quote, "the size is below the strategy's min_quote")
    return notional


def quantity_for(notional: float, price: float, contract: ContractSpecification) -> Decimal:
    """The base quantity of a notional at a price, rounded down to whole steps.

    >>> float(quantity_for(1000.0, 30.0, ContractSpecification(0.1, 0.01, 1, 1)))
    33.3
    """
    return whole_steps(exact(notional) / exact(price), quantity_step(contract))
