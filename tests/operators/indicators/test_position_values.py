"""What an open position is worth, and how long it has been open."""

from __future__ import annotations

import numpy as np
import pytest

from operators.indicators.position import (
    age_seconds,
    retracement_from_peak_pct,
    unrealized_pnl_on_margin_pct,
    unrealized_pnl_pct,
)


@pytest.mark.parametrize(
    ("direction", "price", "fee_rate", "expected"),
    [(1, 112.0, 0.0, 12.0), (-1, 90.0, 0.0, 10.0), (1, 112.0, 0.0008, 11.92), (-1, 90.0, 0.0008, 9.92)],
)
def test_unrealized_pnl(direction, price, fee_rate, expected):
    quantity = 2.5
    fees = fee_rate * 100.0 * quantity
    assert unrealized_pnl_pct(price, direction, 100.0, quantity, fees) == pytest.approx(expected)
    assert unrealized_pnl_on_margin_pct(price, direction, 100.0, quantity, 3.0, fees) == pytest.approx(3 * expected)


def test_funding_paid_lowers_it_and_funding_received_raises_it():
    assert unrealized_pnl_pct(100.0, 1, 100.0, 1.0, 0.0, 0.5) == -0.5
    assert unrealized_pnl_pct(100.0, -1, 100.0, 1.0, 0.0, -0.5) == 0.5


def test_an_array_of_prices_gives_an_array_of_values():
    prices = np.array([90.0, 100.0, 112.0])
    assert unrealized_pnl_pct(prices, 1, 100.0, 1.0).tolist() == [-10.0, 0.0, 12.0]
    assert retracement_from_peak_pct(prices, 1, 112.0, 90.0)[2] == 0.0


def test_retracement_is_of_the_best_price():
    assert retracement_from_peak_pct(90.0, 1, 120.0, 80.0) == 25.0
    assert retracement_from_peak_pct(90.0, -1, 120.0, 80.0) == 12.5


def test_ages_are_seconds_of_tape_time():
    assert age_seconds(1_700_000_000_500_000, 1_700_000_000_000_000) == 0.5
