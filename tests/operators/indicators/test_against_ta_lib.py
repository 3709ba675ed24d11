"""Kinds over bars agree with TA-Lib, the C library that most charting programs compute them with."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Event, Tape, Trade

BARS = 400
random = np.random.default_rng(23)
CLOSES = 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, BARS)))


def at_the_ends(text: str) -> np.ndarray:
    """The values at the end of each bar of a minute; the first trade is the first bar's only one."""
    trades = [Trade(bar * 60 * SECOND + 1, bar + 1, float(close), 1.0, 1) for bar, close in enumerate(CLOSES)]
    tape = Tape(trades, [], [Event(0, 0, "observed_on", "trades")])
    (whole,) = batches(tape, -1, BARS * 60 * SECOND)
    evaluation = IndicatorEngine([parse_indicator(text).id], 60 * SECOND).on_batch(whole)
    ends = evaluation.instants.ts % (60 * SECOND) == 0
    return evaluation.values[0, ends & (evaluation.instants.ts > 0)]


@pytest.mark.parametrize("period", [2, 3, 14, 50])
def test_rsi(period: int) -> None:
    np.testing.assert_allclose(at_the_ends(f"RSI(period={period})"), talib.RSI(CLOSES, period), rtol=1e-9)


@pytest.mark.parametrize("period", [2, 14, 100])
def test_averages(period: int) -> None:
    np.testing.assert_allclose(at_the_ends(f"EMA(period={period})"), talib.EMA(CLOSES, period), rtol=1e-10)
    np.testing.assert_allclose(at_the_ends(f"SMA(period={period})"), talib.SMA(CLOSES, period), rtol=1e-10)


@pytest.mark.parametrize(("period", "k"), [(20, 2.0), (5, 0.5)])
def test_bollinger_bands(period: int, k: float) -> None:
    upper, _, lower = talib.BBANDS(CLOSES, timeperiod=period, nbdevup=k, nbdevdn=k)
    found = at_the_ends(f"BOLLINGER_PERCENT_B(period={period},k={k})")
    np.testing.assert_allclose(found, (CLOSES - lower) / (upper - lower), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bars", [5, 30])
def test_volatility(bars: int) -> None:
    """TA-Lib's standard deviation is of the population, ours of a sample."""
    returns = talib.ROCP(CLOSES, 1)
    expected = 100 * talib.STDDEV(returns[1:], bars, nbdev=(bars / (bars - 1)) ** 0.5)
    found = at_the_ends(f"VOLATILITY_PCT(t1={bars * 60},bar=60)")
    np.testing.assert_allclose(found[bars:], expected[bars - 1 :], rtol=1e-6)
