"""The catalogue: every kind of indicator under its name, and the other names that mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from operators.indicators import position
from operators.indicators.bars import averages, bollinger, strength, volatility
from operators.indicators.book import deals, depth, quotes, spread
from operators.indicators.composite import exhaustion, pump_probability
from operators.indicators.kind import Kind
from operators.indicators.momentum import cascade, decay, deviation, price_momentum, pump, reversal, stability
from operators.indicators.order_flow import acceleration, imbalance
from operators.indicators.price import support, trade_prices, twpa, vwap
from operators.indicators.volume import surge, totals

_KINDS: Final = (
    twpa.TWPA,
    twpa.TWPA_RATIO,
    vwap.VWAP,
    support.SUPPORT_LEVEL_PROXIMITY_PCT,
    trade_prices.FIRST_PRICE,
    trade_prices.LAST_PRICE,
    trade_prices.MAX_PRICE,
    trade_prices.MIN_PRICE,
    pump.PUMP_MAGNITUDE_PCT,
    pump.PRICE_VELOCITY,
    pump.PRICE_ACCELERATION,
    price_momentum.PRICE_MOMENTUM_PCT,
    cascade.VELOCITY_CASCADE,
    stability.VELOCITY_STABILIZATION_INDEX,
    reversal.MOMENTUM_REVERSAL_INDEX,
    decay.MOMENTUM_DECAY_PCT,
    deviation.PRICE_DEVIATION_PCT,
    strength.RSI,
    averages.EMA,
    averages.SMA,
    bollinger.BOLLINGER_PERCENT_B,
    volatility.VOLATILITY_PCT,
    surge.VOLUME_SURGE_RATIO,
    surge.TRADE_FREQUENCY_SURGE,
    totals.SUM_VOLUME,
    totals.SUM_QUOTE_VOLUME,
    totals.COUNT_TRADES,
    totals.AVG_TRADE_SIZE,
    totals.TRADE_FREQUENCY,
    imbalance.ORDER_FLOW_IMBALANCE,
    acceleration.INTER_TRADE_ACCELERATION,
    spread.SPREAD_PCT,
    spread.SPREAD_VOLATILITY,
    spread.SPREAD_WIDENING_RATIO,
    depth.BID_ASK_IMBALANCE_PCT,
    depth.LIQUIDITY_QUOTE,
    depth.LIQUIDITY_DRAIN_PCT,
    deals.DEAL_VS_MID_PCT,
    quotes.AVG_BEST_BID,
    quotes.AVG_BEST_ASK,
    quotes.TW_MIDPRICE,
    exhaustion.DUMP_EXHAUSTION_SCORE,
    pump_probability.PUMP_PROBABILITY,
    position.UNREALIZED_PNL_PCT,
    position.UNREALIZED_PNL_ON_MARGIN_PCT,
    position.SIGNAL_AGE_SECONDS,
    position.POSITION_AGE_SECONDS,
    position.RETRACEMENT_FROM_PEAK_PCT,
)

CATALOGUE: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _KINDS})
ALIASES: Final[Mapping[str, str]] = MappingProxyType({alias: kind.name for kind in _KINDS for alias in kind.aliases})


def find_kind(name: str) -> Kind | None:
    """The kind of this name or alias; None = unknown.

    >>> find_kind("VELOCITY").name
    'PRICE_VELOCITY'
    """
    return CATALOGUE.get(ALIASES.get(name, name))


def nearest_names(name: str, count: int = 3) -> list[str]:
    """Known names that look like `name`, the nearest first.

    >>> nearest_names("pump_magnitude")
    ['PUMP_MAGNITUDE_PCT']
    """
    return get_close_matches(name.upper(), [*CATALOGUE, *ALIASES], n=count, cutoff=0.6)
