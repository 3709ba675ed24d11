"""Kinds of how much, how often and by whom is traded."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.reference.answers import Answer, Parameters, Reference, observed, over, trades_in, us
from tests.reference.tape import NAN, Trade, View

Measure = Callable[[list[Trade]], float]


def quantity(trades: list[Trade]) -> float:
    return math.fsum(trade.qty for trade in trades)


def surge(view: View, current: tuple[int, int], baseline: tuple[int, int], measure: Measure) -> tuple[float, list]:
    """A measure per observed second in one window / the same in another, and the covers of both."""
    rates, covers = [], []
    for t1, t2 in (current, baseline):
        trades, cover = trades_in(view, t1, t2)
        rates.append(over(measure(trades), observed(view, t1, t2) / 1e6))
        covers.append(cover)
    return over(*rates), covers


def _surge(measure: Measure) -> Reference:
    def reference(view: View, p: Parameters) -> Answer:
        current, baseline = (us(p["t1"]), us(p["t2"])), (us(p["t3"]), us(p["t4"]))
        return Answer(*surge(view, current, baseline, measure), ["trades"])

    return reference


def _plain(measure: Measure, *, of_none: float = NAN) -> Reference:
    def reference(view: View, p: Parameters) -> Answer:
        trades, cover = trades_in(view, us(p["t1"]), us(p["t2"]))
        return Answer(measure(trades) if trades else of_none, [cover], ["trades"])

    return reference


def frequency(view: View, p: Parameters) -> Answer:
    trades, cover = trades_in(view, us(p["t1"]), us(p["t2"]))
    return Answer(60 * over(len(trades), observed(view, us(p["t1"]), us(p["t2"])) / 1e6), [cover], ["trades"])


def imbalance(trades: list[Trade]) -> float:
    """Taker buys against taker sells; unknown sides left out."""
    buys = math.fsum(trade.qty for trade in trades if trade.side > 0)
    sells = math.fsum(trade.qty for trade in trades if trade.side < 0)
    return over(buys - sells, buys + sells)


def inter_trade(view: View, p: Parameters) -> Answer:
    gaps, covers = [], []
    for t1, t2 in (("t3", "t4"), ("t1", "t2")):
        trades, cover = trades_in(view, us(p[t1]), us(p[t2]))
        covers.append(cover)
        gap = NAN if len(trades) < 3 else max(0.001, (trades[-1].ts - trades[0].ts) / 1e6 / (len(trades) - 1))
        gaps.append(gap)
    return Answer(over(*gaps), covers, ["trades"])


ACTIVITY: dict[str, Reference] = {
    "VOLUME_SURGE_RATIO": _surge(quantity),
    "TRADE_FREQUENCY_SURGE": _surge(len),
    "SUM_VOLUME": _plain(quantity, of_none=0.0),
    "SUM_QUOTE_VOLUME": _plain(lambda trades: math.fsum(trade.price * trade.qty for trade in trades), of_none=0.0),
    "COUNT_TRADES": _plain(len, of_none=0.0),
    "AVG_TRADE_SIZE": _plain(lambda trades: quantity(trades) / len(trades)),
    "TRADE_FREQUENCY": frequency,
    "ORDER_FLOW_IMBALANCE": _plain(imbalance),
    "INTER_TRADE_ACCELERATION": inter_trade,
}
