"""How much busier the market is than before."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kernels.layout import TRADES
from operators.indicators.kind import TRADES_INPUT, Kind
from operators.indicators.parameters import Parameters, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import QUANTITY
from operators.indicators.windows import Window, window_rule

_PARAMETERS: Final = (seconds_ago("t1", 30), seconds_ago("t2", 0), seconds_ago("t3", 600), seconds_ago("t4", 30))
_RULES: Final = (window_rule("t1", "t2"), window_rule("t3", "t4"))


def _volume_rate(plan: PlanBuilder, window: Window) -> Value:
    return plan.per_second(plan.total(QUANTITY, window), TRADES, window)


def _trade_rate(plan: PlanBuilder, window: Window) -> Value:
    return plan.per_second(plan.count(TRADES, window), TRADES, window)


def volume_surge(plan: PlanBuilder, current: Window, baseline: Window) -> Value:
    """Volume per observed second in one window / the same in another."""
    return plan.quotient(_volume_rate(plan, current), _volume_rate(plan, baseline))


def frequency_surge(plan: PlanBuilder, current: Window, baseline: Window) -> Value:
    """Trades per observed second in one window / the same in another."""
    return plan.quotient(_trade_rate(plan, current), _trade_rate(plan, baseline))


def _volume_surge(plan: PlanBuilder, p: Parameters) -> Value:
    return volume_surge(plan, Window.ago(p["t1"], p["t2"]), Window.ago(p["t3"], p["t4"]))


def _frequency_surge(plan: PlanBuilder, p: Parameters) -> Value:
    return frequency_surge(plan, Window.ago(p["t1"], p["t2"]), Window.ago(p["t3"], p["t4"]))


VOLUME_SURGE_RATIO: Final = Kind(
    name="VOLUME_SURGE_RATIO",
    category="volume",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=_PARAMETERS,
    formula="volume per observed second in (t1, t2) / volume per observed second in (t3, t4); "
    "no value where the latter is 0",
    chart="own axis",
    describe=_volume_surge,
    rules=_RULES,
    aliases=("VOLUME_SURGE",),
)

TRADE_FREQUENCY_SURGE: Final = Kind(
    name="TRADE_FREQUENCY_SURGE",
    category="volume",
    unit="ratio",
    inputs=TRADES_INPUT,
    parameters=_PARAMETERS,
    formula="trades per observed second in (t1, t2) / trades per observed second in (t3, t4); "
    "no value where the latter is 0",
    chart="own axis",
    describe=_frequency_surge,
    rules=_RULES,
)
