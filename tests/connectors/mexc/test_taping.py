"""From what was received to the tape: one order, base coins, the same values for dataflow and tables."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.mexc.book import Level2Book
from connectors.mexc.inbox import Inbox
from connectors.mexc.records import DepthFull
from connectors.mexc.taping import TapedSlice, Units, tape
from connectors.questdb.columns import NULL
from operators.stamping import Stamper

SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND
SYMBOLS = ("A_USDT", "B_USD")
UNITS = Units(np.array([0.01, 10.0]), np.array([False, True]))


def taped(inbox: Inbox, stamper: Stamper | None = None) -> TapedSlice:
    return tape(inbox.take(), stamper or Stamper(NOW - SECOND, 0), NOW, "collect_x", SYMBOLS, UNITS, 2)


def book(version: int, bid: float, ask: float) -> Level2Book:
    made = Level2Book(2)
    made.on_full(DepthFull("A_USDT", version, [(bid, 5.0), (bid - 1, 7.0)], [(ask, 3.0)], NOW // 1_000))
    return made


def test_trades_books_and_events_share_one_order() -> None:
    inbox = Inbox()
    inbox.add_trade(0, NOW - 100, NOW, 100.0, 0.5, 1, 17)
    inbox.add_book(0, NOW - 300, NOW, 7, book(7, 99.0, 101.0), 2)
    inbox.add_event(NOW - 200, "A_USDT", "observed_on", {"stream": "trades", "cause": "the first trade"})
    page = taped(inbox).page
    assert (page.from_ts, page.to_ts) == (NOW - SECOND, NOW - 100)
    assert [(page.books.ts[0], page.books.seq[0]), (page.events[0].ts, page.events[0].seq)] == [
        (NOW - 300, 0),
        (NOW - 200, 1),
    ]
    assert (page.trades.ts[0], page.trades.seq[0]) == (NOW - 100, 2)


def test_what_arrived_first_comes_first_where_the_exchange_gives_the_same_time() -> None:
    inbox = Inbox()
    inbox.add_event(NOW, "A_USDT", "observed_on", {"stream": "trades", "cause": ""})
    inbox.add_trade(0, NOW, NOW, 1.0, 1.0, 1, 1)
    inbox.add_trade(0, NOW, NOW, 2.0, 1.0, 1, 2)
    page = taped(inbox).page
    assert page.events[0].seq == 0
    assert page.trades.seq.tolist() == [1, 2]
    assert page.trades.price.tolist() == [1.0, 2.0]


def test_late_trades_are_stored_with_their_true_time_and_do_not_flow() -> None:
    inbox = Inbox()
    inbox.add_trade(0, NOW - 600 * SECOND, NOW, 1.0, 1.0, 1, NULL, late=True)
    inbox.add_trade(0, NOW, NOW, 2.0, 1.0, -1, 2)
    found = taped(inbox)
    columns = found.tables["tick_prices"]
    assert found.page.trades.price.tolist() == [2.0]
    assert list(columns["late"]) == [True, False]
    assert list(columns["timestamp"]) == [NOW - 600 * SECOND, NOW]
    assert sorted(columns["seq"]) == [0, 1]
    assert found.late == 1


def test_books_are_stored_in_base_coins_of_linear_and_inverse_contracts() -> None:
    inbox = Inbox()
    inbox.add_book(0, NOW, NOW, 7, book(7, 100.0, 200.0), 2)
    inbox.add_book(1, NOW, NOW, 8, book(8, 100.0, 200.0), 2)
    books = taped(inbox).page.books
    assert books.bid_qty.tolist() == [[pytest.approx(0.05), pytest.approx(0.07)], [0.5, pytest.approx(70 / 99)]]
    assert books.ask_qty[:, 0].tolist() == [pytest.approx(0.03), pytest.approx(0.15)]
    assert np.isnan(books.ask_px[:, 1]).all()


def test_tables_and_page_hold_the_same_books() -> None:
    inbox = Inbox()
    inbox.add_book(0, NOW, NOW, 7, book(7, 100.0, 200.0), 2)
    found = taped(inbox)
    stored = np.asarray(found.tables["tick_orderbook"]["bids"])
    assert stored[0].tolist() == [found.page.books.bid_px[0].tolist(), found.page.books.bid_qty[0].tolist()]


def test_marks_and_funding_have_tables_of_their_own() -> None:
    inbox = Inbox()
    inbox.add_event(NOW, "A_USDT", "mark", {"fair": 1.0, "index": None})
    inbox.add_event(NOW, "A_USDT", "funding", {"rate": 0.0001, "next_settle_ts": NOW + SECOND, "settled": False})
    inbox.add_event(NOW, "A_USDT", "book_invalid", {"cause": "crossed"})
    found = taped(inbox)
    assert set(found.tables) == {"mark_prices", "funding_rates", "tape_events"}
    assert list(found.tables["mark_prices"]["fair"]) == [1.0]
    assert [event.kind for event in found.page.events] == ["mark", "funding", "book_invalid"]


def test_an_event_about_something_old_is_on_the_tape_now() -> None:
    inbox = Inbox()
    inbox.add_event(NOW - 600 * SECOND, "A_USDT", "observed_off", {"stream": "trades", "cause": "restart"})
    assert taped(inbox).page.events[0].ts == NOW - SECOND + 1


def test_nothing_received_is_an_empty_stretch() -> None:
    found = taped(Inbox())
    assert found.tables == {}
    assert (found.page.from_ts, found.page.to_ts) == (NOW - SECOND, NOW - SECOND)


def test_a_book_that_comes_late_is_on_the_tape_now_in_tables_and_page_alike() -> None:
    inbox = Inbox()
    inbox.add_book(0, NOW - 60 * SECOND, NOW, 7, book(7, 100.0, 200.0), 2)
    found = taped(inbox)
    columns = found.tables["tick_orderbook"]
    assert found.page.books.ts.tolist() == list(columns["timestamp"]) == [NOW - SECOND + 1]
    assert list(columns["exchange_ts"]) == [NOW - 60 * SECOND]
    assert found.late == 0


def test_what_was_not_marked_late_flows_however_long_it_lay_here() -> None:
    inbox = Inbox()
    inbox.add_trade(0, NOW - 10 * SECOND, NOW, 1.0, 1.0, 1, 1)
    found = taped(inbox)
    assert found.late == 0
    assert found.page.trades.ts.tolist() == [NOW - SECOND + 1]


def test_a_book_follows_the_break_that_was_told_before_it() -> None:
    inbox = Inbox()
    inbox.add_event(NOW - 100, "A_USDT", "book_invalid", {"cause": "a change is missing"})
    inbox.add_book(0, NOW - 300, NOW, 7, book(7, 100.0, 200.0), 2)
    inbox.add_book(1, NOW - 300, NOW, 7, book(7, 100.0, 200.0), 2)
    page = taped(inbox).page
    assert page.books.ts.tolist() == [NOW - 300, NOW - 100]
    assert page.books.seq[1] > page.events[0].seq
