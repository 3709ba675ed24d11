"""How far and how fast the price has risen over a short while."""

from __future__ import annotations

from typing import Final

from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, duration, seconds_ago
from operators.indicators.plan import PlanBuilder, Value
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, baseline_rule


def magnitude(plan: PlanBuilder, p: Parameters) -> Value:
    """100·(TWPA(t1, 0) − TWPA(t3, t3 − d)) / TWPA(t3, t3 − d)."""
    baseline = plan.time_mean(PRICE, Window.baseline(p["t3"], p["d"]))
    return plan.change_pct(plan.time_mean(PRICE, Window.ago(p["t1"])), baseline)


def velocity(plan: PlanBuilder, p: Parameters) -> Value:
    """The magnitude over the seconds between the centres of its two windows, %/s."""
    seconds = Window.baseline(p["t3"], p["d"]).centre - Window.ago(p["t1"]).centre
    return plan.divided(magnitude(plan, p), seconds)


PUMP_MAGNITUDE_PCT: Final = Kind(
    name="PUMP_MAGNITUDE_PCT",
    category="momentum",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(
        seconds_ago("t1", 10, 1, 3600),
        seconds_ago("t3", 60, minimum=1),
        duration("d", 30, 1, 3600),
    ),
    formula="100 · (TWPA(t1, 0) − TWPA(t3, t3 − d)) / TWPA(t3, t3 − d)",
    chart="own axis",
    describe=magnitude,
    rules=(baseline_rule(),),
)

PRICE_VELOCITY: Final = Kind(
    name="PRICE_VELOCITY",
    category="momentum",
    unit="%/s",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 10), seconds_ago("t3", 60), duration("d", 30)),
    formula="PUMP_MAGNITUDE_PCT(t1, t3, d) / seconds between the centres of its two windows",
    chart="own axis",
    describe=velocity,
    rules=(baseline_rule(),),
    aliases=("VELOCITY",),
)
