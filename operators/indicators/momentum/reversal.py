"""How much of its top speed a movement has lost."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.momentum.pump import velocity
from operators.indicators.parameters import MIN_COVERAGE, Choice, Parameters, duration, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.windows import Window, baseline_rule, window_rule

SLOWEST: Final = 0.001
"""A top speed below this (%/s) is none."""


def _reversal(plan: PlanBuilder, p: Parameters) -> Value:
    def speed(of: PlanBuilder) -> Value:
        return velocity(of, p["t1"], p["t3"], p["d"])

    sign = 1 if p.text("direction") == "up" else -1
    top = plan.peak(speed, Window.ago(p["lookback"]), sign, p[MIN_COVERAGE.name])
    reached = plan.at_least(plan.multiplied(top, float(sign)), SLOWEST)
    return plan.only_where(reached, plan.decline_pct(speed(plan), top))


MOMENTUM_REVERSAL_INDEX: Final = Kind(
    name="MOMENTUM_REVERSAL_INDEX",
    category="momentum",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(
        seconds_ago("t1", 10),
        seconds_ago("t3", 40),
        duration("d", 10),
        duration("lookback", 300, meaning="how far back the top is looked for"),
        Choice("direction", "up", ("up", "down"), "which way the movement went"),
    ),
    formula="100 · (1 − v / top), v = PRICE_VELOCITY(t1, t3, d), top = the largest velocity in that direction at the "
    "whole seconds of (lookback, 0) and now; no value where |top| < 0.001 %/s. 0 = at the top, 100 = stopped, "
    "over 100 = reversed",
    chart="own axis",
    describe=_reversal,
    rules=(baseline_rule(), window_rule("lookback")),
)
