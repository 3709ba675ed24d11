"""What closed positions amount to; those still open at the end of the tape are no trades."""

from typing import Any

import pytest

from operators.statistics.trades import NO_REASON, grouped, is_open, summarise, trades_of


def test_net_pnl_is_realised_less_fees_and_funding(ledger: Any) -> None:
    (trade,) = trades_of([ledger.position(0, 60, 100.0, fees=1.5, funding=-0.5)])
    assert trade.net_pnl == 99.0
    assert trade.holding_seconds == 60.0


def test_the_move_is_in_favour_of_the_side_whatever_the_costs(ledger: Any) -> None:
    long = ledger.position(0, 60, 10.0, entry=100.0, exit_price=110.0)
    short = ledger.position(1, 60, 10.0, entry=100.0, exit_price=90.0, side="SHORT")
    liquidated = ledger.position(2, 60, -27.0, reason="LIQUIDATION")
    assert [trade.move_pct for trade in trades_of([long, short, liquidated])] == pytest.approx([10.0, 10.0, None])


def test_positions_that_nobody_closed_are_no_trades(ledger: Any) -> None:
    still_open = ledger.position(0, None, 5.0)
    assert is_open(still_open)
    assert trades_of([still_open]) == ()


def test_win_rate_profit_factor_and_expectancy(ledger: Any) -> None:
    for opened, pnl in enumerate((30.0, 10.0, -20.0, 0.0)):
        ledger.position(opened, 60, pnl, mae=-pnl / 10, mfe=pnl)
    found = summarise(trades_of(ledger.positions))
    assert (found.trades, found.wins, found.losses) == (4, 2, 1)
    assert (found.win_rate, found.profit_factor, found.expectancy) == (0.5, 2.0, 5.0)
    assert (found.average_win, found.largest_win) == (20.0, 30.0)
    assert (found.average_loss, found.largest_loss) == (-20.0, -20.0)
    assert (found.average_mae, found.average_mfe) == (-0.5, 5.0)
    assert found.average_holding_seconds == 58.5


def test_without_losses_there_is_no_profit_factor(ledger: Any) -> None:
    found = summarise(trades_of([ledger.position(0, 60, 10.0)]))
    assert found.profit_factor is None
    assert found.average_loss is None
    assert found.win_rate == 1.0


def test_only_losses_have_a_profit_factor_of_zero(ledger: Any) -> None:
    assert summarise(trades_of([ledger.position(0, 60, -10.0)])).profit_factor == 0.0


def test_no_trade_has_no_average(ledger: Any) -> None:
    found = summarise([])
    assert (found.trades, found.net_pnl) == (0, 0.0)
    for name in ("win_rate", "profit_factor", "expectancy", "average_win", "largest_loss", "average_holding_seconds"):
        assert getattr(found, name) is None


def test_fees_can_turn_a_win_into_a_loss(ledger: Any) -> None:
    found = summarise(trades_of([ledger.position(0, 60, 1.0, fees=1.2)]))
    assert (found.wins, found.losses) == (0, 1)


def test_groups_share_a_name_and_come_sorted(ledger: Any) -> None:
    ledger.position(0, 60, 10.0, reason="TAKE_PROFIT")
    ledger.position(1, 60, -10.0, reason="STOP_LOSS")
    ledger.position(2, 60, 20.0, reason="TAKE_PROFIT")
    ledger.position(3, 60, 20.0, reason=None)
    groups = grouped(trades_of(ledger.positions), lambda trade: trade.exit_reason)
    assert [(group.name, group.summary.trades, group.summary.net_pnl) for group in groups] == [
        ("STOP_LOSS", 1, -10.0),
        ("TAKE_PROFIT", 2, 30.0),
        (NO_REASON, 1, 20.0),
    ]
