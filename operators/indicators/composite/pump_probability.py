"""How likely it is that a pump has begun: a logistic score of five measures."""

from __future__ import annotations

import math
from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.composite.pump_coefficients import COEFFICIENTS, PumpCoefficients
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.momentum.pump import magnitude, velocity
from operators.indicators.order_flow.imbalance import order_flow
from operators.indicators.parameters import Parameters, duration, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.volume.surge import frequency_surge, volume_surge
from operators.indicators.windows import Window, baseline_rule, window_rule

NO_COEFFICIENTS: Final = "no coefficients"


def pump_probability(plan: PlanBuilder, p: Parameters, fitted: PumpCoefficients) -> Value:
    """1 / (1 + exp(−(intercept + Σ weight · measure)))."""
    price, current = (p["t1"], p["t3"], p["d"]), Window.ago(p["volume_t1"])
    baseline = Window.ago(p["volume_t3"], p["volume_t1"])
    score = plan.sum(
        (
            plan.constant(fitted.intercept),
            plan.multiplied(magnitude(plan, *price), fitted.magnitude_pct),
            plan.multiplied(volume_surge(plan, current, baseline), fitted.volume_surge),
            plan.multiplied(velocity(plan, *price), fitted.velocity),
            plan.multiplied(frequency_surge(plan, current, baseline), fitted.frequency_surge),
            plan.multiplied(order_flow(plan, current), fitted.order_flow_imbalance),
        )
    )
    return plan.logistic(score)


def _describe(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.constant(math.nan) if COEFFICIENTS is None else pump_probability(plan, p, COEFFICIENTS)


PUMP_PROBABILITY: Final = Kind(
    name="PUMP_PROBABILITY",
    category="composite",
    unit="0..1",
    inputs=TRADES_INPUT,
    parameters=(
        seconds_ago("t1", 10),
        seconds_ago("t3", 60),
        duration("d", 30),
        seconds_ago("volume_t1", 30, meaning="t1 and t4 of the surges, t1 of the imbalance"),
        seconds_ago("volume_t3", 600, meaning="t3 of the surges"),
    ),
    formula="1 / (1 + exp(−score)), score = fitted intercept + sum of fitted weight · measure over "
    "PUMP_MAGNITUDE_PCT(t1, t3, d), PRICE_VELOCITY(t1, t3, d), VOLUME_SURGE_RATIO and TRADE_FREQUENCY_SURGE"
    "(volume_t1, 0, volume_t3, volume_t1), ORDER_FLOW_IMBALANCE(volume_t1, 0)",
    chart="own axis",
    describe=_describe,
    rules=(baseline_rule(), window_rule("volume_t3", "volume_t1"), window_rule("volume_t1")),
    unavailable=NO_COEFFICIENTS if COEFFICIENTS is None else None,
)
