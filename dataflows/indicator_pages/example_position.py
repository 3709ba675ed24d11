"""The made-up position that the position values are shown on: long into the example pump, and out when it is over."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.indicators.position import (
    age_seconds,
    retracement_from_peak_pct,
    unrealized_pnl_on_margin_pct,
    unrealized_pnl_pct,
)
from operators.tape import MICROSECONDS, Float64

SIGNAL_SECONDS: Final = 12.0
ENTRY_SECONDS: Final = 30.0
EXIT_SECONDS: Final = 240.0
"""When it is signalled, filled and closed, after the onset of the pump."""
LEVERAGE: Final = 3.0
TAKER_FEE: Final = 0.0008
ABOUT: Final = (
    f"long one coin with leverage {LEVERAGE:g} and an entry fee of {100 * TAKER_FEE:g} %, signalled "
    f"{SIGNAL_SECONDS:g} s, filled {ENTRY_SECONDS:g} s and closed {EXIT_SECONDS:g} s after the onset of the pump"
)
"""What position it is."""

Marks = tuple[tuple[float, str], ...]


def position_values(name: str, seconds: Float64, price: Float64) -> tuple[Float64, Marks]:
    """The position value `name` at instants `[n]` with their newest prices, NaN while there is none; and the moments
    that matter to it.

    Raises `KeyError` for a name that is no position value.
    """
    begins = SIGNAL_SECONDS if name == "SIGNAL_AGE_SECONDS" else ENTRY_SECONDS
    ends = ENTRY_SECONDS if name == "SIGNAL_AGE_SECONDS" else EXIT_SECONDS
    there = (seconds >= begins) & (seconds <= ends)
    held = (seconds >= ENTRY_SECONDS) & (seconds <= EXIT_SECONDS)
    entry_price = float(price[held][0])
    values: Float64 = np.full(len(seconds), np.nan)
    values[there] = _values(name, seconds[there], price[there], entry_price)
    best = float(seconds[held][np.argmax(price[held])])
    return values, ((SIGNAL_SECONDS, "signal"), (ENTRY_SECONDS, "entry"), (best, "peak"), (EXIT_SECONDS, "exit"))


def _values(name: str, seconds: Float64, price: Float64, entry_price: float) -> Float64:
    fees = TAKER_FEE * entry_price
    match name:
        case "UNREALIZED_PNL_PCT":
            return unrealized_pnl_pct(price, 1, entry_price, 1.0, fees)
        case "UNREALIZED_PNL_ON_MARGIN_PCT":
            return unrealized_pnl_on_margin_pct(price, 1, entry_price, 1.0, LEVERAGE, fees)
        case "SIGNAL_AGE_SECONDS":
            return _ages(seconds, SIGNAL_SECONDS)
        case "POSITION_AGE_SECONDS":
            return _ages(seconds, ENTRY_SECONDS)
        case "RETRACEMENT_FROM_PEAK_PCT":
            highest, lowest = np.maximum.accumulate(price), np.minimum.accumulate(price)
            pairs = zip(price.tolist(), highest.tolist(), lowest.tolist(), strict=True)
            return np.array([retracement_from_peak_pct(now, 1, high, low) for now, high, low in pairs])
    raise KeyError(name)


def _ages(seconds: Float64, since: float) -> Float64:
    began = round(since * MICROSECONDS)
    return np.array([age_seconds(round(now * MICROSECONDS), began) for now in seconds.tolist()])
