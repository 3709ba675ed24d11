"""Compiles all kernels of the indicators, or loads them from the cache on disk."""

from __future__ import annotations

import numpy as np

from operators.indicators.engine import IndicatorEngine
from operators.tape import Books, MarketBatch, SliceHeader, Trades

_IDS = (
    "TWPA(t1=10,t2=0)",
    "MAX_PRICE(t1=10,t2=0)",
    "VWAP(t1=10,t2=5)",
    "SPREAD_VOLATILITY(t1=10,t2=0)",
)


def warm() -> None:
    """After this no call of an engine compiles anything: one batch with a trade and a book goes through one."""
    ts, seq = np.array([1_000_000], np.int64), np.zeros(1, np.int64)
    quote = np.ones((1, 1))
    batch = MarketBatch(
        "WARM_UP",
        SliceHeader(source=0, sources=1, no=0, from_ts=0, to_ts=1_000_000, parts=1),
        Trades(ts, seq, np.ones(1), np.ones(1), np.ones(1, np.int8)),
        Books(ts, seq + 1, quote, quote, quote, quote),
    )
    IndicatorEngine(_IDS).on_batch(batch)
