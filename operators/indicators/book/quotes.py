"""Best quotes and mid price over time. A quote that the book does not have has no value while it is missing."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import BOOKS_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import BEST_ASK, BEST_BID, MID, StepSeries
from operators.indicators.windows import Window, window_rule


def _kind(name: str, what: str, series: StepSeries) -> Kind:
    def describe(plan: PlanBuilder, p: Parameters) -> Value:
        return plan.time_mean(series, Window.ago(p["t1"], p["t2"]))

    return Kind(
        name=name,
        category="order book",
        unit="quote per base",
        inputs=BOOKS_INPUT,
        parameters=(seconds_ago("t1", 300), seconds_ago("t2", 0)),
        formula=f"time-weighted mean of {what} over (t1, t2)",
        chart="price axis",
        describe=describe,
        rules=(window_rule("t1", "t2"),),
    )


AVG_BEST_BID: Final = _kind("AVG_BEST_BID", "the best bid price", BEST_BID)
AVG_BEST_ASK: Final = _kind("AVG_BEST_ASK", "the best ask price", BEST_ASK)
TW_MIDPRICE: Final = _kind("TW_MIDPRICE", "the mid price, (best bid + best ask) / 2,", MID)
