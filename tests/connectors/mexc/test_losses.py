"""Trades that were lost while their stream went on."""

from __future__ import annotations

from connectors.mexc.deals import MOST_REMEMBERED, DealHistory
from connectors.mexc.losses import UNNOTICED, lost_trades
from connectors.mexc.records import Deal

MS = 1_000


def deal(ms: int, number: int | None = None) -> Deal:
    return Deal(number, ms, 1.5, 3.0, 1)


def having(*times: int) -> DealHistory:
    history = DealHistory()
    for ms in times:
        assert history.add(deal(ms, ms))
    return history


def test_what_the_exchange_has_between_two_received_trades_is_a_gap_between_them() -> None:
    history = having(100, 200, 500, 600)
    reply = [deal(ms) for ms in (100, 200, 300, 400, 500, 600)]
    (gap, lost), *others = lost_trades(history, "A_USDT", reply, 50 * MS, 600 * MS)
    assert not others
    assert (gap.start_us, gap.end_us, gap.cause) == (200 * MS, 500 * MS, UNNOTICED)
    assert [each.ms for each in lost] == [300, 400]
    assert (gap.recovered, gap.lost) == (2, 0)


def test_two_holes_are_two_gaps() -> None:
    history = having(100, 300, 500)
    reply = [deal(ms) for ms in (100, 200, 300, 400, 500)]
    found = lost_trades(history, "A_USDT", reply, 50 * MS, 500 * MS)
    assert [(gap.start_us, gap.end_us) for gap, _ in found] == [(100 * MS, 300 * MS), (300 * MS, 500 * MS)]


def test_a_reply_that_begins_inside_the_gap_leaves_open_how_many_more_there_were() -> None:
    history = having(100, 500)
    ((gap, _),) = lost_trades(history, "A_USDT", [deal(400), deal(500)], 50 * MS, 500 * MS)
    assert (gap.start_us, gap.recovered, gap.lost) == (100 * MS, 1, None)


def test_what_is_newer_than_the_last_received_trade_is_still_on_its_way() -> None:
    assert not lost_trades(having(100, 200), "A_USDT", [deal(100), deal(200), deal(300)], 50 * MS, 200 * MS)


def test_what_happened_before_the_first_received_trade_is_nobodys_loss() -> None:
    assert not lost_trades(having(100, 200), "A_USDT", [deal(50), deal(100), deal(200)], 100 * MS, 200 * MS)


def test_what_may_have_been_received_and_forgotten_is_not_said_to_be_lost() -> None:
    history = having(*range(1_000, 1_000 + MOST_REMEMBERED + 50))
    reply = [deal(1_010), deal(1_000 + MOST_REMEMBERED)]
    assert not lost_trades(history, "A_USDT", reply, 0, (1_000 + MOST_REMEMBERED + 49) * MS)
    assert not history.missing(reply).complete


def test_what_was_forgotten_is_nobodys_loss() -> None:
    history = having(300, 500)
    history.forget_until(200)
    found = history.missing([deal(ms) for ms in (100, 200, 300, 400, 500)], 50, 600)
    assert [each.ms for each in found.deals] == [400]
    assert not found.complete
    assert history.missing([deal(ms) for ms in (100, 200, 300, 400, 500)], 250, 600).complete
