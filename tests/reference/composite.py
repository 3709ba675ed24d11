"""Scores made of other kinds."""

from __future__ import annotations

import math

from tests.reference.activity import imbalance, quantity, surge
from tests.reference.answers import Answer, Parameters, Reference, pieces_in, trades_in, us
from tests.reference.momentum import magnitude, velocity
from tests.reference.order_books import book_mean, imbalance_of
from tests.reference.tape import NAN, View


def exhaustion_of(speed: float, surged: float, retracement: float, balance: float | None, p: Parameters) -> float:
    """The score from its factors; `balance` is None for a symbol that never had books."""
    factors = [speed, surged, retracement, *([] if balance is None else [balance])]
    if any(math.isnan(factor) for factor in factors):
        return NAN
    slow, calm, fallen = (float(p[f"{name}_threshold"]) for name in ("velocity", "volume", "retracement"))
    least = float(p["imbalance_threshold"])
    fall_points = 25.0 if retracement >= fallen else 12.5 if retracement >= 0.7 * fallen else 0.0
    points = 30.0 if abs(speed) < slow else 15.0 if abs(speed) < 2 * slow else 0.0
    points += 25.0 if surged < calm else 12.5 if surged < 1.5 * calm else 0.0
    points += fall_points
    if balance is None:
        points *= 100 / 80
    else:
        points += 20.0 if balance > least else 10.0 if balance > least - 20 else 0.0
    return points if fall_points else min(points, 50.0)


def exhaustion(view: View, p: Parameters) -> Answer:
    speed, covers = velocity(view, us(p["velocity_t1"]), us(p["velocity_t3"]), us(p["velocity_d"]))
    volume_t1, volume_t3 = us(p["volume_t1"]), us(p["volume_t3"])
    surged, surge_covers = surge(view, (volume_t1, 0), (volume_t3, volume_t1), quantity)
    retracement, peak_cover = _retracement(view, us(p["peak_lookback"]))
    covers = [*covers, *surge_covers, peak_cover]
    if not view.ever_observed("books"):
        return Answer(exhaustion_of(speed, surged, retracement, None, p), covers, ["trades"], 0.8)
    balance, book_cover = book_mean(view, lambda book: imbalance_of(book, 1), us(p["imbalance_t1"]), 0)
    value = exhaustion_of(speed, surged, retracement, balance, p)
    return Answer(value, [*covers, book_cover], ["trades", "books"])


def _retracement(view: View, lookback: int) -> tuple[float, float]:
    """Fall from the highest price of the step function, which includes the price in force at the window's start."""
    _, cover = pieces_in(view, "trades", [trade.price for trade in view.trades], lookback, 0)
    before = [trade.price for trade in view.trades if trade.ts <= view.ref - lookback]
    prices = before[-1:] + [trade.price for trade in view.trades_in(lookback, 0)]
    return (100 * (max(prices) - prices[-1]) / max(prices) if prices else NAN), cover


def pump_probability_of(view: View, p: Parameters, weights: dict[str, float]) -> Answer:
    """The logistic score with made-up weights."""
    price = us(p["t1"]), us(p["t3"]), us(p["d"])
    volume_t1, volume_t3 = us(p["volume_t1"]), us(p["volume_t3"])
    current, baseline = (volume_t1, 0), (volume_t3, volume_t1)
    risen, covers = magnitude(view, *price)
    speed, _ = velocity(view, *price)
    volume, surge_covers = surge(view, current, baseline, quantity)
    often, _ = surge(view, current, baseline, len)
    trades, _ = trades_in(view, *current)
    score = weights["intercept"] + weights["magnitude_pct"] * risen + weights["volume_surge"] * volume
    score += weights["velocity"] * speed + weights["frequency_surge"] * often
    score += weights["order_flow_imbalance"] * imbalance(trades)
    value = NAN if math.isnan(score) else 0.0 if score < -700 else 1 / (1 + math.exp(-score))
    return Answer(value, [*covers, *surge_covers], ["trades"])


def pump_probability(_view: View, _p: Parameters) -> Answer:
    """Without coefficients there is no value."""
    return Answer(NAN, [], [])


COMPOSITE: dict[str, Reference] = {"DUMP_EXHAUSTION_SCORE": exhaustion, "PUMP_PROBABILITY": pump_probability}
