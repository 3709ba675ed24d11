"""What lies in the book near the best prices: on which side, how much, and whether it goes away."""

from __future__ import annotations

from typing import Final

from operators.indicators.arithmetic import Value
from operators.indicators.kind import BOOKS_INPUT, Kind
from operators.indicators.parameters import Parameters, book_levels, seconds_ago
from operators.indicators.plan import PlanBuilder
from operators.indicators.series import quantity_imbalance, quote_depth
from operators.indicators.windows import Window, window_rule


def imbalance(plan: PlanBuilder, window: Window, levels: int) -> Value:
    """Time-weighted mean of 100·(bid quantity − ask quantity) / (their sum) over the best levels."""
    return plan.time_mean(quantity_imbalance(levels), window)


def _imbalance(plan: PlanBuilder, p: Parameters) -> Value:
    return imbalance(plan, Window.ago(p["t1"], p["t2"]), int(p["levels"]))


def _liquidity(plan: PlanBuilder, p: Parameters) -> Value:
    return plan.time_mean(quote_depth(int(p["levels"])), Window.ago(p["t1"], p["t2"]))


def _drain(plan: PlanBuilder, p: Parameters) -> Value:
    depth = quote_depth(int(p["levels"]))
    current = plan.time_mean(depth, Window.ago(p["t1"], p["t2"]))
    return plan.decline_pct(current, plan.time_mean(depth, Window.ago(p["t3"], p["t4"])))


BID_ASK_IMBALANCE_PCT: Final = Kind(
    name="BID_ASK_IMBALANCE_PCT",
    category="order book",
    unit="%",
    inputs=BOOKS_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0), book_levels(1)),
    formula="time-weighted mean of 100 · (bid quantity − ask quantity) / (bid quantity + ask quantity) over the best "
    "`levels` of each side in (t1, t2)",
    chart="own axis",
    describe=_imbalance,
    rules=(window_rule("t1", "t2"),),
)

LIQUIDITY_QUOTE: Final = Kind(
    name="LIQUIDITY_QUOTE",
    category="order book",
    unit="quote",
    inputs=BOOKS_INPUT,
    parameters=(seconds_ago("t1", 30), seconds_ago("t2", 0), book_levels(5)),
    formula="time-weighted mean of the sum of price · quantity over the best `levels` of both sides in (t1, t2)",
    chart="own axis",
    describe=_liquidity,
    rules=(window_rule("t1", "t2"),),
)

LIQUIDITY_DRAIN_PCT: Final = Kind(
    name="LIQUIDITY_DRAIN_PCT",
    category="order book",
    unit="%",
    inputs=BOOKS_INPUT,
    parameters=(
        seconds_ago("t1", 30),
        seconds_ago("t2", 0),
        seconds_ago("t3", 600),
        seconds_ago("t4", 30),
        book_levels(5),
    ),
    formula="100 · (baseline − current) / baseline, baseline = LIQUIDITY_QUOTE(t3, t4, levels), "
    "current = LIQUIDITY_QUOTE(t1, t2, levels)",
    chart="own axis",
    describe=_drain,
    rules=(window_rule("t1", "t2"), window_rule("t3", "t4")),
)
