"""Whether the price gets faster the nearer the present one looks."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.momentum.pump import velocity
from operators.indicators.parameters import Parameters, VelocityWindows, read_velocities
from operators.indicators.plan import PlanBuilder

SLOWEST: Final = 0.01
"""Velocities below this (%/s) are not divided by."""
AGREED: Final = 1.2
"""Weight of a cascade whose steps all point the same way."""
_STEP: Final = 1e-9


def _cascade(plan: PlanBuilder, p: Parameters) -> Value:
    velocities = [velocity(plan, *windows) for windows in read_velocities(p.text("windows"))]
    steps = [
        plan.quotient(plan.subtract(near, far), plan.floored(plan.absolute(far), SLOWEST))
        for near, far in pairwise(velocities)
    ]
    weights = [0.5**place for place in range(len(steps))]
    weighted = plan.sum(plan.multiplied(step, weight) for step, weight in zip(steps, weights, strict=True))
    mean = plan.divided(weighted, sum(weights))
    rising = plan.product(plan.above(step, _STEP) for step in steps)
    falling = plan.product(plan.below(step, -_STEP) for step in steps)
    mean = plan.where(plan.add(rising, falling), plan.multiplied(mean, AGREED), mean)
    return plan.tanh(plan.divided(mean, 2.0))


VELOCITY_CASCADE: Final = Kind(
    name="VELOCITY_CASCADE",
    category="momentum",
    unit="−1..1",
    inputs=TRADES_INPUT,
    parameters=(
        VelocityWindows(
            "windows",
            "5/15/5;10/40/10;20/80/20",
            2,
            8,
            "velocities that are compared (t1/t3/d in s), the shortest first",
        ),
    ),
    formula="tanh(x / 2), x = mean of the steps between neighbouring velocities, weighted 1, 1/2, 1/4 … from the "
    "present on, times 1.2 where all of them point the same way; step = (nearer − farther) / max(|farther|, 0.01 %/s), "
    "velocity = PRICE_VELOCITY of each of the windows. Positive: the signed velocity rises towards the present",
    chart="own axis",
    describe=_cascade,
)
