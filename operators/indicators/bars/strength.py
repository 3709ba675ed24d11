"""Rises of the price against its falls, bar by bar."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.bars.parameters import bar_count, bar_length
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, microseconds
from operators.indicators.plan import PlanBuilder


def _rsi(plan: PlanBuilder, p: Parameters) -> Value:
    period = int(p["period"])
    # so many changes are between one close more
    return plan.bars("rsi", microseconds(p["bar"]), period, period + 1)


RSI: Final = Kind(
    name="RSI",
    category="momentum",
    unit="0..100",
    inputs=TRADES_INPUT,
    parameters=(bar_count(14, 2, 100), bar_length()),
    formula="100 · G / (G + L), G and L = Wilder averages of the rises and falls from close to close of bars, seeded "
    "with the simple means of the first `period` changes; no value where G + L = 0",
    chart="own axis",
    describe=_rsi,
)
