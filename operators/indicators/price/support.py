"""How far the price is above an earlier level."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, window_rule


def _proximity(plan: PlanBuilder, p: Parameters) -> Value:
    support = plan.time_mean(PRICE, Window.ago(p["t_support_start"], p["t_support_end"]))
    return plan.change_pct(plan.time_mean(PRICE, Window.ago(p["t1"])), support)


SUPPORT_LEVEL_PROXIMITY_PCT: Final = Kind(
    name="SUPPORT_LEVEL_PROXIMITY_PCT",
    category="price",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(
        seconds_ago("t1", 10),
        seconds_ago("t_support_start", 3600, meaning="the support's window begins so many seconds ago"),
        seconds_ago("t_support_end", 600, meaning="the support's window ends so many seconds ago"),
    ),
    formula="100 · (TWPA(t1, 0) − support) / support, support = TWPA(t_support_start, t_support_end)",
    chart="own axis",
    describe=_proximity,
    rules=(window_rule("t1"), window_rule("t_support_start", "t_support_end")),
)
