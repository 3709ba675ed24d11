"""How much the price changes from bar to bar."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.bars.parameters import bar_length
from operators.indicators.errors import IndicatorProblem
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, canonical_number, microseconds, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.windows import Window


def _volatility(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.bar_volatility(microseconds(p["bar"]), Window.ago(p["t1"]))


def _two_bars(p: Parameters) -> IndicatorProblem | None:
    if microseconds(p["t1"]) >= 2 * microseconds(p["bar"]):
        return None
    found = f"t1={canonical_number(p['t1'])} with bar={canonical_number(p['bar'])}"
    return IndicatorProblem(found, "t1 >= 2 · bar (two returns at least)")


VOLATILITY_PCT: Final = Kind(
    name="VOLATILITY_PCT",
    category="price",
    unit="%",
    inputs=TRADES_INPUT,
    parameters=(seconds_ago("t1", 300), bar_length(1.0)),
    formula="100 · sample standard deviation of the simple returns of the bars that ended in (t1, 0)",
    chart="own axis",
    describe=_volatility,
    rules=(_two_bars,),
)
