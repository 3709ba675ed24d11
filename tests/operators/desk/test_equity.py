"""Equity samples, the end of the tape and what is stored of positions."""

from __future__ import annotations

import pytest


def samples(run):
    return [((row.timestamp - 1_794_009_600_000_000) / 1e6, row.equity) for row in run.of("equity")]


def opened(bench):
    tape = bench.Tape().contract(at=0.5).trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    return tape.trade(4, 100, z1=0, s1=0)


def test_equity_is_sampled_at_the_start_on_the_grid_at_fills_and_at_the_end(bench):
    fee = 0.8
    tape = opened(bench).trade(50, 104).trade(60, 105).trade(60.5, 90).trade(100, 103)
    run = bench.run(tape)
    assert samples(run) == [
        (0.499999, 10_000.0),
        (4.0, 10_000.0 - fee),
        (60.0, pytest.approx(10_050.0 - fee)),
        (100.0, pytest.approx(10_030.0 - fee)),
    ], "a grid sample sees the events of its own ts"


def test_the_golden_equity(bench):
    """10000 + 500 realised + 200 unrealised = 10700."""
    other = "XYZ_USDT"
    tape = opened(bench).contract(other).trade(5, 10, symbol=other, s1=1, z1=1)
    tape.trade(6, 10, 1000, symbol=other, s1=0, z1=0).trade(7, 150, e1=1).trade(8, 150, side=-1, e1=0)
    tape.trade(9, 12, symbol=other)
    free = [{"from": "2020-01-01", "maker": 0.0, "taker": 0.0}]
    last = bench.run(tape, settings=bench.account(fees=free)).of("equity")[-1]
    assert (last.balance, last.unrealized, last.equity) == (10_500.0, 200.0, 10_700.0)
    assert (last.open_positions, last.margin_used) == (1, 500.0)


def test_at_the_end_of_the_tape_positions_stay_open_and_orders_expire(bench):
    strategy = bench.strategy(z1_entry={"when": bench.when("z1"), "size": {"mode": "quote", "value": 1000}})
    tape = opened(bench).trade(50, 104, e1=1)
    run = bench.run(tape, strategy)
    (position,) = run.of("positions")
    assert (position.status, position.exit_reason, position.closed_at) == ("OPEN_AT_END", "END_OF_TAPE", None)
    assert (position.average_exit, position.realized_pnl, position.quantity) == (None, 0.0, 10.0)
    _entry, close = run.of("orders")
    assert (close.state, close.reason, close.filled_quantity) == ("EXPIRED", "end of tape", 0.0)
    assert len(run.of("fills")) == 1
    assert run.triggers[-1] == "e1", "the end of a tape is no session stop"
    assert samples(run)[-1] == (50.0, pytest.approx(10_039.2))


def test_a_slice_that_is_not_the_last_ends_nothing(bench):
    run = bench.run(opened(bench), last=False)
    assert run.of("positions")[0].status == "OPEN"


def test_excursions_reach_the_stored_position(bench):
    run = bench.run(opened(bench).trade(5, 97).trade(6, 108).trade(7, 101, e1=1).trade(8, 101, side=-1))
    (position,) = run.of("positions")
    assert (position.mae, position.mfe) == (-30.0, 80.0)
    assert position.quantity == 10.0


def test_midnight_starts_the_day(bench):
    run = bench.run(opened(bench).trade(50, 104).trade(86_401, 105))
    assert run.desk.ledger.midnight_equity == pytest.approx(10_039.2)
