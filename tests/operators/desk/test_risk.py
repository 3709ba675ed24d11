"""The golden rows of the risk page, and the halts that a breach causes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from operators.contracts import ContractSpecification
from operators.desk.account import RiskLimits
from operators.desk.risk import Exposure, Proposal, check

BTC = ContractSpecification(1.0, 0.1, 0.0001, 0.0001)
CALM = Exposure(
    equity=10_000.0,
    open_positions=0,
    symbol_notional=0.0,
    total_notional=0.0,
    margin_used=0.0,
    midnight_equity=10_000.0,
    peak_equity=10_000.0,
)


def order(quantity: str, price: float = 50_000.0, **changes: object) -> Proposal:
    return replace(Proposal("BTC_USDT", Decimal(quantity), price, 1.0, BTC), **changes)


def failed(proposal: Proposal, exposure: Exposure = CALM, **limits: float) -> set[str]:
    return {one.rule for one in check(proposal, exposure, RiskLimits(**limits))}


def test_golden_rows():
    assert failed(order("0.01")) == set()
    assert failed(order("0.03")) == {"max_position_pct"}
    assert failed(order("0.01"), replace(CALM, open_positions=2)) == set()
    assert failed(order("0.01"), replace(CALM, open_positions=3)) == {"max_open_positions"}
    held = replace(CALM, symbol_notional=2_000.0, total_notional=2_000.0)
    assert failed(order("0.03"), held) == {"max_position_pct", "max_symbol_concentration_pct"}
    assert failed(order("0.01"), replace(CALM, equity=9_400.0)) == {"daily_loss_limit_pct"}
    assert failed(order("0.01"), replace(CALM, equity=9_500.0)) == set()
    assert failed(order("0.01"), replace(CALM, equity=8_400.0, midnight_equity=8_400.0)) == {"max_drawdown_pct"}


def test_every_failure_is_listed_with_its_numbers():
    exposure = replace(CALM, open_positions=3, total_notional=9_900.0, margin_used=7_900.0, budget=400.0)
    refusals = check(order("0.03"), exposure, RiskLimits())
    assert {one.rule: (one.found, one.allowed) for one in refusals} == {
        "max_position_pct": (15.0, 10.0),
        "max_open_positions": (3.0, 3),
        "max_total_exposure_pct": (114.0, 100.0),
        "max_margin_used_pct": (94.0, 80.0),
        "symbol_budget": (1_500.0, 400.0),
    }


@pytest.mark.parametrize(
    ("proposal", "rule"),
    [
        (order("0"), "input"),
        (order("0.01", float("nan")), "input"),
        (order("0.01", contract=None), "input"),
        (order("0.01", contract=replace(BTC, state="paused")), "input"),
        (order("0.01", contract=replace(BTC, api_allowed=False)), "input"),
        (order("0.00009"), "exchange_steps"),
        (order("0.01", contract=replace(BTC, max_vol=0.009)), "exchange_steps"),
        (order("0.01", is_limit=True, contract=replace(BTC, max_vol=1, limit_max_vol=0.009)), "exchange_steps"),
        (order("0.01", leverage=30.0), "exchange_steps"),
    ],
)
def test_what_cannot_be_sent_is_refused(proposal, rule):
    assert rule in failed(proposal)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kill_switch": True}, "kill_switch"),
        ({"entries_blocked": True}, "entries_blocked"),
        ({"daily_loss_halted": True}, "daily_loss_limit_pct"),
        ({"drawdown_halted": True}, "max_drawdown_pct"),
        ({"max_leverage": 0.5}, "strategy_limits"),
        ({"max_trades_per_day": 2, "trades_today": 2}, "strategy_limits"),
        ({"equity": float("nan")}, "input"),
    ],
)
def test_what_is_switched_off_or_unknown_is_refused(changes, rule):
    assert rule in failed(order("0.01"), replace(CALM, **changes))


def test_a_drawdown_stops_entries_until_acknowledged(bench):
    limits = {**bench.OPEN_LIMITS, "max_drawdown_pct": 3.0}
    strategy = bench.strategy(
        z1_entry={"when": bench.when("z1"), "size": {"mode": "percent_of_equity", "value": 50}},
        o1_cancel={"timeout_seconds": 2, "cooldown_seconds": 0},
        e1_emergency={"when": bench.when("e1"), "cooldown_seconds": 0},
    )
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(4, 100, z1=0, s1=0)
    tape.trade(61, 95).trade(121, 92).trade(122, 92, e1=1).trade(123, 92, side=-1, e1=0)
    tape.trade(130, 92, s1=1, z1=1).trade(131, 92, s1=0, z1=0)
    tape.event(140, "command", {"command": "acknowledge"}).trade(150, 92, s1=1, z1=1).trade(151, 92)
    run = bench.run(tape, strategy, bench.account(risk=limits))
    events = [(row.severity, row.type) for row in run.of("risk_events")]
    assert events == [("WARNING", "drawdown_warning"), ("CRITICAL", "max_drawdown")]
    assert "refused:max_drawdown_pct" in run.triggers
    assert run.triggers.count("z1") == 2, "acknowledged: entries are allowed again"


def test_a_daily_loss_stops_entries_until_the_next_utc_day(bench):
    limits = {**bench.OPEN_LIMITS, "daily_loss_limit_pct": 5.0}
    strategy = bench.strategy(
        z1_entry={"when": bench.when("z1"), "size": {"mode": "percent_of_equity", "value": 100}},
        o1_cancel={"timeout_seconds": 2, "cooldown_seconds": 0},
        e1_emergency={"when": bench.when("e1"), "cooldown_seconds": 0},
    )
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(4, 100, z1=0, s1=0)
    tape.trade(10, 94, e1=1).trade(11, 94, side=-1, e1=0).trade(20, 94, s1=1, z1=1).trade(21, 94, s1=0, z1=0)
    tape.trade(86_410, 94, s1=1, z1=1).trade(86_411, 94)
    run = bench.run(tape, strategy, bench.account(risk=limits, equity_sample_seconds=3600.0))
    assert [row.type for row in run.of("risk_events")] == ["daily_loss_limit"]
    assert "refused:daily_loss_limit_pct" in run.triggers
    assert run.triggers.count("z1") == 2


def test_pending_entries_count_and_are_released_exactly_once(bench):
    other = "XYZ_USDT"
    limits = {**bench.OPEN_LIMITS, "max_open_positions": 1}
    tape = bench.Tape().contract(bench.ABC, other).trade(1, 100).trade(1, 50, symbol=other)
    tape.trade(2, 100, s1=1, z1=1).trade(3, 50, symbol=other, s1=1, z1=1).trade(3.5, 50, symbol=other, s1=0, z1=0)
    tape.trade(4, 100, side=-1, s1=0, z1=0, o1=1).trade(5, 100, o1=0).trade(40, 50, symbol=other, s1=1, z1=1)
    run = bench.run(tape, settings=bench.account(risk=limits))
    moves = [(row.symbol, row.trigger) for row in run.of("state_transitions")]
    assert (other, "refused:max_open_positions") in moves
    assert moves[-1] == (other, "z1")


def test_symbol_budgets_bound_the_notional_used(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    for budget in (999.0, "9.9%"):
        run = bench.run(tape, settings=bench.account(budgets={bench.ABC: budget}))
        assert run.triggers[-1] == "refused:symbol_budget"
    assert bench.run(tape, settings=bench.account(budgets={bench.ABC: "10%"})).triggers[-1] == "z1"
