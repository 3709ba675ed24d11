"""What crossing the book costs, now and how much it varies."""

from __future__ import annotations

from typing import Final

from operators.indicators.kind import BOOKS_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder, Value
from operators.indicators.series import SPREAD
from operators.indicators.windows import Window, window_rule


def _spread(plan: PlanBuilder, _p: Parameters) -> Value:
    return plan.newest_observed(SPREAD)


def _volatility(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.time_deviation(SPREAD, Window.ago(p["t1"], p["t2"]))


SPREAD_PCT: Final = Kind(
    name="SPREAD_PCT",
    category="order book",
    unit="%",
    inputs=BOOKS_INPUT,
    parameters=(),
    formula="100 · (best ask − best bid) / mid of the newest book; no value while the book is out of step",
    chart="own axis",
    describe=_spread,
)

SPREAD_VOLATILITY: Final = Kind(
    name="SPREAD_VOLATILITY",
    category="order book",
    unit="%",
    inputs=BOOKS_INPUT,
    parameters=(seconds_ago("t1", 300), seconds_ago("t2", 0)),
    formula="time-weighted standard deviation (population) of SPREAD_PCT over (t1, t2)",
    chart="own axis",
    describe=_volatility,
    rules=(window_rule("t1", "t2"),),
)
