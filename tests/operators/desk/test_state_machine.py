"""Every row of the transition table, and the golden cases of the strategy page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

FULL_CYCLE = ["activated", "s1", "z1", "first_fill", "ze1", "flat", "cooldown_over"]


def detected(bench: SimpleNamespace, **more: object):
    """A tape whose signal is detected at second 2."""
    return bench.Tape(**more).contract().trade(1, 100).trade(2, 100, s1=1)


def in_position(bench: SimpleNamespace, **more: object):
    """A tape with a long of 10 at 100, opened at second 4 (decided at 3)."""
    return detected(bench, **more).trade(3, 100, z1=1).trade(4, 100, z1=0)


def test_a_full_cycle_is_one_entry_one_close_and_the_slot_back(bench):
    tape = in_position(bench).trade(5, 104, ze1=1).trade(6, 105, side=-1, ze1=0, s1=0).trade(65, 100).trade(66, 100)
    run = bench.run(tape, settings=bench.account(max_active_signals=1))
    assert run.triggers == FULL_CYCLE
    assert [order.intent for order in run.of("orders")] == ["open_long", "close_long"]
    assert [order.state for order in run.of("orders")] == ["FILLED", "FILLED"]
    # at the first instant with age >= cooldown (60 s after second 6)
    assert run.moves[-1] == (66.0, "cooldown_over", "MONITORING")
    (position,) = run.of("positions")
    assert (position.status, position.exit_reason, position.realized_pnl) == ("CLOSED", "ZE1", pytest.approx(50.0))


def test_s1_fires_at_once_in_a_state_just_entered(bench):
    """At 3 it was TRUE before, but MONITORING is just entered."""
    quick = bench.strategy(o1_cancel={"timeout_seconds": 9, "cooldown_seconds": 0, "when": bench.when("o1")})
    assert bench.run(detected(bench).trade(3, 100, o1=1).trade(4, 100, o1=0), quick).moves[2:] == [
        (3.0, "o1", "SIGNAL_CANCELLED"),
        (3.0, "cooldown_over", "MONITORING"),
        (3.0, "s1", "SIGNAL_DETECTED"),
    ]


def test_each_move_happens_once_per_instant(bench):
    never_ending = bench.strategy(o1_cancel={"timeout_seconds": 0, "cooldown_seconds": 0})
    moves = bench.run(detected(bench).trade(3, 100), never_ending).moves
    at = [trigger for second, trigger, _ in moves if second == 2.0]
    assert at == ["s1", "o1_timeout", "cooldown_over"]


def test_o1_cancels_and_starts_the_cooldown(bench):
    tape = detected(bench).trade(3, 100, o1=1).trade(32.9, 100, o1=0).trade(33, 100)
    run = bench.run(tape)
    assert run.moves[2:4] == [(3.0, "o1", "SIGNAL_CANCELLED"), (33.0, "cooldown_over", "MONITORING")]
    assert run.moves[4] == (33.0, "s1", "SIGNAL_DETECTED")
    assert [signal.section for signal in run.of("strategy_signals")][:2] == ["S1_SIGNAL", "O1_CANCEL"]


def test_a_signal_of_exactly_240_seconds_is_cancelled(bench):
    tape = detected(bench).trade(241.999999, 100, s1=0).trade(242, 100)
    assert bench.run(tape).moves[-1] == (242.0, "o1_timeout", "SIGNAL_CANCELLED")


def test_time_outs_are_checked_at_activations_too(bench):
    """The order is active at 3.13: the signal, 1 s old at 3, is too old there, no trade needed."""
    quick = bench.strategy(o1_cancel={"timeout_seconds": 1.1, "cooldown_seconds": 0})
    run = bench.run(detected(bench).trade(3, 100, z1=1).trade(9, 100, z1=0), quick)
    assert run.moves[3:5] == [
        (3.13, "o1_timeout", "ENTRY_PENDING"),
        (3.26, "o1_timeout", "SIGNAL_CANCELLED"),
    ]


def test_no_slot_is_a_refusal_once_per_edge(bench):
    other = "XYZ_USDT"
    tape = detected(bench).contract(other).trade(3, 50, symbol=other)
    tape.trade(4, 50, symbol=other, s1=1).trade(5, 50, symbol=other).trade(6, 50, symbol=other, s1=0)
    tape.trade(7, 50, symbol=other, s1=1)
    run = bench.run(tape, settings=bench.account(max_active_signals=1))
    refused = [(row.timestamp, row.trigger, row.refused) for row in run.of("state_transitions") if row.refused]
    assert refused == [(bench.us(s), "refused:max_active_signals", True) for s in (4, 7)]
    assert run.evidence("refused:max_active_signals")[-1] == {
        "rule": "max_active_signals",
        "found": 1,
        "allowed": 1,
        "message": "no slot is free",
    }


NAMES = [f"S{i}_USDT" for i in (7, 3, 9, 1, 0, 5, 2, 8, 6, 4)]


def test_at_one_ts_by_events_the_first_three_in_seq_order_take_the_slots(bench):
    tape = bench.Tape()
    for name in NAMES:
        tape.trade(1, 100, symbol=name)
    for name in NAMES:
        tape.trade(2, 100, symbol=name, s1=1)
    fired = [row for row in bench.run(tape).of("state_transitions") if row.trigger == "s1"]
    assert [row.symbol for row in fired] == NAMES[:3]


def test_at_one_grid_instant_the_first_three_by_name_take_the_slots(bench):
    tape = bench.Tape(grid=1.0)
    for name in NAMES:
        tape.trade(0.5, 100, symbol=name, s1=1)
    held = bench.strategy(s1_signal={"when": bench.when("s1", for_seconds=0.5)})
    run = bench.run(tape, held, to=3)
    fired = [(row.timestamp, row.symbol) for row in run.of("state_transitions") if row.trigger == "s1"]
    assert fired == [(bench.us(1), f"S{i}_USDT") for i in range(3)]


def test_two_strategies_want_one_symbol_and_the_first_gets_it(bench):
    run = bench.run(detected(bench), [bench.strategy("first"), bench.strategy("second")])
    assert [(row.strategy, row.trigger) for row in run.of("state_transitions")][2:] == [
        ("first", "s1"),
        ("second", "refused:symbol_taken"),
    ]
    assert run.evidence("refused:symbol_taken")[-1]["found"] == "first"


def test_two_symbols_of_one_strategy_share_nothing(bench):
    other = "XYZ_USDT"
    tape = detected(bench).contract(other).trade(3, 50, symbol=other).trade(4, 50, symbol=other, s1=1, z1=1)
    desk = bench.run(tape).desk
    assert str(desk.state_of("test", bench.ABC)) == "SIGNAL_DETECTED"
    assert str(desk.state_of("test", other)) == "ENTRY_PENDING"


def test_z1_refused_by_risk_cancels_the_signal_and_lists_every_check(bench):
    limits = {**bench.OPEN_LIMITS, "max_position_pct": 5.0, "max_symbol_concentration_pct": 8.0}
    run = bench.run(detected(bench).trade(3, 100, z1=1).trade(4, 100), settings=bench.account(risk=limits))
    row = run.of("state_transitions")[2]
    assert (row.to_state, row.refused) == ("SIGNAL_CANCELLED", True)
    assert row.trigger == "refused:max_position_pct,max_symbol_concentration_pct"
    condition, *checks = run.evidence(row.trigger)
    assert (condition["path"], condition["value"], condition["verdict"]) == ("$.z1_entry.when", 1.0, "TRUE")
    assert [(check["rule"], check["found"], check["allowed"]) for check in checks] == [
        ("max_position_pct", 10.0, 5.0),
        ("max_symbol_concentration_pct", 10.0, 8.0),
    ]
    assert not run.of("orders")
    assert len([r for r in run.of("state_transitions") if r.trigger == "cooldown_over"]) == 0


def test_an_entry_without_a_contract_is_refused(bench):
    tape = bench.Tape().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    run = bench.run(tape)
    assert run.triggers[-1] == "refused:input"
    assert run.evidence("refused:input")[-1]["message"] == "unknown symbol"


def test_the_first_fill_opens_and_the_rest_stays_until_its_time_out(bench):
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, qty=4).trade(30, 100, side=-1).trade(63, 100, side=-1)
    tape.trade(63.2, 100, qty=50)
    run = bench.run(tape)
    assert run.moves[3] == (4.0, "first_fill", "POSITION_ACTIVE")
    (order,) = run.of("orders")
    assert (order.state, order.filled_quantity, order.reason) == ("CANCELLED", 4.0, "time-out")
    assert order.updated_at == bench.us(63.13)
    assert run.of("positions")[0].quantity == 4.0


def test_o1_while_nothing_is_filled_cancels_the_order(bench):
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, side=-1, o1=1, z1=0).trade(5, 100, o1=0)
    run = bench.run(tape)
    assert run.moves[3:] == [(4.0, "o1", "ENTRY_PENDING"), (4.13, "o1", "SIGNAL_CANCELLED")]
    assert run.of("orders")[0].state == "CANCELLED"


def test_filled_before_the_cancel_is_active_is_a_position(bench):
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, side=-1, o1=1).trade(4.1, 100, o1=0).trade(9, 100)
    run = bench.run(tape)
    assert run.moves[3:5] == [(4.0, "o1", "ENTRY_PENDING"), (4.1, "first_fill", "POSITION_ACTIVE")]


def test_an_unfilled_limit_goes_on_at_market_where_the_document_says_so(bench):
    order = {"type": "limit", "offset_percent": -1, "timeout_seconds": 2, "then": "market"}
    tape = detected(bench).trade(3, 100, z1=1).trade(5, 100, z1=0, side=-1).trade(6, 100)
    run = bench.run(tape, bench.strategy(z1_entry={**z1(bench), "order": order}))
    assert run.moves[3:] == [
        (5.0, "order_timeout", "ENTRY_PENDING"),
        (5.13, "next_leg", "ENTRY_PENDING"),
        (6.0, "first_fill", "POSITION_ACTIVE"),
    ]
    assert [(one.type, one.state) for one in run.of("orders")] == [("limit", "CANCELLED"), ("market", "FILLED")]


def z1(bench: SimpleNamespace, **changes: object) -> dict[str, object]:
    return {"when": bench.when("z1"), "size": {"mode": "quote", "value": 1000}, "leverage": 2, **changes}


def test_an_unfilled_entry_without_a_next_leg_is_cancelled(bench):
    order = {"type": "limit", "offset_percent": -1, "timeout_seconds": 2}
    tape = detected(bench).trade(3, 100, z1=1).trade(5, 100, z1=0).trade(6, 100)
    run = bench.run(tape, bench.strategy(z1_entry=z1(bench, order=order)))
    assert run.moves[4] == (5.13, "entry_unfilled", "SIGNAL_CANCELLED")
    assert run.evidence("entry_unfilled") == [
        {"rule": "entry_order", "found": "CANCELLED", "allowed": None, "message": "time-out"}
    ]


def test_a_rejection_cools_down_for_at_least_five_seconds(bench):
    order = {"type": "post_only", "offset_percent": 1, "timeout_seconds": 2}
    short = {"timeout_seconds": 240, "cooldown_seconds": 1, "when": bench.when("o1")}
    tape = detected(bench).trade(3, 100, z1=1, s1=0).trade(8.12, 100, z1=0).trade(8.13, 100)
    run = bench.run(tape, bench.strategy(z1_entry=z1(bench, order=order), o1_cancel=short))
    assert run.moves[3:] == [(3.13, "entry_rejected", "SIGNAL_CANCELLED"), (8.13, "cooldown_over", "MONITORING")]


EXITS = {
    "stop_loss": {"stop_loss": {"percent": 5}},
    "trailing_stop": {"trailing_stop": {"percent": 5}},
    "take_profit": {"take_profit": {"percent": 5}},
}


@pytest.mark.parametrize(
    ("reason", "price", "cooldown"),
    [("stop_loss", 95.0, 120), ("trailing_stop", 95.0, 120), ("take_profit", 105.0, 60)],
)
def test_stops_trigger_on_trade_prices_at_the_price_itself(bench, reason, price, cooldown):
    near = price + 0.01 if price < 100 else price - 0.01
    tape = in_position(bench).trade(5, near).trade(6, price).trade(7, 100, side=-1, s1=0)
    tape.trade(7 + cooldown, 100)
    run = bench.run(tape, bench.strategy(z1_entry=z1(bench, **EXITS[reason])))
    assert run.moves[4:] == [
        (6.0, reason, "CLOSE_PENDING"),
        (7.0, "flat", "EXITED"),
        (7.0 + cooldown, "cooldown_over", "MONITORING"),
    ]
    assert run.evidence(reason) == [{"rule": reason, "found": price, "allowed": pytest.approx(price)}]


def test_e1_comes_before_ze1_at_the_same_instant(bench):
    run = bench.run(in_position(bench).trade(5, 100, e1=1, ze1=1).trade(6, 100, side=-1, e1=0, ze1=0).trade(7, 100))
    assert run.moves[4:6] == [(5.0, "e1", "CLOSE_PENDING"), (6.0, "flat", "EXITED")]
    assert run.of("positions")[0].exit_reason == "E1"
    assert [signal.section for signal in run.of("strategy_signals")] == ["S1_SIGNAL", "Z1_ENTRY", "E1_EMERGENCY"]


def test_the_order_of_exits_that_coincide(bench):
    """All true at one trade: the stop is named; without it E1, then the trailing stop, the age, ZE1."""
    entry = {"stop_loss": {"percent": 5}, "trailing_stop": {"percent": 1}}
    limits = {"max_position_seconds": 1}
    expected = ["stop_loss", "e1", "trailing_stop", "max_position_seconds", "ze1"]
    found = []
    for drop in range(5):
        values = {"e1": int(drop <= 1), "ze1": 1}
        own = {key: value for key, value in entry.items() if not (drop >= 1 and key == "stop_loss")}
        if drop >= 3:
            own = {}
        tape = in_position(bench).trade(5.5, 94, **values).trade(9, 94, e1=0, ze1=0)
        strategy = bench.strategy(z1_entry=z1(bench, **own), limits=limits if drop <= 3 else {})
        found.append(bench.run(tape, strategy).triggers[4])
    assert found == expected


def test_max_position_seconds_counts_from_the_first_fill(bench):
    strategy = bench.strategy(limits={"max_position_seconds": 10})
    run = bench.run(in_position(bench).trade(13.999999, 100).trade(14, 100).trade(15, 100, side=-1), strategy)
    assert run.moves[4] == (14.0, "max_position_seconds", "CLOSE_PENDING")


def test_a_stop_is_never_triggered_by_the_event_that_filled_its_entry(bench):
    strategy = bench.strategy(z1_entry=z1(bench, stop_loss={"percent": 1}))
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, qty=1, z1=0).trade(5, 90, qty=1).trade(6, 90, qty=0.01)
    run = bench.run(tape, strategy)
    assert run.moves[3:5] == [(4.0, "first_fill", "POSITION_ACTIVE"), (6.0, "stop_loss", "CLOSE_PENDING")]


def test_the_trailing_stop_is_armed_by_its_activation(bench):
    trailing = {"percent": 2, "activation_percent": 5}
    tape = in_position(bench).trade(5, 97).trade(6, 105).trade(7, 103).trade(8, 102.85).trade(9, 100, side=-1)
    run = bench.run(tape, bench.strategy(z1_entry=z1(bench, trailing_stop=trailing)))
    assert run.moves[4] == (8.0, "trailing_stop", "CLOSE_PENDING")
    assert run.evidence("trailing_stop")[0]["allowed"] == pytest.approx(105 * 0.98)


def test_a_short_is_the_mirror(bench):
    strategy = bench.strategy(direction="SHORT", z1_entry=z1(bench, trailing_stop={"percent": 2}))
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, side=-1, z1=0).trade(5, 90).trade(6, 91.8).trade(7, 92)
    run = bench.run(tape, strategy)
    assert run.triggers[4:6] == ["trailing_stop", "flat"]
    (position,) = run.of("positions")
    assert (position.side, position.realized_pnl) == ("SHORT", pytest.approx(80.0))
    assert [order.intent for order in run.of("orders")] == ["open_short", "close_short"]


RESTING = {"type": "limit", "offset_percent": -3, "timeout_seconds": 10}


@pytest.mark.parametrize("reason", ["e1", "stop_loss", "trailing_stop", "max_position_seconds"])
def test_a_resting_limit_close_gives_way_to_what_is_more_severe(bench, reason):
    entry = z1(bench, **EXITS.get(reason, {}))
    limits = {"max_position_seconds": 3} if reason == "max_position_seconds" else {}
    close = {"when": bench.when("ze1"), "order": RESTING, "cooldown_seconds": 60}
    price = 95 if reason in ("stop_loss", "trailing_stop") else 100
    tape = in_position(bench).trade(5, 100, ze1=1).trade(7, price, ze1=0, e1=int(reason == "e1"))
    tape.trade(7.5, price, side=-1, e1=0)
    run = bench.run(tape, bench.strategy(z1_entry=entry, ze1_close=close, limits=limits))
    assert run.moves[4:] == [
        (5.0, "ze1", "CLOSE_PENDING"),
        (7.0, reason, "CLOSE_PENDING"),
        (7.5, "flat", "EXITED"),
    ]
    assert [(one.type, one.state) for one in run.of("orders")][1:] == [("limit", "CANCELLED"), ("market", "FILLED")]
    assert run.of("positions")[0].exit_reason == reason.upper()


def test_the_less_severe_reason_does_not_replace_the_exit_reason(bench):
    """max_position_seconds is more severe than ZE1, so it becomes the reason; its cooldown stays ZE1's."""
    close = {"when": bench.when("ze1"), "order": RESTING, "cooldown_seconds": 60}
    strategy = bench.strategy(ze1_close=close, limits={"max_position_seconds": 3})
    tape = in_position(bench).trade(5, 100, ze1=1).trade(7, 100, ze1=0).trade(7.5, 100, side=-1, s1=0)
    run = bench.run(tape.trade(67.4, 100).trade(67.5, 100), strategy)
    assert run.moves[-1] == (67.5, "cooldown_over", "MONITORING")


def test_a_limit_close_that_times_out_becomes_a_market_close_with_an_alarm(bench):
    close = {"when": bench.when("ze1"), "order": RESTING}
    tape = in_position(bench).trade(5, 100, ze1=1).trade(15, 100, ze1=0, s1=0).trade(16, 100, side=-1)
    run = bench.run(tape, bench.strategy(ze1_close=close))
    assert run.moves[4:7] == [
        (5.0, "ze1", "CLOSE_PENDING"),
        (15.13, "close_escalated", "CLOSE_PENDING"),
        (16.0, "flat", "EXITED"),
    ]
    assert [(event.severity, event.type) for event in run.of("risk_events")] == [("WARNING", "close_escalated")]


def test_a_planned_market_leg_is_no_alarm(bench):
    close = {"when": bench.when("ze1"), "order": {**RESTING, "then": "market"}}
    tape = in_position(bench).trade(5, 100, ze1=1).trade(15, 100, ze1=0).trade(16, 100, side=-1)
    run = bench.run(tape, bench.strategy(ze1_close=close))
    assert run.moves[5] == (15.13, "next_leg", "CLOSE_PENDING")
    assert not run.of("risk_events")


def test_market_closes_are_sent_again_with_back_off_until_flat(bench):
    """A thin book takes 3 of 10: the rest goes after 1 s, then after 2 s, never given up."""
    tape = bench.Tape().contract().book(0.5, [(99, 3)], [(100, 50)]).trade(1, 100).trade(2, 100, s1=1)
    tape.trade(3, 100, z1=1).trade(4, 100, z1=0, ze1=1).book(4.05, [(99, 3)], [(100, 49)])
    for second in (4.5, 5.13, 5.5, 6.0, 7.2, 7.3, 7.4, 8.0, 9.0, 11.0, 12.0, 12.2):
        tape.trade(second, 100, ze1=0)
    run = bench.run(tape, books=True)
    closes = [order for order in run.of("orders") if order.intent == "close_long"]
    assert [(order.timestamp, order.filled_quantity) for order in closes] == [
        (bench.us(4), 3.0),
        (bench.us(5.13), 3.0),
        (bench.us(7.3), 3.0),
        (bench.us(12), pytest.approx(1.0)),
    ]
    assert {event.severity for event in run.of("risk_events")} == {"CRITICAL"}
    assert len({order.order_id for order in closes}) == len(closes)


def test_entry_fills_after_the_close_was_sent_are_closed_too(bench):
    """The entry fills on at 5.1, after E1 decided at 5 and before the cancel is active at 5.13."""
    tape = detected(bench).trade(3, 100, z1=1).trade(4, 100, qty=4, z1=0).trade(5, 100, side=-1, e1=1)
    tape.trade(5.1, 100, qty=3, e1=0).trade(6, 100, side=-1)
    run = bench.run(tape)
    assert run.triggers[4:] == ["e1", "flat"]
    entry, close = run.of("orders")
    assert (entry.state, entry.filled_quantity) == ("CANCELLED", 7.0)
    assert (close.state, close.quantity, close.filled_quantity) == ("FILLED", 7.0, 7.0)


def test_signals_only_strategies_have_no_orders(bench):
    alert = bench.strategy(z1_entry=None, ze1_close={"when": None}, e1_emergency={"when": None})
    run = bench.run(detected(bench).trade(3, 100, z1=1).trade(300, 100), alert)
    assert run.triggers == ["activated", "s1", "o1_timeout"]
    assert not run.of("orders")


def test_pending_does_not_fire(bench):
    run = bench.run(bench.Tape().contract().trade(1, 100, s1=None).trade(2, 100, s1=1, z1=None).trade(3, 100, z1=0))
    assert run.moves[1] == (2.0, "s1", "SIGNAL_DETECTED")
    assert len(run.moves) == 2


def test_position_values_are_evaluated_by_the_desk(bench):
    planned = {"when": bench.when("UNREALIZED_PNL_PCT", ">=", 9.92, label="profit")}
    tape = in_position(bench).trade(5, 109.99).trade(6, 110.0).trade(7, 110, side=-1)
    run = bench.run(tape, bench.strategy(ze1_close=planned))
    assert run.moves[4] == (6.0, "ze1", "CLOSE_PENDING")
    assert run.evidence("ze1") == [
        {
            "path": "$.ze1_close.when",
            "indicator": "UNREALIZED_PNL_PCT()",
            "op": ">=",
            "threshold": 9.92,
            "value": pytest.approx(9.92),
            "verdict": "TRUE",
            "label": "profit",
        }
    ]


def test_holds_on_position_values_start_at_the_first_fill(bench):
    held = {"when": bench.when("UNREALIZED_PNL_PCT", "<=", 0, for_seconds=3)}
    tape = in_position(bench).trade(5, 100).trade(6.9, 100).trade(7, 100).trade(8, 100, side=-1)
    assert bench.run(tape, bench.strategy(e1_emergency=held)).moves[4] == (7.0, "e1", "CLOSE_PENDING")


def test_limits_per_day_and_leverage_refuse(bench):
    tape = in_position(bench).trade(5, 100, ze1=1).trade(6, 100, side=-1, ze1=0, s1=0)
    tape.trade(80, 100, s1=1).trade(81, 100, z1=1).trade(90_000, 100, z1=0, s1=0).trade(90_001, 100, s1=1)
    tape.trade(90_002, 100, z1=1).trade(90_003, 100, z1=0)
    run = bench.run(tape, bench.strategy(limits={"max_trades_per_day": 1}))
    assert "refused:strategy_limits" in run.triggers
    assert run.triggers.count("first_fill") == 2, "the next UTC day starts anew"
    leveraged = bench.strategy(z1_entry=z1(bench, leverage=5), limits={"max_leverage": 3})
    assert bench.run(detected(bench).trade(3, 100, z1=1), leveraged).triggers[-1] == "refused:strategy_limits"


def test_frozen_indicator_levels_need_the_right_side(bench):
    level = {"indicator": "MAX_PRICE(t1=60,t2=0)"}
    good = bench.strategy(z1_entry=z1(bench, take_profit=level))
    run = bench.run(in_position(bench, grid=0.0).trade(5, 100), good)
    assert run.triggers[2] == "refused:take_profit", "the level (0) is below the price"
    tape = bench.Tape().contract().trade(1, 100, level=107).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(4, 100)
    tape.trade(5, 106.9, level=200).trade(6, 107).trade(7, 107, side=-1)
    run = bench.run(tape, good)
    assert run.moves[4] == (6.0, "take_profit", "CLOSE_PENDING")
    assert run.of("positions")[0].target == 107.0


def test_ids_are_deterministic_and_distinct(bench):
    tape = in_position(bench).trade(5, 104, ze1=1).trade(6, 105, side=-1)
    first, second = bench.run(tape), bench.run(tape)
    assert first.rows == second.rows
    ids = [order.order_id for order in first.of("orders")] + [fill.fill_id for fill in first.of("fills")]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 32 for one in ids)


def test_liquidation_applies_while_a_limit_close_rests(bench):
    """Leverage 10 and 100 at entry: at 90 the margin is used up. The close is cancelled, the position is gone."""
    close = {"when": bench.when("ze1"), "order": RESTING, "cooldown_seconds": 60}
    strategy = bench.strategy(z1_entry=z1(bench, leverage=10), ze1_close=close, limits={"max_leverage": 10})
    tape = in_position(bench).trade(5, 100, ze1=1).trade(7, 90, ze1=0, s1=0)
    tape.trade(126.9, 100).trade(127, 100)
    run = bench.run(tape, strategy)
    assert run.moves[4:] == [
        (5.0, "ze1", "CLOSE_PENDING"),
        (7.0, "liquidation", "CLOSE_PENDING"),
        (7.0, "flat", "EXITED"),
        (127.0, "cooldown_over", "MONITORING"),
    ]
    assert [one.state for one in run.of("orders")][1:] == ["CANCELLED", "FILLED"]
    assert run.of("positions")[0].exit_reason == "LIQUIDATION"
