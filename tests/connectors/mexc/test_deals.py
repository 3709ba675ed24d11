"""What has been received of a symbol's trades: repetitions, and trades that were missed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mexc.deals import MOST_REMEMBERED, DealHistory, Recovered
from connectors.mexc.records import Deal


def deal(number: int | None, ms: int, price: float = 1.0, contracts: float = 1.0, side: int = 1) -> Deal:
    return Deal(number, ms, price, contracts, side)


def having(*deals: Deal) -> DealHistory:
    history = DealHistory()
    for each in deals:
        assert history.add(each)
    return history


def looks(deals: list[Deal]) -> Counter[tuple[float, ...]]:
    return Counter(tuple(each[1:]) for each in deals)


def volumes(deals: list[Deal]) -> Counter[tuple[float, ...]]:
    """Contracts by time, price and side: all that can be told of merged trades."""
    total: Counter[tuple[float, ...]] = Counter()
    for each in deals:
        total[each.ms, each.price, each.side] += each.contracts  # type: ignore[assignment]
    return total


# Repetitions


def test_a_trade_is_new_once() -> None:
    history = having(deal(1, 10), deal(2, 10))
    assert not history.add(deal(1, 10))
    assert not history.add(deal(2, 99)), "the id alone counts"
    assert history.add(deal(3, 10))


def test_equal_trades_without_ids_are_different_trades() -> None:
    history = having(deal(None, 10), deal(None, 10), deal(None, 10))
    assert len(history) == 3


def test_ids_need_not_grow() -> None:
    history = having(deal(9, 10), deal(5, 11), deal(7, 12))
    assert [history.add(deal(number, 13)) for number in (5, 6, 7, 8, 9)] == [False, True, False, True, False]


def test_only_the_newest_trades_are_remembered() -> None:
    history = DealHistory(most=3)
    for number in range(1, 6):
        history.add(deal(number, number))
    assert len(history) == 3
    assert [history.add(deal(number, number)) for number in (5, 4, 3)] == [False, False, False]
    assert history.add(deal(2, 2)), "forgotten long ago"


def test_after_an_interruption_trades_without_ids_that_are_sent_again_are_repetitions() -> None:
    history = having(deal(None, 10), deal(None, 11), deal(None, 11), deal(None, 12))
    history.interrupted()
    sent_again = [deal(None, 11), deal(None, 11), deal(None, 11), deal(None, 12)]
    assert [history.add(each) for each in sent_again] == [False, False, True, False]
    assert history.add(deal(None, 13)), "something newer: the repetition is over"
    assert history.add(deal(None, 12))


def test_after_an_interruption_a_trade_that_looks_otherwise_is_new() -> None:
    history = having(deal(None, 10), deal(None, 12))
    history.interrupted()
    assert history.add(deal(None, 11))
    assert history.add(deal(None, 12, contracts=2.0))
    assert not history.add(deal(None, 12))


def test_a_trade_that_was_recovered_is_no_repetition_even_where_it_looks_like_one() -> None:
    history = having(deal(None, 10))
    history.interrupted()
    assert history.add_recovered(deal(None, 10))
    assert history.add_recovered(deal(7, 10))
    assert not history.add_recovered(deal(7, 10)), "but for its id"


# Missed trades


def test_what_was_missed_is_found_by_id() -> None:
    history = having(deal(1, 10), deal(2, 20), deal(5, 50))
    reply = [deal(number, 10 * number) for number in (1, 2, 3, 4, 5)]
    assert history.missing(reply, 20, 50) == Recovered(reply[2:4], complete=True)


def test_two_trades_with_other_ids_are_two_trades_however_alike() -> None:
    history = having(deal(1, 10), deal(4, 10))
    reply = [deal(number, 10) for number in (1, 2, 3, 4)]
    assert history.missing(reply, 10, 10, limit=4) == Recovered(reply[1:3], complete=True)


def test_what_was_missed_is_found_without_ids() -> None:
    history = having(deal(None, 10), deal(None, 20), deal(None, 50))
    reply = [deal(None, 10 * number) for number in (1, 2, 3, 4, 5)]
    assert history.missing(reply, 20, 50) == Recovered(reply[2:4], complete=True)


def test_a_reply_without_ids_matches_trades_that_came_with_ids() -> None:
    history = having(deal(1, 10), deal(2, 20), deal(5, 50))
    reply = [deal(None, 10 * number) for number in (1, 2, 3, 4, 5)]
    assert history.missing(reply, 20, 50) == Recovered(reply[2:4], complete=True)


def test_a_reply_with_ids_matches_trades_that_came_without() -> None:
    history = having(deal(None, 10), deal(None, 20), deal(5, 50))
    reply = [deal(number, 10 * number) for number in (1, 2, 3, 4, 5)]
    assert history.missing(reply, 20, 50) == Recovered(reply[2:4], complete=True)


def test_of_equal_trades_without_ids_as_many_are_missing_as_are_too_few() -> None:
    history = having(deal(None, 10), deal(None, 20), deal(None, 20), deal(None, 30))
    reply = [deal(None, 10)] + [deal(None, 20)] * 4 + [deal(None, 30)]
    found = history.missing(reply, 10, 30)
    assert found == Recovered([deal(None, 20)] * 2, complete=True)


def test_only_the_time_that_was_asked_for_counts() -> None:
    history = having(deal(3, 30), deal(6, 60))
    reply = [deal(number, 10 * number) for number in range(1, 9)]
    assert history.missing(reply, 30, 60).deals == reply[3:5]
    assert history.missing(reply).deals == [each for each in reply if each.trade_id not in (3, 6)]


def test_a_reply_that_does_not_reach_back_is_not_complete() -> None:
    history = having(deal(1, 10), deal(9, 90))
    reply = [deal(number, 10 * number) for number in range(5, 10)]
    assert history.missing(reply, 10, 90, limit=5) == Recovered(reply[:4], complete=False)
    assert not history.missing(reply, 10, 90, limit=6).complete, "a shorter reply without what is known is not all"
    assert DealHistory().missing(reply, 10, 90, limit=6).complete, "a reply shorter than it may be is all there is"
    assert not history.missing(reply, limit=5).complete


def test_at_the_border_only_an_id_tells_that_nothing_was_cut_off() -> None:
    numbered = [deal(number, 10) for number in (1, 2, 3)]
    assert having(numbered[0]).missing(numbered, 10, 10, limit=3).complete
    plain = [each._replace(trade_id=None) for each in numbered]
    assert not having(plain[0]).missing(plain, 10, 10, limit=3).complete
    earlier = [deal(None, 9), *plain]
    assert having(plain[0]).missing(earlier, 10, 10, limit=4).complete


def test_a_reply_older_than_what_was_received_is_stale() -> None:
    history = having(deal(1, 10), deal(9, 90))
    reply = [deal(number, 10 * number) for number in range(1, 6)]
    assert history.missing(reply, 10, 90) == Recovered(reply[1:], complete=False, stale=True)
    assert history.missing([], 10, 90) == Recovered([], complete=False, stale=True)
    assert history.missing(reply, 10, 50) == Recovered(reply[1:], complete=True), "it reaches as far as is asked for"


def test_trades_that_arrive_while_the_reply_is_under_way_do_not_make_it_stale() -> None:
    history = having(deal(1, 10), deal(5, 50), deal(6, 60))
    reply = [deal(number, 10 * number) for number in range(1, 6)]
    assert history.missing(reply, 10, 50) == Recovered(reply[1:4], complete=True)


def test_a_quiet_symbol_has_missed_nothing() -> None:
    history = having(deal(1, 10))
    assert history.missing([deal(1, 10)], 10, 9_000) == Recovered([], complete=True)
    assert DealHistory().missing([], 10, 9_000) == Recovered([], complete=True)


def test_merged_and_unmerged_trades_are_the_same_where_their_sums_are() -> None:
    history = having(deal(None, 10), deal(None, 20, contracts=10.0), deal(None, 30))
    reply = [deal(None, 10), deal(None, 20, contracts=4.0), deal(None, 20, contracts=6.0), deal(None, 30)]
    assert history.missing(reply, 10, 30) == Recovered([], complete=True)


def test_where_sums_differ_nothing_is_invented_and_the_doubt_is_told() -> None:
    history = having(deal(None, 10), deal(None, 20, contracts=10.0), deal(None, 30))
    reply = [deal(None, 10), deal(None, 20, contracts=4.0), deal(None, 20, contracts=7.0), deal(None, 30)]
    assert history.missing(reply, 10, 30) == Recovered([], complete=False)


def test_a_reply_that_numbers_only_some_trades_leaves_a_doubt() -> None:
    history = having(deal(1, 10), deal(9, 90))
    reply = [deal(1, 10), deal(None, 20), deal(3, 30), deal(9, 90)]
    assert history.missing(reply, 10, 90) == Recovered(reply[1:3], complete=False)


def test_what_was_recovered_is_not_missing_any_more() -> None:
    for number in (None, 2):
        history = having(deal(None, 10), deal(None, 30))
        reply = [deal(None, 10), deal(number, 20), deal(None, 30)]
        for each in history.missing(reply, 10, 30).deals:
            assert history.add_recovered(each)
        assert history.missing(reply, 10, 30).deals == []


# Whatever happens


def check_recovery(seed: int, ids: str, merged: bool) -> None:
    chance = random.Random(seed)
    limit = chance.randint(3, 12)
    ms, truth = 1_000, []
    count = chance.randint(3, 40)
    lost_from = chance.randint(1, count - 1)
    lost_to = chance.randint(lost_from, count - 1)
    for number in range(count):
        # no interruption is so short that trades before and after it are of the same millisecond
        ms += chance.choice([0, 0, 1, 5]) if number != lost_to else 1
        numbered = number + 1 if ids in ("all", "pushes") else None
        truth.append(deal(numbered, ms, chance.choice([1.0, 2.0]), chance.choice([1.0, 2.0])))
    before, missed, after = truth[:lost_from], truth[lost_from:lost_to], truth[lost_to:]
    history = DealHistory()
    for part in (before, after):
        received = part
        if merged:
            received = [
                first._replace(contracts=first.contracts + sum(each.contracts for each in rest))
                for _, (first, *rest) in groupby(part, key=lambda each: (each.ms, each.price, each.side))
            ]
        for each in received:
            assert history.add(each)
        history.interrupted()
    reply = truth[-limit:]
    if ids == "pushes":
        reply = [each._replace(trade_id=None) for each in reply]
    start, end = before[-1].ms, after[0].ms
    found = history.missing(reply, start, end, limit)
    inside = [each for each in missed if start <= each.ms <= end]
    of = volumes if merged else looks
    assert not of(found.deals) - of(inside), "nothing is invented"
    assert not found.stale
    if found.complete:
        assert of(found.deals) == of(inside), "nothing else is missing"
    elif not merged and ids == "all":
        assert found.deals == [each for each in inside if each in reply]
        assert len(reply) == limit
        assert reply[0].ms >= start
    for each in found.deals:
        assert history.add_recovered(each)
    again = history.missing(reply, start, end, limit)
    assert again.deals == []


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**64), st.sampled_from(["all", "pushes", "none"]), st.booleans())
def test_recovery_invents_nothing_and_knows_when_it_is_complete(seed: int, ids: str, merged: bool) -> None:
    check_recovery(seed, ids, merged and ids != "all")


@pytest.mark.soak
def test_two_hundred_thousand_recoveries() -> None:
    for seed in range(200_000):
        ids = ("all", "pushes", "none")[seed % 3]
        check_recovery(seed, ids, ids != "all" and seed % 2 == 0)


def test_a_recovered_trade_that_is_pushed_afterwards_is_a_repetition() -> None:
    history = DealHistory()
    assert history.add_recovered(deal(None, 10))
    assert not history.add(deal(7, 10)), "the same trade, now with its id"
    assert not history.add(deal(7, 10))
    assert history.add(deal(8, 10)), "another one that looks like it"


def test_what_was_recovered_and_let_go_leaves_nothing_behind() -> None:
    history = DealHistory()
    for ms in range(2 * MOST_REMEMBERED):
        history.add_recovered(Deal(None, ms, 1.5, 3.0, 1))
        history.add(Deal(None, ms, 1.5, 3.0, 1))
    history.interrupted()
    for ms in range(2 * MOST_REMEMBERED, 4 * MOST_REMEMBERED):
        assert history.add(Deal(ms, ms, 1.5, 3.0, 1))
    assert len(history) == MOST_REMEMBERED
    assert not history._recovered
