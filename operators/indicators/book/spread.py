"""What crossing the book costs, now and how much it varies."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import BOOKS_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import SPREAD
from operators.indicators.windows import Window, window_rule


def _spread(plan: PlanBuilder, _p: Parameters) -> Value:
    return plan.newest_observed(SPREAD)


def _volatility(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.time_deviation(SPREAD, Window.ago(p["t1"], p["t2"]))


def _widening(plan: PlanBuilder, p: Parameters) -> Value:
    current = plan.time_mean(SPREAD, Window.ago(p["t1"], p["t2"]))
    return plan.ratio(current, plan.time_mean(SPREAD, Window.ago(p["t3"], p["t4"])))


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

SPREAD_WIDENING_RATIO: Final = Kind(
    name="SPREAD_WIDENING_RATIO",
    category="order book",
    unit="ratio",
    inputs=BOOKS_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0), seconds_ago("t3", 600), seconds_ago("t4", 30)),
    formula="time-weighted mean of SPREAD_PCT over (t1, t2) / the same over (t3, t4)",
    chart="own axis",
    describe=_widening,
    rules=(window_rule("t1", "t2"), window_rule("t3", "t4")),
)
