"""For each kind a condition that a strategy might have. The thresholds are examples, not advice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operators.indicators.ids import parse_indicator
from operators.indicators.kind import Kind

_LONGEST: Final = 70


@dataclass(frozen=True, slots=True)
class ExampleCondition:
    """A comparison, and what it asks in words."""

    op: str
    value: float
    asks: str


def example_text(kind: Kind) -> str:
    """The example as it stands in a strategy document: with all parameters, if they fit a line.

    >>> from operators.indicators.registry import CATALOGUE
    >>> example_text(CATALOGUE["SPREAD_PCT"])
    '{"indicator": "SPREAD_PCT", "op": "<", "value": 0.4}'
    """
    example = EXAMPLES[kind.name]
    indicator = parse_indicator(kind.name).id.removesuffix("()")
    if len(indicator) > _LONGEST:
        indicator = kind.name
    value = int(example.value) if example.value.is_integer() else example.value
    return json.dumps({"indicator": indicator, "op": example.op, "value": value})


def _is(op: str, value: float, asks: str) -> ExampleCondition:
    return ExampleCondition(op, float(value), asks)


EXAMPLES: Final[Mapping[str, ExampleCondition]] = {
    "TWPA": _is(">", 1.05, "the coin has cost more than 1.05 on average over five minutes"),
    "TWPA_RATIO": _is(">=", 1.02, "the last minutes were 2 % dearer than the half hour before"),
    "VWAP": _is(">", 1.05, "what was traded in five minutes was paid with more than 1.05 on average"),
    "SUPPORT_LEVEL_PROXIMITY_PCT": _is("<", 4, "the price is back within 4 % of its old level"),
    "FIRST_PRICE": _is("<", 1, "five minutes ago the coin cost less than 1"),
    "LAST_PRICE": _is(">=", 1.2, "the last trade was at 1.2 or more"),
    "MAX_PRICE": _is(">=", 1.3, "1.3 has been reached in the last five minutes"),
    "MIN_PRICE": _is("<", 1, "below 1 was traded in the last five minutes"),
    "PUMP_MAGNITUDE_PCT": _is(">=", 5, "the price is 5 % above that of half a minute to a minute ago"),
    "PRICE_DEVIATION_PCT": _is(">=", 6, "the last trade was paid with 6 % more than the minutes before"),
    "PRICE_VELOCITY": _is(">=", 0.1, "the price rises by at least 0.1 % a second"),
    "PRICE_ACCELERATION": _is("<", 0, "the rise slows down, or the fall gets faster"),
    "PRICE_MOMENTUM_PCT": _is(">=", 3, "trades of the last 30 s were 3 % dearer than those of the 90 s before"),
    "VELOCITY_CASCADE": _is(">=", 0.5, "the nearer the present, the faster the rise"),
    "VELOCITY_STABILIZATION_INDEX": _is("<", 0.1, "the speed has hardly changed over the last ten seconds"),
    "MOMENTUM_REVERSAL_INDEX": _is(">=", 60, "more than half of the top speed is gone"),
    "MOMENTUM_DECAY_PCT": _is("<=", 3, "the price is within 3 % of its high"),
    "RSI": _is(">=", 80, "rises have far outweighed falls"),
    "EMA": _is(">", 1.02, "the average of the minutes' closes is above 1.02"),
    "SMA": _is(">", 1.02, "the average of the last 14 minutes' closes is above 1.02"),
    "BOLLINGER_PERCENT_B": _is(">", 1, "the price is above the upper band"),
    "VOLATILITY_PCT": _is(">=", 0.2, "the price jumps by 0.2 % from second to second"),
    "VOLUME_SURGE_RATIO": _is(">=", 5, "five times as much is traded as in the ten minutes before"),
    "TRADE_FREQUENCY_SURGE": _is(">=", 5, "trades are five times as frequent as in the ten minutes before"),
    "SUM_VOLUME": _is(">=", 100_000, "100 000 coins have changed hands in five minutes"),
    "SUM_QUOTE_VOLUME": _is(">=", 100_000, "100 000 of the quote currency have been paid in five minutes"),
    "COUNT_TRADES": _is(">=", 500, "there have been 500 trades in five minutes"),
    "AVG_TRADE_SIZE": _is(">=", 180, "the mean trade of the last five minutes was 180 coins or more"),
    "TRADE_FREQUENCY": _is(">=", 100, "there have been 100 trades a minute over five minutes"),
    "ORDER_FLOW_IMBALANCE": _is(">", 0.3, "takers buy: 65 of 100 coins or more"),
    "INTER_TRADE_ACCELERATION": _is(">=", 5, "trades follow one another five times as fast as before"),
    "SPREAD_PCT": _is("<", 0.4, "crossing the book costs less than 0.4 %"),
    "SPREAD_VOLATILITY": _is(">=", 0.08, "the spread has not been steady"),
    "SPREAD_WIDENING_RATIO": _is(">=", 1.5, "the spread is half as wide again as in the ten minutes before"),
    "BID_ASK_IMBALANCE_PCT": _is(">", 20, "the best bid is half as large again as the best ask"),
    "LIQUIDITY_QUOTE": _is(">=", 2_000, "2 000 of the quote currency lie within reach"),
    "LIQUIDITY_DRAIN_PCT": _is(">=", 50, "half of the book is gone"),
    "DEAL_VS_MID_PCT": _is("<", 0.1, "trades happen near the middle of the book"),
    "AVG_BEST_BID": _is(">", 1.05, "the best bid was above 1.05 on average over five minutes"),
    "AVG_BEST_ASK": _is(">", 1.05, "the best ask was above 1.05 on average over five minutes"),
    "TW_MIDPRICE": _is(">", 1.05, "the mid price was above 1.05 on average over five minutes"),
    "DUMP_EXHAUSTION_SCORE": _is(">=", 75, "the dump has run its course"),
    "PUMP_PROBABILITY": _is(">=", 0.7, "a pump has probably begun"),
    "UNREALIZED_PNL_PCT": _is(">=", 12, "the position is 12 % up"),
    "UNREALIZED_PNL_ON_MARGIN_PCT": _is(">=", 40, "the position has made 40 % of its margin"),
    "SIGNAL_AGE_SECONDS": _is(">=", 10, "the signal is ten seconds old"),
    "POSITION_AGE_SECONDS": _is(">=", 120, "the position is two minutes old"),
    "RETRACEMENT_FROM_PEAK_PCT": _is(">=", 8, "8 % of the best price have been given back"),
}
