"""Position values: one instant and a stretch give the same bits."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.desk.position_values import Stretch, position_value, position_values
from operators.desk.positions import OpenPosition, add, see

KINDS = (
    "SIGNAL_AGE_SECONDS",
    "POSITION_AGE_SECONDS",
    "UNREALIZED_PNL_PCT",
    "UNREALIZED_PNL_ON_MARGIN_PCT",
    "RETRACEMENT_FROM_PEAK_PCT",
)


@given(
    prices=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20),
    trades=st.data(),
    direction=st.sampled_from([1, -1]),
    fee=st.floats(0, 5),
)
def test_one_instant_and_a_stretch_give_the_same(prices, trades, direction, fee):
    def position():
        one = OpenPosition("id", "s", "ABC", direction, 3.0, 500)
        add(one, 99.7, Decimal("1.3"), fee)
        add(one, 101.1, Decimal("0.9"), fee)
        return one

    is_trade = trades.draw(st.lists(st.booleans(), min_size=len(prices), max_size=len(prices)))
    ts = np.arange(len(prices), dtype=np.int64) * 333_333 + 1_000
    price = np.array(prices)
    stretch = Stretch(ts, price, np.where(is_trade, price, np.nan))
    for kind in KINDS:
        whole = position_values(kind, stretch, 700, position())
        walking = position()
        single = []
        for instant, here, trade in zip(ts.tolist(), prices, is_trade, strict=True):
            if trade:
                see(walking, here, here)
            single.append(position_value(kind, instant, here, 700, walking))
        assert np.array_equal(whole, single, equal_nan=True)


def test_without_a_position_there_is_no_value():
    for kind in KINDS:
        assert math.isnan(position_value(kind, 5, 1.0, None, None))


def test_golden_values():
    long, short = OpenPosition("a", "s", "ABC", 1, 2.0, 0), OpenPosition("b", "s", "ABC", -1, 2.0, 0)
    add(long, 100.0, Decimal(10), 0.8)
    add(short, 100.0, Decimal(10), 0.8)
    assert position_value("UNREALIZED_PNL_PCT", 0, 112.0, None, long) == pytest.approx(11.92)
    assert position_value("UNREALIZED_PNL_PCT", 0, 90.0, None, short) == pytest.approx(9.92)
    assert position_value("UNREALIZED_PNL_ON_MARGIN_PCT", 0, 112.0, None, long) == pytest.approx(23.84)
    see(long, 120.0, 100.0)
    assert position_value("RETRACEMENT_FROM_PEAK_PCT", 0, 114.0, None, long) == 5.0


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="unknown to the desk"):
        position_value("RSI", 0, 1.0, None, OpenPosition("a", "s", "ABC", 1, 1.0, 0, quantity=Decimal(1)))
