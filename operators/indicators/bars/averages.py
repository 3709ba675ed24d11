"""Averages of the closes of bars."""

from __future__ import annotations

from typing import Final, Literal

from operators.indicators.arithmetic import Value
from operators.indicators.bars.parameters import bar_count, bar_length
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, microseconds
from operators.indicators.plan import PlanBuilder


def _kind(name: str, measure: Literal["ema", "sma"], formula: str) -> Kind:
    def describe(plan: PlanBuilder, p: Parameters) -> Value:
        period = int(p["period"])
        return plan.bars(measure, microseconds(p["bar"]), period, period)

    return Kind(
        name=name,
        category="price",
        unit="quote per base",
        inputs=TRADES_INPUT,
        parameters=(bar_count(14, 1, 500), bar_length()),
        formula=formula,
        chart="price axis",
        describe=describe,
    )


EMA: Final = _kind(
    "EMA",
    "ema",
    "exponential average of the closes of bars, α = 2 / (period + 1), seeded with the simple mean of the first "
    "`period`",
)
SMA: Final = _kind("SMA", "sma", "simple mean of the closes of the last `period` bars")
