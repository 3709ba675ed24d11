"""The variants that come with the program, by the section of a strategy that they were made for.

A session keeps what its names stood for when it was started. So this list may change between versions of the program
(then `VERSION` does too) without changing any session; what a name stands for is changed only where it was wrong.

*Fast* reacts within seconds and is noisy, *medium* has the kinds' own windows where nothing else is said, *slow* looks
at minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from operators.indicators.ids import parse_indicator
from operators.strategy.variants import Section, SystemVariant

VERSION: Final = 1


def _of(section: Section, *variants: tuple[str, str, str]) -> tuple[SystemVariant, ...]:
    return tuple(
        SystemVariant(name, section, parse_indicator(indicator).id, description)
        for name, indicator, description in variants
    )


SYSTEM_VARIANTS: Final = (
    *_of(
        "S1",
        ("pump_fast", "PUMP_MAGNITUDE_PCT(t1=5,t3=30,d=15)", "the last 5 s against 15 to 30 s ago"),
        ("pump_medium", "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", "the last 10 s against 30 to 60 s ago"),
        ("pump_slow", "PUMP_MAGNITUDE_PCT(t1=30,t3=300,d=120)", "the last 30 s against 3 to 5 minutes ago"),
        ("velocity_fast", "PRICE_VELOCITY(t1=5,t3=20,d=10)", "speed of the price over about 15 s"),
        ("velocity_medium", "PRICE_VELOCITY(t1=10,t3=60,d=30)", "speed of the price over about 40 s"),
        ("velocity_slow", "PRICE_VELOCITY(t1=30,t3=300,d=120)", "speed of the price over about 4 minutes"),
        ("acceleration_fast", "PRICE_ACCELERATION(t1=5,t3=20,d=10,lag=5)", "how the speed has changed within 5 s"),
        ("volume_surge_fast", "VOLUME_SURGE_RATIO(t1=10,t2=0,t3=300,t4=10)", "10 s against the 5 minutes before"),
        ("volume_surge_medium", "VOLUME_SURGE_RATIO(t1=30,t2=0,t3=600,t4=30)", "30 s against the 10 minutes before"),
        ("volume_surge_slow", "VOLUME_SURGE_RATIO(t1=120,t2=0,t3=3600,t4=120)", "2 minutes against the hour before"),
        ("trade_surge_fast", "TRADE_FREQUENCY_SURGE(t1=10,t2=0,t3=300,t4=10)", "trades in 10 s against 5 minutes"),
        ("trade_surge_medium", "TRADE_FREQUENCY_SURGE(t1=30,t2=0,t3=600,t4=30)", "trades in 30 s against 10 minutes"),
        ("order_flow_fast", "ORDER_FLOW_IMBALANCE(t1=10,t2=0)", "who takes in 10 s: +1 only buyers, −1 only sellers"),
        ("order_flow_medium", "ORDER_FLOW_IMBALANCE(t1=60,t2=0)", "who takes in a minute"),
    ),
    *_of(
        "O1",
        ("retracement_fast", "MOMENTUM_DECAY_PCT(lookback=60)", "given back of the highest price of the last minute"),
        ("reversal_up_fast", "MOMENTUM_REVERSAL_INDEX(t1=5,t3=20,d=10,lookback=120,direction=up)",
         "how much of a rise's top speed of 2 minutes is gone"),
        ("cascade_fast", "VELOCITY_CASCADE(windows=3/10/4;5/20/10;10/40/20)", "whether the speed is still growing"),
    ),
    *_of(
        "Z1",
        ("velocity_stability_fast",
         "VELOCITY_STABILIZATION_INDEX(num_samples=3,sample_interval=2,t1=5,t3=20,d=10)",
         "whether the speed holds still over 4 s"),
        ("velocity_stability_medium",
         "VELOCITY_STABILIZATION_INDEX(num_samples=3,sample_interval=5,t1=10,t3=40,d=10)",
         "whether the speed holds still over 10 s"),
        ("spread_now", "SPREAD_PCT()", "the spread of the newest book"),
        ("spread_unrest_medium", "SPREAD_VOLATILITY(t1=60,t2=0)", "how much the spread has moved in a minute"),
        ("book_pressure_fast", "BID_ASK_IMBALANCE_PCT(t1=10,t2=0,levels=5)", "which side of 5 levels is heavier, 10 s"),
        ("book_pressure_medium", "BID_ASK_IMBALANCE_PCT(t1=60,t2=0,levels=5)", "the same over a minute"),
        ("liquidity_fast", "LIQUIDITY_QUOTE(t1=10,t2=0,levels=5)", "quote amount on 5 levels of both sides, 10 s"),
        ("liquidity_medium", "LIQUIDITY_QUOTE(t1=60,t2=0,levels=5)", "the same over a minute"),
        ("volatility_fast", "VOLATILITY_PCT(t1=60,bar=1)", "deviation of the returns of 1-s bars, a minute"),
        ("volatility_medium", "VOLATILITY_PCT(t1=300,bar=1)", "the same over 5 minutes"),
        ("support_medium", "SUPPORT_LEVEL_PROXIMITY_PCT(t1=10,t_support_start=3600,t_support_end=600)",
         "distance from the hour's level before the last 10 minutes"),
    ),
    *_of(
        "ZE1",
        ("retracement_medium", "MOMENTUM_DECAY_PCT(lookback=300)", "given back of the highest price of 5 minutes"),
        ("retracement_slow", "MOMENTUM_DECAY_PCT(lookback=1800)", "given back of the highest price of half an hour"),
        ("reversal_down_fast", "MOMENTUM_REVERSAL_INDEX(t1=5,t3=20,d=10,lookback=120,direction=down)",
         "how much of a fall's top speed of 2 minutes is gone"),
        ("dump_exhaustion_medium", "DUMP_EXHAUSTION_SCORE", "whether a dump has run its course, 0 to 100"),
        ("volume_fading_medium", "VOLUME_SURGE_RATIO(t1=60,t2=0,t3=300,t4=60)",
         "a minute against the 4 before it; below 1 the interest goes"),
        ("rsi_fast", "RSI(period=14,bar=5)", "relative strength of 5-s bars"),
        ("rsi_medium", "RSI(period=14,bar=60)", "relative strength of 1-minute bars"),
        ("bands_medium", "BOLLINGER_PERCENT_B(period=20,bar=60,k=2)", "place between the bands of 1-minute bars"),
    ),
    *_of(
        "E1",
        ("velocity_now", "PRICE_VELOCITY(t1=2,t3=10,d=5)", "speed of the price over about 6 s, for the way out"),
        ("spread_widening_fast", "SPREAD_WIDENING_RATIO(t1=10,t2=0,t3=300,t4=10)", "10 s against the 5 minutes before"),
        ("liquidity_drain_fast", "LIQUIDITY_DRAIN_PCT(t1=10,t2=0,t3=300,t4=10,levels=5)",
         "percent of the 5 minutes' book that is gone in the last 10 s"),
        ("liquidity_drain_medium", "LIQUIDITY_DRAIN_PCT(t1=30,t2=0,t3=600,t4=30,levels=5)",
         "percent of the 10 minutes' book that is gone in the last 30 s"),
        ("deals_off_mid_fast", "DEAL_VS_MID_PCT(t1=10,t2=0)", "how far trades are from the middle of the book, 10 s"),
    ),
)  # fmt: skip
"""In the order in which they are listed; names are told apart from those of kinds and of each other by any case."""

SYSTEM_NAMES: Final[Mapping[str, str]] = MappingProxyType({each.name: each.indicator for each in SYSTEM_VARIANTS})
"""What each of them stands for."""
