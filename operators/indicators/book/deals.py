"""Trades against the book."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import BOOKS_INPUT, TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import MID, PRICE
from operators.indicators.windows import Window, window_rule


def _distance(plan: PlanBuilder, p: Parameters) -> Value:
    window = Window.ago(p["t1"], p["t2"])
    return plan.absolute(plan.change_pct(plan.time_mean(PRICE, window), plan.time_mean(MID, window)))


DEAL_VS_MID_PCT: Final = Kind(
    name="DEAL_VS_MID_PCT",
    category="microstructure",
    unit="%",
    inputs=TRADES_INPUT | BOOKS_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0)),
    formula="100 · |TWPA(t1, t2) − mid| / mid, mid = TW_MIDPRICE(t1, t2)",
    chart="own axis",
    describe=_distance,
    rules=(window_rule("t1", "t2"),),
)
