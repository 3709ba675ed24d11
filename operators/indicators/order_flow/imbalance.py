"""Which side the takers are on."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import KNOWN_SIDE_QUANTITY, SIGNED_QUANTITY
from operators.indicators.windows import Window, window_rule


def order_flow(plan: PlanBuilder, window: Window) -> Value:
    """(taker buys − taker sells) / their sum, without trades of unknown side."""
    return plan.imbalance(plan.total(SIGNED_QUANTITY, window), plan.total(KNOWN_SIDE_QUANTITY, window))


ORDER_FLOW_IMBALANCE: Final = Kind(
    name="ORDER_FLOW_IMBALANCE",
    category="microstructure",
    unit="−1..1",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0)),
    formula="(taker buy quantity − taker sell quantity) / their sum, in (t1, t2); trades of unknown side are left "
    "out, and without others there is no value",
    chart="own axis",
    describe=lambda plan, p: order_flow(plan, Window.ago(p["t1"], p["t2"])),
    rules=(window_rule("t1", "t2"),),
)
