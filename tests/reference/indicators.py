"""Every kind in the obvious way: lists, `math.fsum` and the words of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from tests.reference.tape import NAN, View

Parameters = dict[str, float]


class Answer(NamedTuple):
    """A value before it is known whether it may be shown, the covers of its windows, and the streams it needs."""

    value: float
    covers: list[float]
    streams: list[str]


class NotReached(Exception):
    """The window reaches further back than the evaluation sees."""


def value_of(kind: str, view: View, parameters: Parameters) -> float:
    """The indicator's value; NaN = none."""
    p = {name: value for name, value in parameters.items() if name not in ("min_coverage", "max_staleness")}
    try:
        answer = REFERENCES[kind](view, {name: round(value * 1_000_000) for name, value in p.items()})
    except NotReached:
        return NAN
    if any(cover < parameters.get("min_coverage", 0.95) for cover in answer.covers):
        return NAN
    longest = round(parameters.get("max_staleness", 3600) * 1_000_000)
    if any(view.age(stream) > longest for stream in answer.streams):
        return NAN
    return answer.value


# --- windows ----------------------------------------------------------------------------------------------------------


def _trades(view: View, t1: int, t2: int) -> tuple[list, float]:
    """The trades in a window and its cover."""
    if view.reaches_too_far("trades", t1, in_force=False):
        raise NotReached
    return view.trades_in(t1, t2), _observed(view, t1, t2) / (t1 - t2)


def _observed(view: View, t1: int, t2: int) -> int:
    return view.observed("trades", view.ref - t1, view.ref - t2)


def _step(view: View, stream: str, values: list[float], t1: int, t2: int) -> tuple[list[tuple[float, int]], float]:
    """The pieces of a step function in a window and its cover."""
    if view.reaches_too_far(stream, t1, in_force=True):
        raise NotReached
    pieces = view.pieces(stream, values, t1, t2)
    return pieces, sum(held for _, held in pieces) / (t1 - t2)


def _time_mean(pieces: list[tuple[float, int]]) -> float:
    held = sum(time for _, time in pieces)
    return math.fsum(value * time for value, time in pieces) / held if held else NAN


def _twpa(view: View, t1: int, t2: int) -> tuple[float, float]:
    pieces, cover = _step(view, "trades", [trade.price for trade in view.trades], t1, t2)
    return _time_mean(pieces), cover


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator != 0 else NAN


def _change(current: float, baseline: float) -> float:
    if abs(current - baseline) <= 1e-11 * abs(baseline):
        return 0.0
    return 100 * _over(current - baseline, baseline)


# --- kinds ------------------------------------------------------------------------------------------------------------


def twpa(view: View, p: Parameters) -> Answer:
    value, cover = _twpa(view, p["t1"], p["t2"])
    return Answer(value, [cover], ["trades"])


def twpa_ratio(view: View, p: Parameters) -> Answer:
    current, cover = _twpa(view, p["t1"], p["t2"])
    baseline, baseline_cover = _twpa(view, p["t3"], p["t4"])
    return Answer(_over(current, baseline), [cover, baseline_cover], ["trades"])


def pump_magnitude(view: View, p: Parameters) -> Answer:
    current, cover = _twpa(view, p["t1"], 0)
    baseline, baseline_cover = _twpa(view, p["t3"], p["t3"] - p["d"])
    return Answer(_change(current, baseline), [cover, baseline_cover], ["trades"])


def velocity(view: View, p: Parameters) -> Answer:
    magnitude, covers, streams = pump_magnitude(view, p)
    centre, baseline_centre = p["t1"] / 2e6, (p["t3"] - p["d"] / 2) / 1e6
    return Answer(magnitude / (baseline_centre - centre), covers, streams)


def support_proximity(view: View, p: Parameters) -> Answer:
    current, cover = _twpa(view, p["t1"], 0)
    support, support_cover = _twpa(view, p["t_support_start"], p["t_support_end"])
    return Answer(_change(current, support), [cover, support_cover], ["trades"])


def vwap(view: View, p: Parameters) -> Answer:
    trades, cover = _trades(view, p["t1"], p["t2"])
    quote = math.fsum(trade.price * trade.qty for trade in trades)
    return Answer(_over(quote, math.fsum(trade.qty for trade in trades)), [cover], ["trades"])


def momentum(view: View, p: Parameters) -> Answer:
    means, covers = [], []
    for t1, t2 in ((p["t1"], p["t2"]), (p["t3"], p["t4"])):
        trades, cover = _trades(view, t1, t2)
        means.append(_over(math.fsum(trade.price for trade in trades), len(trades)))
        covers.append(cover)
    return Answer(_change(*means), covers, ["trades"])


def decay(view: View, p: Parameters) -> Answer:
    trades, cover = _trades(view, p["lookback"], 0)
    if not trades:
        return Answer(NAN, [cover], ["trades"])
    peak = max(trade.price for trade in trades)
    value = 100 * (peak - trades[-1].price) / peak
    return Answer(value if value > 1e-9 else 0.0, [cover], ["trades"])


def _surge(view: View, p: Parameters, measure: Callable[[list], float]) -> Answer:
    rates, covers = [], []
    for t1, t2 in ((p["t1"], p["t2"]), (p["t3"], p["t4"])):
        trades, cover = _trades(view, t1, t2)
        rates.append(_over(measure(trades), _observed(view, t1, t2) / 1e6))
        covers.append(cover)
    return Answer(_over(*rates), covers, ["trades"])


def volume_surge(view: View, p: Parameters) -> Answer:
    return _surge(view, p, lambda trades: math.fsum(trade.qty for trade in trades))


def frequency_surge(view: View, p: Parameters) -> Answer:
    return _surge(view, p, len)


def order_flow(view: View, p: Parameters) -> Answer:
    trades, cover = _trades(view, p["t1"], p["t2"])
    buys = math.fsum(trade.qty for trade in trades if trade.side > 0)
    sells = math.fsum(trade.qty for trade in trades if trade.side < 0)
    return Answer(_over(buys - sells, buys + sells), [cover], ["trades"])


def _plain(measure: Callable[[list], float], *, of_none: float = NAN) -> Callable[[View, Parameters], Answer]:
    def reference(view: View, p: Parameters) -> Answer:
        trades, cover = _trades(view, p["t1"], p["t2"])
        return Answer(measure(trades) if trades else of_none, [cover], ["trades"])

    return reference


def frequency(view: View, p: Parameters) -> Answer:
    trades, cover = _trades(view, p["t1"], p["t2"])
    return Answer(60 * _over(len(trades), _observed(view, p["t1"], p["t2"]) / 1e6), [cover], ["trades"])


def _spreads(view: View) -> list[float]:
    return [100 * (book.ask - book.bid) / ((book.ask + book.bid) / 2) for book in view.books]


def spread(view: View, _p: Parameters) -> Answer:
    spreads = _spreads(view)
    return Answer(spreads[-1] if spreads else NAN, [float(view.observed_now("books"))], ["books"])


def spread_volatility(view: View, p: Parameters) -> Answer:
    pieces, cover = _step(view, "books", _spreads(view), p["t1"], p["t2"])
    mean = _time_mean(pieces)
    squares = [((value - mean) ** 2, held) for value, held in pieces]
    return Answer(math.sqrt(_time_mean(squares)) if pieces else NAN, [cover], ["books"])


def _quotes(values: Callable[[View], list[float]]) -> Callable[[View, Parameters], Answer]:
    def reference(view: View, p: Parameters) -> Answer:
        pieces, cover = _step(view, "books", values(view), p["t1"], p["t2"])
        return Answer(_time_mean(pieces), [cover], ["books"])

    return reference


REFERENCES: dict[str, Callable[[View, Parameters], Answer]] = {
    "TWPA": twpa,
    "TWPA_RATIO": twpa_ratio,
    "VWAP": vwap,
    "PUMP_MAGNITUDE_PCT": pump_magnitude,
    "PRICE_VELOCITY": velocity,
    "PRICE_MOMENTUM_PCT": momentum,
    "MOMENTUM_DECAY_PCT": decay,
    "SUPPORT_LEVEL_PROXIMITY_PCT": support_proximity,
    "VOLUME_SURGE_RATIO": volume_surge,
    "TRADE_FREQUENCY_SURGE": frequency_surge,
    "ORDER_FLOW_IMBALANCE": order_flow,
    "FIRST_PRICE": _plain(lambda trades: trades[0].price),
    "LAST_PRICE": _plain(lambda trades: trades[-1].price),
    "MAX_PRICE": _plain(lambda trades: max(trade.price for trade in trades)),
    "MIN_PRICE": _plain(lambda trades: min(trade.price for trade in trades)),
    "SUM_VOLUME": _plain(lambda trades: math.fsum(trade.qty for trade in trades), of_none=0.0),
    "SUM_QUOTE_VOLUME": _plain(lambda trades: math.fsum(trade.price * trade.qty for trade in trades), of_none=0.0),
    "COUNT_TRADES": _plain(len, of_none=0.0),
    "AVG_TRADE_SIZE": _plain(lambda trades: math.fsum(trade.qty for trade in trades) / len(trades)),
    "TRADE_FREQUENCY": frequency,
    "SPREAD_PCT": spread,
    "SPREAD_VOLATILITY": spread_volatility,
    "AVG_BEST_BID": _quotes(lambda view: [book.bid for book in view.books]),
    "AVG_BEST_ASK": _quotes(lambda view: [book.ask for book in view.books]),
    "TW_MIDPRICE": _quotes(lambda view: [(book.bid + book.ask) / 2 for book in view.books]),
}
