"""Kinds over closed bars: `[k·bar, (k + 1)·bar)`, from the bar of the first trade on. They remember bars beyond the
events that an evaluation sees."""

from __future__ import annotations

import itertools
import statistics
from functools import lru_cache
from typing import NamedTuple

from tests.reference.answers import Answer, Parameters, Reference, average_price, us
from tests.reference.tape import NAN, View


class Bar(NamedTuple):
    open: float
    close: float
    end: int


@lru_cache(maxsize=16)  # several kinds are asked at one instant
def closed_bars(view: View, bar: int) -> list[Bar]:
    """A bar is closed at the first instant at or after its end. One without trades carries the close on; the first one
    opens at the first trade's price, later ones at the close before."""
    trades = view.all_trades
    if not trades:
        return []
    price = trades[0].price
    end = trades[0].ts // bar * bar + bar
    found, next_trade = [], 0
    while end <= view.ref:
        opened = price
        while next_trade < len(trades) and trades[next_trade].ts < end:
            price = trades[next_trade].price
            next_trade += 1
        found.append(Bar(opened, price, end))
        end += bar
    return found


def _cover(view: View, bars: list[Bar], count: int, bar: int) -> float:
    """Observed share of the last `count` bars' time in which a price is in force."""
    if not bars:
        return 0.0
    end, length = bars[-1].end, count * bar
    return view.observed("trades", max(end - length, view.all_trades[0].ts), end) / length


def _answer(view: View, value: float, bars: list[Bar], count: int, p: Parameters) -> Answer:
    return Answer(value, [_cover(view, bars, count, us(p["bar"]))], ["trades"])


def relative_strength_of(closes: list[float], period: int) -> float:
    """RSI by Wilder's book."""
    changes = [later - earlier for earlier, later in itertools.pairwise(closes)]
    if len(changes) < period:
        return NAN
    rises, falls = [max(change, 0.0) for change in changes], [max(-change, 0.0) for change in changes]
    gain, loss = statistics.fmean(rises[:period]), statistics.fmean(falls[:period])
    for rise, fall in zip(rises[period:], falls[period:], strict=True):
        gain += (rise - gain) / period
        loss += (fall - loss) / period
    return NAN if gain + loss == 0 else 100 * gain / (gain + loss)


def exponential_average_of(closes: list[float], period: int) -> float:
    if len(closes) < period:
        return NAN
    average = statistics.fmean(closes[:period])
    for close in closes[period:]:
        average = close * 2 / (period + 1) + average * (period - 1) / (period + 1)
    return average


def rsi(view: View, p: Parameters) -> Answer:
    bars, period = closed_bars(view, us(p["bar"])), int(p["period"])
    return _answer(view, relative_strength_of([bar.close for bar in bars], period), bars, period + 1, p)


def ema(view: View, p: Parameters) -> Answer:
    bars, period = closed_bars(view, us(p["bar"])), int(p["period"])
    return _answer(view, exponential_average_of([bar.close for bar in bars], period), bars, period, p)


def sma(view: View, p: Parameters) -> Answer:
    bars, period = closed_bars(view, us(p["bar"])), int(p["period"])
    closes = [bar.close for bar in bars[-period:]]
    return _answer(view, statistics.fmean(closes) if len(closes) == period else NAN, bars, period, p)


def percent_b(view: View, p: Parameters) -> Answer:
    bars, period = closed_bars(view, us(p["bar"])), int(p["period"])
    closes = [bar.close for bar in bars[-period:]]
    if len(closes) < period or len(set(closes)) == 1:
        return _answer(view, NAN, bars, period, p)
    mean, width = statistics.mean(closes), float(p["k"]) * statistics.pstdev(closes)
    lower, upper = mean - width, mean + width
    return _answer(view, (view.all_trades[-1].price - lower) / (upper - lower), bars, period, p)


def volatility(view: View, p: Parameters) -> Answer:
    """The bars that ended in (ref − t1, ref], two at least; covered as TWPA(t1, 0) is."""
    _, cover = average_price(view, us(p["t1"]), 0)
    start = view.ref - us(p["t1"])
    bars = [bar for bar in closed_bars(view, us(p["bar"])) if bar.end > start]
    returns = [bar.close / bar.open - 1 for bar in bars]
    return Answer(100 * statistics.stdev(returns) if len(returns) >= 2 else NAN, [cover], ["trades"])


BARS: dict[str, Reference] = {
    "RSI": rsi,
    "EMA": ema,
    "SMA": sma,
    "BOLLINGER_PERCENT_B": percent_b,
    "VOLATILITY_PCT": volatility,
}
