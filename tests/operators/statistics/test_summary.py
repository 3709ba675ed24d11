"""All statistics of one account from its rows."""

import json
import math
import random
from typing import Any

import pytest

from operators.errors import UsageError
from operators.statistics import Statistics, session_result, statistics


def run(ledger: Any, until: float, initial_equity: float = 10_000.0, **changes: Any) -> Statistics:
    rows = {
        "equity": ledger.equity,
        "positions": ledger.positions,
        "fills": ledger.fills,
        "orders": ledger.orders,
        "signals": ledger.signals,
        "transitions": ledger.transitions,
    }
    return statistics(
        **{**rows, **changes}, initial_equity=initial_equity, tape_from=ledger.at(0), tape_to=ledger.at(until)
    )


def scenario(ledger: Any) -> None:
    """Two trades, one refused signal, one position left open, over two hours."""
    ledger.transition(100, "MONITORING", "SIGNAL_DETECTED", "s1_signal")
    ledger.signal(100, "S1_SIGNAL", 100.0)
    ledger.transition(110, "SIGNAL_DETECTED", "ENTRY_PENDING", "z1_entry")
    ledger.signal(110, "Z1_ENTRY", 100.0)
    ledger.fill(ledger.order(110, "open_long", quantity=10.0), 110.1, 100.0, 10.0, fee=0.8)
    ledger.transition(110.1, "ENTRY_PENDING", "POSITION_ACTIVE", "fill")
    ledger.transition(400, "POSITION_ACTIVE", "CLOSE_PENDING", "ze1_close")
    ledger.fill(ledger.order(400, "close_long", quantity=10.0), 400.1, 110.0, 10.0, fee=0.88)
    ledger.transition(400.1, "CLOSE_PENDING", "EXITED", "flat")
    ledger.position(110.1, 400.1, 100.0, fees=1.68, reason="ZE1_CLOSE", exit_price=110.0)
    ledger.position(5_000, 5_600, -30.0, fees=1.0, symbol="BBB_USDT", reason="STOP_LOSS", exit_price=97.0)
    ledger.position(7_000, None, 0.0, fees=0.5, funding=0.25, symbol="CCC_USDT")
    ledger.transition(6_000, "MONITORING", "MONITORING", "no_slot", refused=True)
    ledger.sample(3_600, 10_098.32)
    ledger.sample(7_200, 10_070.0, unrealized=3.5)


def test_daily_golden_numbers(ledger: Any) -> None:
    for day, equity in ((1, 10_100), (2, 10_050), (3, 10_150)):
        for midnight in range(4):  # the same three returns four times over, so that the session is daily
            ledger.sample((day + 3 * midnight) * 86_400, equity * 1.015**midnight)
    found = run(ledger, 12 * 86_400)
    assert (found.basis, found.returns) == ("day", 12)
    mean = sum(growth for growth in (0.01, 10_050 / 10_100 - 1, 10_150 / 10_050 - 1)) / 3
    ddof_1_of_twelve = math.sqrt(
        4 * sum((g - mean) ** 2 for g in (0.01, 10_050 / 10_100 - 1, 10_150 / 10_050 - 1)) / 11
    )
    assert found.sharpe == pytest.approx(mean / ddof_1_of_twelve * math.sqrt(365))
    assert found.sortino == pytest.approx(33.4211, abs=5e-5)
    assert found.total_return_pct == pytest.approx((1.015**4 - 1) * 100)
    assert found.cagr_pct is None
    assert found.calmar is None


def test_a_scenario(ledger: Any) -> None:
    scenario(ledger)
    found = run(ledger, 7_200)
    assert found.final_equity == 10_070.0
    assert found.total_return_pct == pytest.approx(0.7)
    assert found.max_drawdown_pct == pytest.approx((10_098.32 - 10_070) / 10_098.32 * 100)
    assert (found.summary.trades, found.summary.wins, found.summary.losses) == (2, 1, 1)
    assert found.summary.profit_factor == pytest.approx(98.32 / 31.0)
    assert [position.symbol for position in found.open_positions] == ["CCC_USDT"]
    assert found.unrealized == 3.5
    assert found.exposure_seconds == pytest.approx(290 + 600 + 200)
    assert found.turnover == 2_100.0
    assert found.fees == pytest.approx(1.68)
    assert found.funding == 0.25
    assert [group.name for group in found.by_exit_reason] == ["STOP_LOSS", "ZE1_CLOSE"]
    assert [group.name for group in found.by_symbol] == ["AAA_USDT", "BBB_USDT"]
    assert sum(group.summary.trades for group in found.by_hour) == found.summary.trades
    assert all(group.name.endswith(":00") for group in found.by_hour)
    assert (found.basis, found.returns) == ("hour", 2)
    assert found.funnel.signals == found.funnel.entries == found.funnel.entered == found.funnel.closed == 1
    assert found.funnel.refused_signals == 1
    assert found.slippage is not None
    assert found.slippage.paid == 0.0


def test_no_rows_at_all_is_unknown_not_zero(ledger: Any) -> None:
    found = run(ledger, 3_600)
    for name in ("final_equity", "total_return_pct", "drawdown", "sharpe", "sortino", "calmar", "slippage"):
        assert getattr(found, name) is None
    assert (found.summary.trades, found.turnover, found.exposure_seconds) == (0, 0.0, 0.0)


def test_a_session_without_trades_keeps_its_equity(ledger: Any) -> None:
    for minute in range(1, 121):
        ledger.sample(60 * minute, 10_000.0)
    found = run(ledger, 7_200)
    assert (found.total_return_pct, found.max_drawdown_pct) == (0.0, 0.0)
    assert found.sharpe is None


def test_the_last_row_of_a_position_stands(ledger: Any) -> None:
    ledger.position(0, None, 0.0)
    ledger.position(0, 60, 10.0)
    ledger.sample(60, 10_010.0)
    found = run(ledger, 3_600)
    assert found.summary.trades == 1
    assert found.open_positions == ()


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_rows_does_not_matter(ledger: Any, ledger_type: Any, seed: int) -> None:
    shuffled = ledger_type()
    scenario(ledger)
    scenario(shuffled)
    for name in ("equity", "positions", "fills", "orders", "signals", "transitions"):
        random.Random(seed).shuffle(getattr(shuffled, name))
    assert run(ledger, 7_200) == run(shuffled, 7_200)


def test_rows_of_two_accounts_are_refused(ledger: Any, ledger_type: Any) -> None:
    other = ledger_type(account="other")
    with pytest.raises(UsageError, match="one account; the rows are of 2: main, other"):
        run(ledger, 60, equity=[ledger.sample(1, 1.0), other.sample(1, 1.0)])


def test_a_session_cannot_end_before_it_starts(ledger: Any) -> None:
    with pytest.raises(UsageError, match="cannot end"):
        run(ledger, -1)


def test_the_stored_row_says_the_same(ledger: Any) -> None:
    scenario(ledger)
    found = run(ledger, 7_200)
    row = session_result(found, ledger.session_id, ledger.account)
    assert (row.timestamp, row.session_id, row.account) == (ledger.at(7_200), ledger.session_id, "main")
    assert (row.trades, row.open_at_end, row.fills, row.orders, row.signals) == (2, 1, 2, 2, 2)
    assert row.sharpe == found.sharpe
    assert row.sharpe_basis == "hour"
    details = json.loads(row.details)
    assert details["funnel"]["reasons"] == {"no_slot": 1}
    assert details["by_symbol"][0]["name"] == "AAA_USDT"
    assert details["slippage_share"] == pytest.approx(1_000 / 2_100)
