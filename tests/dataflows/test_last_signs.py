"""Since when an interrupted stream may have lost something."""

from __future__ import annotations

import numpy as np

from connectors.journal.entries import decode, encode
from connectors.journal.journal import Entry
from connectors.mexc.evidence import BOOK_SILENCE_US
from dataflows.last_signs import LOOKED_AFTER_US, LastSigns, signs_in
from operators.tape import BOOKS_STREAM, TRADES_STREAM

SECOND = 1_000_000
A, B = "A_USDT", "B_USDT"


def test_a_busy_stream_is_in_doubt_from_its_last_trade_on() -> None:
    signs = LastSigns({(A, TRADES_STREAM): 99 * SECOND, (A, "prices"): 98 * SECOND}, 0, 1.0)
    assert signs.since(A, TRADES_STREAM, 100 * SECOND) == 99 * SECOND


def test_a_quiet_stream_is_in_doubt_from_when_nobody_looked_after_it() -> None:
    signs = LastSigns({(A, TRADES_STREAM): 10 * SECOND, (B, "prices"): 98 * SECOND}, 0, 1.0)
    assert signs.since(A, TRADES_STREAM, 100 * SECOND) == 98 * SECOND - LOOKED_AFTER_US


def test_while_the_exchange_gave_no_answers_only_the_stream_itself_tells() -> None:
    signs = LastSigns({(A, TRADES_STREAM): 60 * SECOND, (A, "prices"): 50 * SECOND}, 0, 1.0)
    assert signs.since(A, TRADES_STREAM, 100 * SECOND) == 60 * SECOND
    assert signs.since(B, TRADES_STREAM, 100 * SECOND) == 50 * SECOND - LOOKED_AFTER_US


def test_changes_of_a_book_may_have_been_on_their_way() -> None:
    signs = LastSigns({(A, BOOKS_STREAM): 100 * SECOND, (A, "prices"): 100 * SECOND}, 0, 2.0)
    assert signs.since(A, BOOKS_STREAM, 100 * SECOND) == 96 * SECOND


def test_a_silent_book_is_doubted_later_than_trades() -> None:
    signs = LastSigns({(A, "prices"): 200 * SECOND}, 0, 1.0)
    assert signs.since(A, TRADES_STREAM, 200 * SECOND) == 200 * SECOND - LOOKED_AFTER_US
    assert signs.since(A, BOOKS_STREAM, 200 * SECOND) == 200 * SECOND - LOOKED_AFTER_US - BOOK_SILENCE_US


def test_nothing_began_before_the_session() -> None:
    assert LastSigns({}, 95 * SECOND, 1.0).since(A, BOOKS_STREAM, 100 * SECOND) == 95 * SECOND


def test_a_journal_tells_the_same_by_symbol_and_without_late_trades() -> None:
    trades = {
        "symbol": [A, B, A],
        "exchange_ts": np.array([50, 60, 70]) * SECOND,
        "late": np.array([False, False, True]),
    }
    payload, _ = encode({"tick_prices": trades})
    entry = Entry(decode(bytes(payload)), 0, 80 * SECOND, 3)
    seen: dict[tuple[str, str], int] = {}
    signs_in(entry, seen)
    signs = LastSigns(seen, 40 * SECOND, 1.0)
    assert signs.since(A, TRADES_STREAM, 80 * SECOND) == 50 * SECOND
    assert signs.since(B, TRADES_STREAM, 80 * SECOND) == 60 * SECOND
