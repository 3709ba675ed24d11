"""Indicators that only the desk knows: what a signal or a position is worth, over a stretch of instants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from operators.desk.positions import OpenPosition
from operators.indicators.position import Direction, age_seconds, retracement_from_peak_pct, unrealized_pnl_pct
from operators.tape import MICROSECONDS, Float64, Int64


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants over which a position does not change: `ts` µs `[n]`, `price` the last price `[n]`, `trade_price` the
    price where the instant is a trade, else NaN `[n]`."""

    ts: Int64
    price: Float64
    trade_price: Float64


def position_values(kind: str, stretch: Stretch, signal_ts: int | None, position: OpenPosition | None) -> Float64:
    """The values `[n]` of a position indicator; NaN without a signal or position.

    The formulas are those of `operators.indicators.position`; the peak of a retracement is the best trade price since
    the first fill.
    """
    if kind == "SIGNAL_AGE_SECONDS":
        return _age(stretch, signal_ts)
    if position is None or not position.quantity > 0:
        return np.full(len(stretch.ts), math.nan)
    if kind == "POSITION_AGE_SECONDS":
        return _age(stretch, position.opened_at)
    if kind in ("UNREALIZED_PNL_PCT", "UNREALIZED_PNL_ON_MARGIN_PCT"):
        direction: Direction = 1 if position.direction > 0 else -1
        quantity = float(position.quantity)
        percent = unrealized_pnl_pct(
            stretch.price, direction, position.average, quantity, position.fees, position.funding
        )
        return percent * position.leverage if kind == "UNREALIZED_PNL_ON_MARGIN_PCT" else percent
    if kind == "RETRACEMENT_FROM_PEAK_PCT":
        if position.direction > 0:
            peak = np.fmax(np.fmax.accumulate(stretch.trade_price), position.high)
            return 100.0 * (peak - stretch.price) / peak
        trough = np.fmin(np.fmin.accumulate(stretch.trade_price), position.low)
        return 100.0 * (stretch.price - trough) / trough
    raise ValueError(f"position indicator {kind!r} is unknown to the desk")


def position_value(kind: str, ts: int, price: float, signal_ts: int | None, position: OpenPosition | None) -> float:
    """The same at one instant, whose trade (if it is one) the position has already seen."""
    if kind == "SIGNAL_AGE_SECONDS":
        return math.nan if signal_ts is None else age_seconds(ts, signal_ts)
    if position is None or not position.quantity > 0:
        return math.nan
    if kind == "POSITION_AGE_SECONDS":
        return age_seconds(ts, position.opened_at)
    direction: Direction = 1 if position.direction > 0 else -1
    if kind in ("UNREALIZED_PNL_PCT", "UNREALIZED_PNL_ON_MARGIN_PCT"):
        quantity = float(position.quantity)
        percent = unrealized_pnl_pct(price, direction, position.average, quantity, position.fees, position.funding)
        return percent * position.leverage if kind == "UNREALIZED_PNL_ON_MARGIN_PCT" else percent
    if kind == "RETRACEMENT_FROM_PEAK_PCT":
        return retracement_from_peak_pct(price, direction, position.high, position.low)
    raise ValueError(f"position indicator {kind!r} is unknown to the desk")


def _age(stretch: Stretch, since: int | None) -> Float64:
    if since is None:
        return np.full(len(stretch.ts), math.nan)
    return (stretch.ts - since) / MICROSECONDS
