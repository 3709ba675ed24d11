"""Where the price stands between Bollinger's bands."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.bars.parameters import bar_count, bar_length
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Number, Parameters, microseconds
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE


def _percent_b(plan: PlanBuilder, p: Parameters) -> Value:
    period, bar = int(p["period"]), microseconds(p["bar"])
    mean = plan.bars("sma", bar, period, period)
    width = plan.multiplied(plan.bars("deviation", bar, period, period), p["k"])
    above_lower = plan.add(plan.subtract(plan.newest(PRICE), mean), width)
    return plan.quotient(above_lower, plan.multiplied(width, 2.0))


BOLLINGER_PERCENT_B: Final = Kind(
    name="BOLLINGER_PERCENT_B",
    category="price",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=(
        bar_count(20, 2, 500),
        bar_length(),
        Number("k", 2.0, 0.1, 10.0, "", "standard deviations from the mean to each band"),
    ),
    formula="(last price − lower) / (upper − lower), bands = mean ∓ k · population standard deviation of the closes of "
    "the last `period` bars; no value where all of them are equal",
    chart="own axis",
    describe=_percent_b,
)
