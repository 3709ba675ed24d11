"""The volume-weighted average price."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import QUANTITY, QUOTE_QUANTITY
from operators.indicators.windows import Window, window_rule


def _vwap(plan: PlanBuilder, p: Parameters) -> Value:
    window = Window.ago(p["t1"], p["t2"])
    return plan.quotient(plan.total(QUOTE_QUANTITY, window), plan.total(QUANTITY, window))


VWAP: Final = Kind(
    name="VWAP",
    category="price",
    unit="quote per base",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 300), seconds_ago("t2", 0)),
    formula="sum of price · quantity / sum of quantity over the trades in (t1, t2)",
    chart="price axis",
    describe=_vwap,
    rules=(window_rule("t1", "t2"),),
)
