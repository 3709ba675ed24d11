"""How much is traded in a window: sums, counts, sizes and frequency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kernels.layout import TRADES
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import QUANTITY, QUOTE_QUANTITY
from operators.indicators.windows import Window, window_rule


def _kind(name: str, unit: str, formula: str, describe: Callable[[PlanBuilder, Window], Value]) -> Kind:
    def of_window(plan: PlanBuilder, p: Parameters) -> Value:
        return describe(plan, Window.ago(p["t1"], p["t2"]))

    return Kind(
        name=name,
        category="volume",
        unit=unit,
        inputs=TRADES_INPUT,
        parameters=(seconds_ago("t1", 300), seconds_ago("t2", 0)),
        formula=formula,
        chart="own axis",
        describe=of_window,
        rules=(window_rule("t1", "t2"),),
    )


def _average_size(plan: PlanBuilder, window: Window) -> Value:
    return plan.quotient(plan.total(QUANTITY, window), plan.count(TRADES, window))


def _frequency(plan: PlanBuilder, window: Window) -> Value:
    return plan.multiplied(plan.per_second(plan.count(TRADES, window), TRADES, window), 60.0)


SUM_VOLUME: Final = _kind(
    "SUM_VOLUME", "base", "sum of the traded quantity in (t1, t2)", lambda plan, window: plan.total(QUANTITY, window)
)
SUM_QUOTE_VOLUME: Final = _kind(
    "SUM_QUOTE_VOLUME",
    "quote",
    "sum of price · quantity over the trades in (t1, t2)",
    lambda plan, window: plan.total(QUOTE_QUANTITY, window),
)
COUNT_TRADES: Final = _kind(
    "COUNT_TRADES", "trades", "number of trades in (t1, t2)", lambda plan, window: plan.count(TRADES, window)
)
AVG_TRADE_SIZE: Final = _kind("AVG_TRADE_SIZE", "base", "mean quantity of the trades in (t1, t2)", _average_size)
TRADE_FREQUENCY: Final = _kind(
    "TRADE_FREQUENCY", "trades/min", "number of trades in (t1, t2) per observed minute", _frequency
)
