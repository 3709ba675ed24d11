"""How far the last price is from an earlier level."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, window_rule


def _deviation(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.change_pct(plan.newest(PRICE), plan.time_mean(PRICE, Window.ago(p["t1"], p["t2"])))


PRICE_DEVIATION_PCT: Final = Kind(
    name="PRICE_DEVIATION_PCT",
    category="momentum",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 300), seconds_ago("t2", 60)),
    formula="100 · (last price − TWPA(t1, t2)) / TWPA(t1, t2)",
    chart="own axis",
    describe=_deviation,
    rules=(window_rule("t1", "t2"),),
)
