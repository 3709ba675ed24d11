"""How much of a rise has been given back."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, duration
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, window_rule


def _decay(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.decline_pct(plan.newest(PRICE), plan.largest(PRICE, Window.ago(p["lookback"])))


MOMENTUM_DECAY_PCT: Final = Kind(
    name="MOMENTUM_DECAY_PCT",
    category="momentum",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(duration("lookback", 600, meaning="how far back the largest price is looked for"),),
    formula="100 · (largest trade price in (lookback, 0) − last price) / largest trade price",
    chart="own axis",
    describe=_decay,
    rules=(window_rule("lookback"),),
)
