"""What executions cost beyond the price at which they were decided."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from operators.results import Fill, Order, StrategySignal

_BUYS: Final = frozenset({"open_long", "close_short"})
_SECTIONS: Final = {"open": frozenset({"Z1_ENTRY"}), "close": frozenset({"ZE1_CLOSE", "E1_EMERGENCY"})}


@dataclass(frozen=True, slots=True)
class Slippage:
    """`paid` in quote, positive = worse than decided; `share` of the turnover (0..1) whose decision price is known."""

    paid: float
    share: float


def slippage(fills: Iterable[Fill], orders: Iterable[Order], signals: Iterable[StrategySignal]) -> Slippage | None:
    """Σ s · (fill price − decision price) · quantity, s = +1 for buys and −1 for sells.

    The decision price is the price stored with the signal that caused the order: the Z1_ENTRY, ZE1_CLOSE or
    E1_EMERGENCY signal of the same strategy and symbol at the instant the order was created. Orders without one
    (stops, targets, time-outs, second legs) have no stored decision price and are left out; `share` says how much
    of the turnover is covered. None where no fill is.
    """
    decided = {
        (signal.strategy, signal.symbol, signal.timestamp, signal.section): signal.price
        for signal in signals
        if signal.price is not None
    }
    by_id = {order.order_id: order for order in orders}
    costs: list[float] = []
    covered: list[float] = []
    total: list[float] = []
    for fill in fills:
        notional = fill.price * fill.quantity
        total.append(notional)
        order = by_id.get(fill.order_id)
        price = _decision_price(order, decided) if order else None
        if order is not None and price is not None:
            direction = 1.0 if order.intent in _BUYS else -1.0
            costs.append(direction * (fill.price - price) * fill.quantity)
            covered.append(notional)
    if not costs:
        return None
    return Slippage(math.fsum(costs), math.fsum(covered) / math.fsum(total))


def _decision_price(order: Order, decided: dict[tuple[str, str, int, str], float]) -> float | None:
    sections = _SECTIONS.get(order.intent.partition("_")[0], frozenset())
    for section in sorted(sections):
        price = decided.get((order.strategy, order.symbol, order.timestamp, section))
        if price is not None:
            return price
    return None
