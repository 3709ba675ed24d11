"""The mean trade price now against the mean trade price before."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kernels.layout import TRADES
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import TRADE_PRICES
from operators.indicators.windows import Window, window_rule


def _mean_price(plan: PlanBuilder, window: Window) -> Value:
    return plan.quotient(plan.total(TRADE_PRICES, window), plan.count(TRADES, window))


def _momentum(plan: PlanBuilder, p: Parameters) -> Value:
    current = _mean_price(plan, Window.ago(p["t1"], p["t2"]))
    return plan.change_pct(current, _mean_price(plan, Window.ago(p["t3"], p["t4"])))


PRICE_MOMENTUM_PCT: Final = Kind(
    name="PRICE_MOMENTUM_PCT",
    category="momentum",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0), seconds_ago("t3", 120), seconds_ago("t4", 30)),
    formula="100 · (unweighted mean of the trade prices in (t1, t2) − the same in (t3, t4)) / the latter",
    chart="own axis",
    describe=_momentum,
    rules=(window_rule("t1", "t2"), window_rule("t3", "t4")),
)
