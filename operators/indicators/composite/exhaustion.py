"""Whether a dump has run its course."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.book.depth import imbalance
from operators.indicators.kernels.layout import BOOKS
from operators.indicators.kind import BOOKS_INPUT, TRADES_INPUT, Kind
from operators.indicators.momentum.pump import velocity
from operators.indicators.parameters import Parameters, duration, seconds_ago, threshold
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.volume.surge import volume_surge
from operators.indicators.windows import Window, baseline_rule, window_rule

SLOW: Final = 30.0
CALM: Final = 25.0
FALLEN: Final = 25.0
SUPPORTED: Final = 20.0
"""Points of the four factors: velocity, volume, retracement, imbalance. Half of each where it is nearly met."""
NOTHING_DUMPED: Final = 50.0
"""Most points where the price has not fallen: calm is no exhaustion."""
CONFIDENCE: Final = (SLOW + CALM + FALLEN) / 100.0
"""Of a symbol without books: the share of the points that can be told."""
SCALED: Final = 1.0 / CONFIDENCE


def _exhaustion(plan: PlanBuilder, p: Parameters) -> Value:
    speed = plan.absolute(velocity(plan, p["velocity_t1"], p["velocity_t3"], p["velocity_d"]))
    surge = volume_surge(plan, Window.ago(p["volume_t1"]), Window.ago(p["volume_t3"], p["volume_t1"]))
    fall = plan.decline_pct(plan.newest(PRICE), plan.largest_held(PRICE, Window.ago(p["peak_lookback"])))
    slow, calm, fallen = p["velocity_threshold"], p["volume_threshold"], p["retracement_threshold"]
    retracement = _points(plan, plan.at_least(fall, fallen), plan.at_least(fall, 0.7 * fallen), FALLEN)
    trades = plan.sum(
        (
            _points(plan, plan.below(speed, slow), plan.below(speed, 2.0 * slow), SLOW),
            _points(plan, plan.below(surge, calm), plan.below(surge, 1.5 * calm), CALM),
            retracement,
        )
    )
    score = plan.with_stream(BOOKS, plan.add(trades, _support(plan, p)), plan.multiplied(trades, SCALED), CONFIDENCE)
    return plan.where(retracement, score, plan.capped(score, NOTHING_DUMPED))


def _support(plan: PlanBuilder, p: Parameters) -> Value:
    """The points of the book."""
    balance, least = imbalance(plan, Window.ago(p["imbalance_t1"]), 1), p["imbalance_threshold"]
    return _points(plan, plan.above(balance, least), plan.above(balance, least - 20.0), SUPPORTED)


def _points(plan: PlanBuilder, met: Value, nearly: Value, points: float) -> Value:
    """All points where a condition is met, half of them where it is nearly."""
    return plan.larger(plan.multiplied(met, points), plan.multiplied(nearly, points / 2.0))


DUMP_EXHAUSTION_SCORE: Final = Kind(
    name="DUMP_EXHAUSTION_SCORE",
    category="composite",
    unit="0..100",
    inputs=TRADES_INPUT | BOOKS_INPUT,
    parameters=(
        seconds_ago("velocity_t1", 10, meaning="t1 of the velocity"),
        seconds_ago("velocity_t3", 40, meaning="t3 of the velocity"),
        duration("velocity_d", 10, meaning="d of the velocity"),
        threshold("velocity_threshold", 0.1, "speed (%/s) under which the fall has slowed down"),
        seconds_ago("volume_t1", 30, meaning="t1 and t4 of the volume surge"),
        seconds_ago("volume_t3", 600, meaning="t3 of the volume surge"),
        threshold("volume_threshold", 0.8, "VOLUME_SURGE_RATIO under which the rush is over"),
        seconds_ago("imbalance_t1", 30, meaning="t1 of the imbalance"),
        threshold("imbalance_threshold", -10, "BID_ASK_IMBALANCE_PCT over which bids support the price"),
        duration("peak_lookback", 600, meaning="how far back the highest price is looked for"),
        threshold("retracement_threshold", 15, "fall from the peak (%) from which on it has been a dump"),
    ),
    formula="sum of points: 30 if |velocity| < velocity_threshold (15 if < 2 times it), 25 if volume surge < "
    "volume_threshold (12.5 if < 1.5 times it), 25 if the fall from the highest price ≥ retracement_threshold (12.5 if "
    "≥ 0.7 times it), 20 if imbalance > imbalance_threshold (10 if > it − 20). Without points for the fall at most 50 "
    "in all: where nothing was dumped, calm is no exhaustion. velocity = PRICE_VELOCITY(velocity_t1, velocity_t3, "
    "velocity_d), volume surge = VOLUME_SURGE_RATIO(volume_t1, 0, volume_t3, volume_t1), fall = 100 · (highest − last "
    "price) / highest, highest = largest price in force in (peak_lookback, 0), imbalance = "
    "BID_ASK_IMBALANCE_PCT(imbalance_t1, 0, 1). A symbol that never had books: the other points scaled to 100, with a "
    "confidence of at most 0.8",
    chart="own axis",
    describe=_exhaustion,
    optional=BOOKS_INPUT,
    rules=(
        baseline_rule("velocity_t1", "velocity_t3", "velocity_d"),
        window_rule("volume_t3", "volume_t1"),
        window_rule("volume_t1"),
        window_rule("imbalance_t1"),
        window_rule("peak_lookback"),
    ),
)
