"""What orders get on the recorded tape: activation, books, prints, limits, no look-ahead."""

from __future__ import annotations

import pytest

BUY_AT_3 = 3.0
"""Second at which the tapes of this page decide to buy 10 at 100; active at 3.13."""


def buying(bench, **entry):
    """A strategy that buys for 1000 quote where Z1 is TRUE."""
    return bench.strategy(z1_entry={"when": bench.when("z1"), "size": {"mode": "quote", "value": 1000}, **entry})


def with_book(bench, *asks, second=2.9):
    """A tape that decides at 3, with a book before."""
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1)
    return tape.book(second, [(99.0, 50.0)], asks).trade(BUY_AT_3, 100, z1=1)


def fills(run):
    return [((row.timestamp - 1_794_009_600_000_000) / 1e6, row.price, row.quantity) for row in run.of("fills")]


def test_an_order_is_active_130_ms_after_the_decision_and_meets_the_newest_book_before_it(bench):
    tape = with_book(bench, (100.0, 50.0)).book(3.1, [(99, 1)], [(101, 50)], z1=0)
    tape.book(3.13, [(99, 1)], [(150, 50)]).trade(4, 100)
    run = bench.run(tape, buying(bench), books=True)
    assert fills(run) == [(3.13, 101.0, 10.0)]
    assert run.of("fills")[0].liquidity == "taker"


def test_a_book_is_walked_level_by_level(bench):
    run = bench.run(with_book(bench, (100, 4), (101, 5), (105, 50)).trade(4, 100, z1=0), buying(bench), books=True)
    assert fills(run) == [(3.13, 100.0, 4.0), (3.13, 101.0, 5.0), (3.13, 105.0, 1.0)]
    (order,) = run.of("orders")
    assert (order.state, order.average_price) == ("FILLED", pytest.approx(101.0))


def test_what_the_book_does_not_hold_is_cancelled_and_the_entry_keeps_what_it_has(bench):
    run = bench.run(with_book(bench, (100, 4)).trade(4, 100, z1=0), buying(bench), books=True)
    (order,) = run.of("orders")
    assert (order.state, order.filled_quantity, order.reason) == ("CANCELLED", 4.0, "the book held no more")
    assert run.triggers[-1] == "first_fill"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({"market_order_max_level": 1}, [4.0]), ({"price_band": 0.02}, [4.0, 5.0]), ({}, [4.0, 5.0, 1.0])],
)
def test_market_orders_stay_within_the_contracts_levels_and_price_band(bench, limits, expected):
    specification = bench.Specification(1.0, 0.01, 0.1, 0.1, **limits)
    tape = bench.Tape().contract(specification=specification).trade(1, 100).trade(2, 100, s1=1)
    tape.book(2.9, [(99, 50)], [(100, 4), (102, 5), (103, 50)]).trade(3, 100, z1=1).trade(4, 100, z1=0)
    assert [quantity for _, _, quantity in fills(bench.run(tape, buying(bench), books=True))] == expected


@pytest.mark.parametrize("event", ["book_invalid", "observed_off"])
def test_after_a_gap_or_desync_an_order_waits_for_the_next_valid_book(bench, event):
    payload = {"stream": "books", "cause": "gap"}
    tape = with_book(bench, (100, 50)).event(3.05, event, payload).book(3.5, [], [], z1=0)
    tape.book(3.9, [(99, 1)], [(104, 50)]).trade(4, 100)
    run = bench.run(tape, buying(bench), books=True)
    assert fills(run) == [(3.9, 104.0, 10.0)], "the desynced book (all NaN) at 3.5 is no book"


def test_a_gap_at_or_after_the_activation_changes_nothing(bench):
    tape = with_book(bench, (100, 50)).event(3.13, "book_invalid", {}).trade(4, 100, z1=0)
    assert fills(bench.run(tape, buying(bench), books=True)) == [(3.13, 100.0, 10.0)]


def test_without_delays_the_order_meets_the_book_in_force_at_the_end_of_the_instant(bench):
    tape = with_book(bench, (100, 50)).book(3.0, [(99, 1)], [(107, 50)], z1=0).trade(4, 100)
    account = bench.account(feed_delay_ms=0, order_latency_ms=0)
    assert fills(bench.run(tape, buying(bench), account, books=True)) == [(3.0, 100.0, 10.0)]


def test_without_delays_the_deciding_print_is_not_met(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(3, 101, z1=0)
    account = bench.account(feed_delay_ms=0, order_latency_ms=0)
    assert fills(bench.run(tape, buying(bench), account)) == [(3.0, 101.0, 10.0)]


def liquidity(bench, *books):
    """Buy 10 (all that is offered at 100), close, buy again within the second; with these books (second, offered)."""
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).book(2.9, [(99, 50)], [(100, 10), (103, 50)])
    tape.trade(3, 100, z1=1).trade(3.2, 100, z1=0, ze1=1).trade(3.34, 100, ze1=0, z1=1)
    for second, quantity in books:
        tape.book(second, [(99, 50)], [(100, quantity), (103, 50)], z1=0)
    strategy = bench.strategy(ze1_close={"when": bench.when("ze1"), "cooldown_seconds": 0})
    return fills(bench.run(tape.trade(5, 100, z1=0), strategy, books=True))


def test_the_same_liquidity_is_never_used_twice(bench):
    assert liquidity(bench) == [(3.13, 100.0, 10.0), (3.33, 99.0, 10.0), (3.47, 103.0, 10.0)]


def test_liquidity_returns_when_the_recorded_quantity_changes(bench):
    assert liquidity(bench, (3.35, 10))[2:] == [(3.47, 103.0, 10.0)], "the same quantity recorded again"
    assert liquidity(bench, (3.35, 9))[2:] == [(3.47, 100.0, 9.0), (3.47, 103.0, 1.0)]
    assert liquidity(bench, (3.41, 9), (3.42, 10))[2:] == [(3.47, 100.0, 10.0)], "changed and changed back"


def test_liquidity_returns_after_a_second(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).book(2.9, [(99, 50)], [(100, 10), (103, 50)])
    tape.trade(3, 100, z1=1).trade(3.2, 100, z1=0, ze1=1).trade(4, 100, ze1=0, z1=1).trade(5, 100, z1=0)
    strategy = bench.strategy(ze1_close={"when": bench.when("ze1"), "cooldown_seconds": 0})
    assert fills(bench.run(tape, strategy, books=True))[2] == (4.13, 100.0, 10.0)


def prints(bench, *rows, **account):
    """Fills of a market buy of 10 decided at 3, on the given prints (second, price, quantity, side)."""
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    for second, price, quantity, side in rows:
        tape.trade(second, price, quantity, side, z1=0)
    return fills(bench.run(tape, buying(bench), bench.account(**account)))


def test_without_books_only_prints_of_our_own_taker_side_after_the_activation_fill(bench):
    rows = [(3.05, 100, 9, 1), (3.129999, 100, 9, 1), (3.13, 101, 3, 1), (3.2, 100, 99, -1), (3.3, 102, 99, 1)]
    assert prints(bench, *rows) == [(3.13, 101.0, 3.0), (3.3, 102.0, 7.0)]


def test_prints_are_worsened_by_the_slippage_doubled_where_the_side_is_unknown(bench):
    assert prints(bench, (4, 100, 4, 1), (5, 100, 99, 0), slippage_bps=5) == [
        (4.0, pytest.approx(100.05), 4.0),
        (5.0, pytest.approx(100.1), 6.0),
    ]


def test_participation_accrues_over_prints_and_fills_whole_steps(bench):
    """0.2 of 0.3, 0.3, 0.3 = 0.06, 0.12, 0.18: the second print fills one step of 0.1, the fourth two more."""
    rows = [(4, 100, 0.3, 1), (5, 100, 0.3, 1), (6, 100, 0.3, 1), (7, 100, 1.0, 1)]
    assert prints(bench, *rows, participation=0.2) == [(5.0, 100.0, 0.1), (7.0, 100.0, pytest.approx(0.2))]


def limit(bench, offset, kind="limit", **order):
    return buying(bench, order={"type": kind, "offset_percent": offset, "timeout_seconds": 60, **order})


def test_a_resting_limit_fills_as_maker_when_a_print_goes_strictly_beyond(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    tape.trade(4, 99, 50, -1, z1=0).trade(5, 98.99, 20, -1).trade(6, 98.5, 99, 1)
    run = bench.run(tape, limit(bench, -1), bench.account(participation=0.2))
    assert fills(run) == [(5.0, 99.0, 4.0), (6.0, 99.0, pytest.approx(6.1))]
    assert {row.liquidity for row in run.of("fills")} == {"maker"}
    assert run.of("fills")[0].fee == pytest.approx(0.0006 * 99 * 4)
    assert run.of("orders")[0].limit_price == 99.0


def test_a_crossing_limit_takes_up_to_its_price_and_the_rest_rests(bench):
    tape = with_book(bench, (100, 4), (100.5, 3), (102, 50)).trade(4, 100.9, 50, -1, z1=0).trade(5, 100.5, 90, -1)
    run = bench.run(tape, limit(bench, 1), books=True)
    (order,) = run.of("orders")
    assert order.limit_price == 101.0
    assert fills(run) == [(3.13, 100.0, 4.0), (3.13, 100.5, 3.0), (4.0, 101.0, pytest.approx(2.9))]
    assert [row.liquidity for row in run.of("fills")] == ["taker", "taker", "maker"]


def test_without_books_a_crossing_limit_fills_by_the_market_rule_never_worse_than_its_limit(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    tape.trade(4, 100.98, 4, z1=0).trade(5, 101.5, 50).trade(6, 101, 50).trade(7, 100.9, 50, -1)
    run = bench.run(tape, limit(bench, 1), bench.account(slippage_bps=5))
    assert fills(run) == [(4.0, 101.0, 4.0), (7.0, 101.0, pytest.approx(5.9))]
    assert [row.liquidity for row in run.of("fills")] == ["taker", "maker"], "out of reach at 5: it rests from there"


def test_limit_prices_are_rounded_away_from_a_fill(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100.05, s1=1).trade(3, 100.05, z1=1).trade(4, 100, z1=0)
    assert bench.run(tape, limit(bench, -0.333)).of("orders")[0].limit_price == 99.71  # 99.7168…
    short = bench.strategy(direction="SHORT", z1_entry=limit(bench, -0.333).document.z1_entry.model_dump(mode="json"))
    assert bench.run(tape, short).of("orders")[0].limit_price == 100.39  # 100.3832…


@pytest.mark.parametrize("books", [True, False])
def test_post_only_that_would_cross_is_rejected(bench, books):
    run = bench.run(with_book(bench, (100, 50)).trade(4, 100, z1=0), limit(bench, 0, "post_only"), books=books)
    (order,) = run.of("orders")
    assert (order.state, order.reason) == ("REJECTED", "post-only order would cross")


def test_ioc_takes_what_is_there_and_the_rest_is_cancelled(bench):
    tape = with_book(bench, (100, 4), (100.5, 3), (102, 50)).trade(4, 100, z1=0)
    run = bench.run(tape, limit(bench, 1, "ioc"), books=True)
    assert sum(quantity for _, _, quantity in fills(run)) == 7.0
    assert run.of("orders")[0].state == "CANCELLED"


def test_ioc_without_books_meets_one_print(bench):
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1)
    tape.trade(4, 100.5, 3, z1=0).trade(5, 100.5, 50)
    run = bench.run(tape, limit(bench, 1, "ioc"))
    assert fills(run) == [(4.0, 100.5, 3.0)]
    assert run.of("orders")[0].state == "CANCELLED"


def test_without_a_quote_a_limit_entry_is_refused(bench):
    tape = with_book(bench, (100, 4)).event(2.95, "book_invalid", {}).trade(4, 100, z1=0)
    run = bench.run(tape, limit(bench, 1), books=True)
    assert run.triggers[-1] == "refused:input"


def test_orders_on_a_removed_symbol_are_rejected(bench):
    tape = with_book(bench, (100, 4)).event(3.1, "symbol_removed", {}).trade(4, 100, z1=0)
    (order,) = bench.run(tape, buying(bench), books=True).of("orders")
    assert (order.state, order.reason) == ("REJECTED", "the symbol was removed")


def test_fees_come_from_the_schedule_in_force(bench):
    fees = [{"from": "2020-01-01", "maker": 0.0, "taker": 0.001}, {"from": "2026-11-08", "maker": 0.0, "taker": 0.002}]
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(4, 100, z1=0)
    run = bench.run(tape, buying(bench), bench.account(fees=fees))
    assert run.of("fills")[0].fee == pytest.approx(0.001 * 1000)


def test_before_the_schedule_starts_entries_are_refused(bench):
    fees = [{"from": "2027-01-01", "maker": 0.0, "taker": 0.001}]
    tape = bench.Tape().contract().trade(1, 100).trade(2, 100, s1=1).trade(3, 100, z1=1).trade(4, 100, z1=0)
    run = bench.run(tape, buying(bench), bench.account(fees=fees))
    assert run.evidence("refused:input")[-1]["message"] == "the fees are not known"


@pytest.mark.parametrize("books", [True, False])
def test_changing_what_comes_later_changes_nothing_before(bench, books):
    def tape(after):
        one = with_book(bench, (100, 4), (101, 50)).book(3.1, [(99, 9)], [(100, 3), (102, 50)], z1=0)
        one.trade(3.3, 101, 30).trade(4, 102, ze1=1).book(4.1, [(98, 30)], [(99, 9)])
        one.trade(4.5, 101, 30, -1, ze1=0)
        for second in range(5, 9):
            one.trade(second, 100 + after * (second - 4), 5 + after, -1 if after else 1, e1=after)
            one.book(second, [(98 - after, 30)], [(99 + after, 9)])
        return one

    runs = [bench.run(tape(after), books=books, last=False) for after in (0, 1)]
    before = [[row for row in one.rows if row.timestamp < bench.us(5) and row.TABLE != "positions"] for one in runs]
    assert [row for row in before[0] if row.TABLE == "fills"]
    assert before[0] == before[1]
