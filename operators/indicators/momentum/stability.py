"""Whether the price moves steadily."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kernels.layout import TRADES
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.momentum.pump import velocity
from operators.indicators.parameters import Number, Parameters, duration, seconds_ago, whole_number
from operators.indicators.plan import PlanBuilder
from operators.indicators.windows import Window, baseline_rule

STILL: Final = 0.001
"""A mean speed below this (%/s) is no movement."""


def _stabilization(plan: PlanBuilder, p: Parameters) -> Value:
    count, interval = int(p["num_samples"]), p["sample_interval"]
    samples = [velocity(plan, p["t1"], p["t3"], p["d"], place * interval) for place in range(count)]
    mean = plan.divided(plan.sum(samples), count)
    squares = []
    for sample in samples:
        deviation = plan.subtract(sample, mean)
        squares.append(plan.multiply(deviation, deviation))
    deviation = plan.root(plan.divided(plan.sum(squares), count))
    speed = plan.divided(plan.sum(plan.absolute(sample) for sample in samples), count)
    still = plan.below(speed, STILL)
    index = plan.where(still, plan.constant(0.0), plan.quotient(deviation, speed))
    return plan.only_where(plan.count(TRADES, Window.ago(p["t3"] + (count - 1) * interval)), index)


VELOCITY_STABILIZATION_INDEX: Final = Kind(
    name="VELOCITY_STABILIZATION_INDEX",
    category="momentum",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=(
        whole_number("num_samples", 3, 2, 10, "velocities that are compared"),
        Number("sample_interval", 5, 1, 60, "s", "time between two of them"),
        seconds_ago("t1", 10),
        seconds_ago("t3", 40),
        duration("d", 10),
    ),
    formula="population standard deviation of v / mean of |v|, v = num_samples times PRICE_VELOCITY(t1, t3, d), now "
    "and every sample_interval seconds before; 0 where the mean < 0.001 %/s; no value without a trade in "
    "(t3 + (num_samples − 1) · sample_interval, 0). A dead coin is stable too: ask for a movement as well",
    chart="own axis",
    describe=_stabilization,
    rules=(baseline_rule(),),
)
