"""Time-weighted price averages."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, window_rule


def _twpa(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.time_mean(PRICE, Window.ago(p["t1"], p["t2"]))


def _twpa_ratio(plan: PlanBuilder, p: Parameters) -> Value:
    current = plan.time_mean(PRICE, Window.ago(p["t1"], p["t2"]))
    return plan.ratio(current, plan.time_mean(PRICE, Window.ago(p["t3"], p["t4"])))


TWPA: Final = Kind(
    name="TWPA",
    category="price",
    unit="quote per base",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 300, minimum=1), seconds_ago("t2", 0)),
    formula="time-weighted mean of the price over (t1, t2): a trade's price holds until the next trade, "
    "and the price in force when the window begins counts too",
    chart="price axis",
    describe=_twpa,
    rules=(window_rule("t1", "t2"),),
)

TWPA_RATIO: Final = Kind(
    name="TWPA_RATIO",
    category="price",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 300), seconds_ago("t2", 60), seconds_ago("t3", 1800), seconds_ago("t4", 300)),
    formula="TWPA(t1, t2) / TWPA(t3, t4)",
    chart="own axis",
    describe=_twpa_ratio,
    rules=(window_rule("t1", "t2"), window_rule("t3", "t4")),
)
