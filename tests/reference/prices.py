"""Kinds of the price."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.reference.answers import Answer, Parameters, Reference, average_price, change_pct, over, trades_in, us
from tests.reference.tape import NAN, View


def twpa(view: View, p: Parameters) -> Answer:
    value, cover = average_price(view, us(p["t1"]), us(p["t2"]))
    return Answer(value, [cover], ["trades"])


def twpa_ratio(view: View, p: Parameters) -> Answer:
    current, cover = average_price(view, us(p["t1"]), us(p["t2"]))
    baseline, baseline_cover = average_price(view, us(p["t3"]), us(p["t4"]))
    return Answer(over(current, baseline), [cover, baseline_cover], ["trades"])


def support_proximity(view: View, p: Parameters) -> Answer:
    current, cover = average_price(view, us(p["t1"]), 0)
    support, support_cover = average_price(view, us(p["t_support_start"]), us(p["t_support_end"]))
    return Answer(change_pct(current, support), [cover, support_cover], ["trades"])


def vwap(view: View, p: Parameters) -> Answer:
    trades, cover = trades_in(view, us(p["t1"]), us(p["t2"]))
    quote = math.fsum(trade.price * trade.qty for trade in trades)
    return Answer(over(quote, math.fsum(trade.qty for trade in trades)), [cover], ["trades"])


def _among(choose: Callable[[list[float]], float]) -> Reference:
    def reference(view: View, p: Parameters) -> Answer:
        trades, cover = trades_in(view, us(p["t1"]), us(p["t2"]))
        return Answer(choose([trade.price for trade in trades]) if trades else NAN, [cover], ["trades"])

    return reference


PRICES: dict[str, Reference] = {
    "TWPA": twpa,
    "TWPA_RATIO": twpa_ratio,
    "VWAP": vwap,
    "SUPPORT_LEVEL_PROXIMITY_PCT": support_proximity,
    "FIRST_PRICE": _among(lambda prices: prices[0]),
    "LAST_PRICE": _among(lambda prices: prices[-1]),
    "MAX_PRICE": _among(max),
    "MIN_PRICE": _among(min),
}
