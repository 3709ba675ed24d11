"""First, last, largest and smallest price among the trades of a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import PRICE
from operators.indicators.windows import Window, window_rule


def _kind(name: str, what: str, describe: Callable[[PlanBuilder, Parameters], Value]) -> Kind:
    return Kind(
        name=name,
        category="price",
        unit="quote per base",
        inputs=TRADES_INPUT,
        parameters=(seconds_ago("t1", 300), seconds_ago("t2", 0)),
        formula=f"{what} price among the trades in (t1, t2)",
        chart="price axis",
        describe=describe,
        rules=(window_rule("t1", "t2"),),
    )


FIRST_PRICE: Final = _kind("FIRST_PRICE", "first", lambda plan, p: plan.first(PRICE, Window.ago(p["t1"], p["t2"])))
LAST_PRICE: Final = _kind("LAST_PRICE", "last", lambda plan, p: plan.last(PRICE, Window.ago(p["t1"], p["t2"])))
MAX_PRICE: Final = _kind("MAX_PRICE", "largest", lambda plan, p: plan.largest(PRICE, Window.ago(p["t1"], p["t2"])))
MIN_PRICE: Final = _kind("MIN_PRICE", "smallest", lambda plan, p: plan.smallest(PRICE, Window.ago(p["t1"], p["t2"])))
