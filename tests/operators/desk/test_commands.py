"""Deactivation, session stop, kill switch, flatten, changed limits."""

from __future__ import annotations

import pytest

from operators.desk.commands import UnknownCommand


def command(tape, second, name, symbol="", **more):
    return tape.event(second, "command", {"command": name, **more}, symbol)


def opened(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    return tape.trade(4, 100, z1=0, s1=0)


@pytest.mark.parametrize(
    ("name", "reason"), [("stop", "session_stop"), ("kill_switch", "kill_switch"), ("deactivate", "deactivated")]
)
@pytest.mark.parametrize("symbol", ["", "ABC_USDT"])
def test_without_position_the_machine_is_switched_off(bench, name, reason, symbol):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1)
    run = bench.run(command(tape, 3, name, symbol).trade(4, 100, s1=0).trade(5, 100, s1=1))
    assert run.moves[2:] == [(3.0, reason, "INACTIVE")]


def test_with_a_position_everything_is_closed_first(bench):
    run = bench.run(command(opened(bench), 5, "stop").trade(5.05, 100, side=-1).trade(6, 100, side=-1).trade(7, 100))
    assert run.moves[4:] == [(5.0, "session_stop", "CLOSE_PENDING"), (6.0, "flat", "INACTIVE")]
    assert run.of("positions")[0].exit_reason == "SESSION_STOP"


def test_a_pending_entry_is_cancelled_first(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    run = bench.run(command(tape, 4, "stop").trade(5, 100))
    assert run.moves[3:] == [(4.0, "session_stop", "CLOSE_PENDING"), (4.13, "flat", "INACTIVE")]
    assert run.of("orders")[0].state == "CANCELLED"


def test_keep_hands_the_position_over(bench):
    tape = command(opened(bench), 5, "stop").trade(6, 60, e1=1).trade(7, 100)
    run = bench.run(tape, settings=bench.account(on_stop="keep"))
    assert run.moves[4:] == [(5.0, "session_stop", "INACTIVE")]
    assert run.of("positions")[0].status == "OPEN_AT_END"


def test_a_kept_position_can_still_be_liquidated(bench):
    tape = command(opened(bench), 5, "stop").trade(6, 50).trade(7, 100)
    run = bench.run(tape, settings=bench.account(on_stop="keep"))
    assert run.moves[5:] == [(6.0, "liquidation", "INACTIVE")]
    assert run.of("positions")[0].exit_reason == "LIQUIDATION"


def test_the_kill_switch_is_undone(bench):
    tape = command(opened(bench), 5, "kill_switch").trade(6, 100, side=-1).trade(7, 100)
    run = bench.run(command(tape, 8, "kill_switch", on=False).trade(9, 100))
    assert run.moves[-2:] == [(6.0, "flat", "INACTIVE"), (9.0, "activated", "MONITORING")]


def test_deactivation_of_one_strategy_leaves_the_others(bench):
    tape = command(bench.Tape().contract().trade(1, 100), 2, "deactivate", strategy="first").trade(3, 100)
    run = bench.run(tape, [bench.strategy("first"), bench.strategy("second")])
    assert str(run.desk.state_of("first", bench.ABC)) == "INACTIVE"
    assert str(run.desk.state_of("second", bench.ABC)) == "MONITORING"


def test_flatten_closes_and_goes_on(bench):
    run = bench.run(command(opened(bench), 5, "flatten").trade(6, 100, side=-1).trade(66, 100))
    assert run.moves[4:] == [
        (5.0, "flatten", "CLOSE_PENDING"),
        (6.0, "flat", "EXITED"),
        (66.0, "cooldown_over", "MONITORING"),
    ]


def test_a_resting_close_becomes_a_market_close(bench):
    order = {"type": "limit", "offset_percent": -3, "timeout_seconds": 60}
    strategy = bench.strategy(ze1_close={"when": bench.when("ze1"), "order": order})
    tape = command(opened(bench).trade(5, 100, ze1=1), 6, "stop").trade(7, 100, side=-1, ze1=0)
    run = bench.run(tape, strategy)
    assert run.moves[4:] == [
        (5.0, "ze1", "CLOSE_PENDING"),
        (6.0, "session_stop", "CLOSE_PENDING"),
        (7.0, "flat", "INACTIVE"),
    ]


def test_commands_of_other_accounts_are_not_ours(bench):
    run = bench.run(command(bench.Tape().contract().trade(1, 100), 2, "stop", account="other").trade(3, 100))
    assert run.triggers == ["activated"]


def test_limits_can_be_changed(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1)
    command(tape, 2.5, "limits", risk={"max_position_pct": 1.0})
    assert bench.run(tape.trade(3, 100, z1=1)).triggers[-1] == "refused:max_position_pct"


def test_entries_can_be_blocked_and_allowed(bench):
    for symbol in ("", bench.ABC):
        tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).event(2.5, "entries_blocked", {}, symbol)
        assert bench.run(tape.trade(3, 100, z1=1)).triggers[-1] == "refused:entries_blocked"
        tape = bench.Tape().contract().trade(1, 100).event(1.5, "entries_blocked", {}, symbol).trade(2, 100, s1=1)
        tape.event(2.5, "entries_allowed", {}, symbol)
        assert bench.run(tape.trade(3, 100, z1=1)).triggers[-1] == "z1"


def test_an_unknown_command_is_an_error(bench):
    with pytest.raises(UnknownCommand, match="'dance'"):
        bench.run(command(bench.Tape().trade(1, 100), 2, "dance"))
