"""Time at risk, turnover and slippage."""

from typing import Any

import pytest

from operators.statistics.exposure import exposure_seconds, turnover
from operators.statistics.slippage import slippage


def test_overlapping_positions_count_once(ledger: Any) -> None:
    ledger.position(10, 30, 0.0)
    ledger.position(20, 40, 0.0, symbol="BBB_USDT")
    ledger.position(25, 28, 0.0, symbol="CCC_USDT")
    ledger.position(50, 60, 0.0)
    assert exposure_seconds(ledger.positions, ledger.at(0), ledger.at(100)) == 40.0


def test_an_open_position_counts_to_the_end_of_the_tape(ledger: Any) -> None:
    ledger.position(90, None, 0.0)
    assert exposure_seconds(ledger.positions, ledger.at(0), ledger.at(100)) == 10.0


def test_no_position_is_no_exposure(ledger: Any) -> None:
    assert exposure_seconds([], ledger.at(0), ledger.at(100)) == 0.0


def test_turnover_is_the_notional_of_all_fills(ledger: Any) -> None:
    entry, close = ledger.order(0, "open_long"), ledger.order(10, "close_long")
    ledger.fill(entry, 0, 100.0, 2.0)
    ledger.fill(close, 10, 110.0, 2.0)
    assert turnover(ledger.fills) == 420.0


def test_slippage_is_what_fills_cost_beyond_the_price_of_the_decision(ledger: Any) -> None:
    ledger.signal(0, "Z1_ENTRY", 100.0)
    ledger.signal(10, "ZE1_CLOSE", 110.0)
    ledger.fill(ledger.order(0, "open_long", quantity=2.0), 0.07, 100.5, 2.0)
    ledger.fill(ledger.order(10, "close_long", quantity=2.0), 10.07, 109.0, 2.0)
    found = slippage(ledger.fills, ledger.orders, ledger.signals)
    assert found is not None
    assert found.paid == pytest.approx(2 * 0.5 + 2 * 1.0)
    assert found.share == 1.0


def test_shorts_pay_when_they_sell_lower_and_buy_higher(ledger: Any) -> None:
    ledger.signal(0, "Z1_ENTRY", 100.0)
    ledger.signal(10, "E1_EMERGENCY", 110.0)
    ledger.fill(ledger.order(0, "open_short"), 0.07, 99.0, 1.0)
    ledger.fill(ledger.order(10, "close_short"), 10.07, 112.0, 1.0)
    found = slippage(ledger.fills, ledger.orders, ledger.signals)
    assert found is not None
    assert found.paid == pytest.approx(3.0)


def test_a_better_price_is_negative_slippage(ledger: Any) -> None:
    ledger.signal(0, "Z1_ENTRY", 100.0)
    ledger.fill(ledger.order(0, "open_long"), 0.07, 99.0, 1.0)
    found = slippage(ledger.fills, ledger.orders, ledger.signals)
    assert found is not None
    assert found.paid == -1.0


def test_stops_have_no_stored_decision_price_and_are_left_out(ledger: Any) -> None:
    ledger.signal(0, "Z1_ENTRY", 100.0)
    ledger.fill(ledger.order(0, "open_long"), 0.07, 100.0, 3.0)
    ledger.fill(ledger.order(10, "close_long"), 10.07, 100.0, 1.0)
    found = slippage(ledger.fills, ledger.orders, ledger.signals)
    assert found is not None
    assert (found.paid, found.share) == (0.0, 0.75)


def test_without_a_known_decision_price_slippage_is_unknown(ledger: Any) -> None:
    ledger.signal(0, "Z1_ENTRY", None)
    ledger.signal(0, "S1_SIGNAL", 100.0)
    ledger.fill(ledger.order(0, "open_long"), 0.07, 100.0, 1.0)
    assert slippage(ledger.fills, ledger.orders, ledger.signals) is None
    assert slippage([], [], []) is None
