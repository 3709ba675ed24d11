"""How far and how fast the price has risen over a short while."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, duration, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, baseline_rule, window_rule


def magnitude(plan: PlanBuilder, t1: float, t3: float, d: float, lag: float = 0.0) -> Value:
    """100·(TWPA(t1, 0) − TWPA(t3, t3 − d)) / TWPA(t3, t3 − d), `lag` seconds ago."""
    current, baseline = Window.ago(t1).earlier(lag), Window.baseline(t3, d).earlier(lag)
    return plan.change_pct(plan.time_mean(PRICE, current), plan.time_mean(PRICE, baseline))


def velocity(plan: PlanBuilder, t1: float, t3: float, d: float, lag: float = 0.0) -> Value:
    """The magnitude over the seconds between the centres of its two windows, %/s, `lag` seconds ago."""
    seconds = Window.baseline(t3, d).centre - Window.ago(t1).centre
    return plan.divided(magnitude(plan, t1, t3, d, lag), seconds)


def _acceleration(plan: PlanBuilder, p: Parameters) -> Value:
    now = velocity(plan, p["t1"], p["t3"], p["d"])
    return plan.divided(plan.subtract(now, velocity(plan, p["t1"], p["t3"], p["d"], p["lag"])), p["lag"])


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
    describe=lambda plan, p: magnitude(plan, p["t1"], p["t3"], p["d"]),
    rules=(baseline_rule(),),
)

PRICE_VELOCITY: Final = Kind(
    name="PRICE_VELOCITY",
    category="momentum",
    unit="%/s",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 10), seconds_ago("t3", 60), duration("d", 30)),
    formula="PUMP_MAGNITUDE_PCT(t1, t3, d) / seconds between the centres of its two windows, t3 − d / 2 − t1 / 2",
    chart="own axis",
    describe=lambda plan, p: velocity(plan, p["t1"], p["t3"], p["d"]),
    rules=(baseline_rule(),),
    aliases=("VELOCITY",),
)

PRICE_ACCELERATION: Final = Kind(
    name="PRICE_ACCELERATION",
    category="momentum",
    unit="%/s²",
    inputs=TRADES_INPUT,
    parameters=(
        seconds_ago("t1", 10),
        seconds_ago("t3", 60),
        duration("d", 30),
        seconds_ago("lag", 10, maximum=3600, meaning="the velocity is compared with that of so many seconds ago"),
    ),
    formula="(PRICE_VELOCITY(t1, t3, d) now − the same `lag` seconds ago) / lag",
    chart="own axis",
    describe=_acceleration,
    rules=(baseline_rule(), window_rule("lag")),
)
