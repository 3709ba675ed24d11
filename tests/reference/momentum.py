"""Kinds of movement."""

from __future__ import annotations

import itertools
import math
import statistics

from tests.reference.answers import (
    Answer,
    NotReached,
    Parameters,
    Reference,
    average_price,
    change_pct,
    over,
    trades_in,
    us,
)
from tests.reference.tape import NAN, View

SECOND = 1_000_000


def magnitude(view: View, t1: int, t3: int, d: int, lag: int = 0) -> tuple[float, list[float]]:
    """The pump magnitude `lag` ago and the covers of its two windows; all in microseconds."""
    current, cover = average_price(view, t1 + lag, lag)
    baseline, baseline_cover = average_price(view, t3 + lag, t3 - d + lag)
    return change_pct(current, baseline), [cover, baseline_cover]


def velocity(view: View, t1: int, t3: int, d: int, lag: int = 0) -> tuple[float, list[float]]:
    """The magnitude per second between the centres of its windows, and their covers."""
    value, covers = magnitude(view, t1, t3, d, lag)
    centre, baseline_centre = t1 / 2, t3 - d / 2
    return value / ((baseline_centre - centre) / SECOND), covers


def _windows(p: Parameters) -> tuple[int, int, int]:
    return us(p["t1"]), us(p["t3"]), us(p["d"])


def pump_magnitude(view: View, p: Parameters) -> Answer:
    return Answer(*magnitude(view, *_windows(p)), ["trades"])


def price_velocity(view: View, p: Parameters) -> Answer:
    return Answer(*velocity(view, *_windows(p)), ["trades"])


def acceleration(view: View, p: Parameters) -> Answer:
    now, covers = velocity(view, *_windows(p))
    before, covers_before = velocity(view, *_windows(p), us(p["lag"]))
    return Answer((now - before) / float(p["lag"]), covers + covers_before, ["trades"])


def price_momentum(view: View, p: Parameters) -> Answer:
    means, covers = [], []
    for t1, t2 in (("t1", "t2"), ("t3", "t4")):
        trades, cover = trades_in(view, us(p[t1]), us(p[t2]))
        means.append(over(math.fsum(trade.price for trade in trades), len(trades)))
        covers.append(cover)
    return Answer(change_pct(*means), covers, ["trades"])


def cascade_of(velocities: list[float]) -> float:
    """VELOCITY_CASCADE from its velocities, the nearest first."""
    if any(math.isnan(v) for v in velocities):
        return NAN
    steps = []
    for nearer, farther in itertools.pairwise(velocities):
        steps.append((nearer - farther) / max(abs(farther), 0.01))
    weights = [1 / 2**place for place in range(len(steps))]
    x = math.fsum(weight * step for weight, step in zip(weights, steps, strict=True)) / math.fsum(weights)
    if all(step > 1e-9 for step in steps) or all(step < -1e-9 for step in steps):
        x *= 1.2
    return math.tanh(x / 2)


def cascade(view: View, p: Parameters) -> Answer:
    velocities, covers = [], []
    for windows in str(p["windows"]).split(";"):
        v, covers_of_v = velocity(view, *map(us, windows.split("/")))
        velocities.append(v)
        covers += covers_of_v
    return Answer(cascade_of(velocities), covers, ["trades"])


def stabilization(view: View, p: Parameters) -> Answer:
    """No trade in (t3 + (num_samples − 1) · sample_interval, 0), no value: that window has to be covered as well."""
    samples, covers = [], []
    for place in range(int(p["num_samples"])):
        v, covers_of_v = velocity(view, *_windows(p), place * us(p["sample_interval"]))
        samples.append(v)
        covers += covers_of_v
    trades, cover = trades_in(view, us(p["t3"]) + (int(p["num_samples"]) - 1) * us(p["sample_interval"]), 0)
    covers.append(cover)
    if not trades or any(math.isnan(v) for v in samples):
        return Answer(NAN, covers, ["trades"])
    speed = math.fsum(abs(v) for v in samples) / len(samples)
    return Answer(0.0 if speed < 0.001 else statistics.pstdev(samples) / speed, covers, ["trades"])


def reversal(view: View, p: Parameters) -> Answer:
    """A whole second counts where the windows of its own velocity are covered; the stretch (lookback + t3, 0) has to
    be covered by observation."""
    now, covers = velocity(view, *_windows(p))
    lookback, least = us(p["lookback"]), float(p["min_coverage"])
    _, cover = trades_in(view, lookback + us(p["t3"]), 0)
    found = [now]
    second = (view.ref - lookback) // SECOND * SECOND + SECOND
    while second < view.ref:
        found += _velocity_at(view.at(second), p, least)
        second += SECOND
    speeds = [v if p["direction"] == "up" else -v for v in found if not math.isnan(v)]
    if math.isnan(now) or not speeds or max(speeds) < 0.001:
        return Answer(NAN, [*covers, cover], ["trades"])
    top = max(speeds) if p["direction"] == "up" else -max(speeds)
    # 100 · (1 − v / top), as the fall from the top in percent of it
    return Answer(-change_pct(now, top), [*covers, cover], ["trades"])


def _velocity_at(view: View, p: Parameters, least: float) -> list[float]:
    try:
        v, covers = velocity(view, *_windows(p))
    except NotReached:
        return []
    return [v] if min(covers) >= least else []


def decay(view: View, p: Parameters) -> Answer:
    trades, cover = trades_in(view, us(p["lookback"]), 0)
    if not trades:
        return Answer(NAN, [cover], ["trades"])
    return Answer(-change_pct(trades[-1].price, max(trade.price for trade in trades)), [cover], ["trades"])


def deviation(view: View, p: Parameters) -> Answer:
    level, cover = average_price(view, us(p["t1"]), us(p["t2"]))
    trades = view.trades
    return Answer(change_pct(trades[-1].price, level) if trades else NAN, [cover], ["trades"])


MOMENTUM: dict[str, Reference] = {
    "PUMP_MAGNITUDE_PCT": pump_magnitude,
    "PRICE_VELOCITY": price_velocity,
    "PRICE_ACCELERATION": acceleration,
    "PRICE_MOMENTUM_PCT": price_momentum,
    "VELOCITY_CASCADE": cascade,
    "VELOCITY_STABILIZATION_INDEX": stabilization,
    "MOMENTUM_REVERSAL_INDEX": reversal,
    "MOMENTUM_DECAY_PCT": decay,
    "PRICE_DEVIATION_PCT": deviation,
}
