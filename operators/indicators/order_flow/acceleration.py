"""Whether trades follow each other faster."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kernels.layout import TRADES
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.windows import Window, window_rule


def _acceleration(plan: PlanBuilder, p: Parameters) -> Value:
    baseline = plan.mean_gap(TRADES, Window.ago(p["t3"], p["t4"]))
    return plan.quotient(baseline, plan.mean_gap(TRADES, Window.ago(p["t1"], p["t2"])))


INTER_TRADE_ACCELERATION: Final = Kind(
    name="INTER_TRADE_ACCELERATION",
    category="microstructure",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0), seconds_ago("t3", 600), seconds_ago("t4", 30)),
    formula="mean time between trades in (t3, t4) / the same in (t1, t2): 5 = five times as fast. The mean is (last − "
    "first) / (count − 1), at least 1 ms; no value with fewer than 3 trades in either window",
    chart="own axis",
    describe=_acceleration,
    rules=(window_rule("t1", "t2"), window_rule("t3", "t4")),
)
