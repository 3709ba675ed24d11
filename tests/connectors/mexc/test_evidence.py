"""Quiet or dead: what the exchange's tickers say of a silent stream (failure modes 4, 9 and 10)."""

from __future__ import annotations

from connectors.mexc.evidence import SymbolEvidence, Verdict, judge_book, judge_trades
from connectors.mexc.records import TickerRow

SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND


def ticker(traded: int | None, bid: float | None = None, ask: float | None = None) -> TickerRow:
    ms = None if traded is None else traded // 1_000
    return TickerRow("A_USDT", None, None, None, bid, ask, None, None, ms)


def test_a_stream_that_has_the_last_trade_is_quiet() -> None:
    known = SymbolEvidence(last_trade_us=NOW - 60 * SECOND)
    assert judge_trades(known, ticker(NOW - 60 * SECOND), NOW) is Verdict.QUIET


def test_a_trade_that_has_not_come_is_suspect_only_when_a_second_look_still_misses_one() -> None:
    known = SymbolEvidence(last_trade_us=NOW - 60 * SECOND)
    assert judge_trades(known, ticker(NOW - 5 * SECOND), NOW) is Verdict.NOTHING
    assert judge_trades(known, ticker(NOW - 5 * SECOND), NOW + 10 * SECOND) is Verdict.SUSPECT


def test_a_trade_that_comes_after_the_first_look_clears_the_stream() -> None:
    known = SymbolEvidence(last_trade_us=NOW - 60 * SECOND)
    judge_trades(known, ticker(NOW - 5 * SECOND), NOW)
    known.last_trade_us = NOW - 5 * SECOND
    assert judge_trades(known, ticker(NOW - 5 * SECOND), NOW + 10 * SECOND) is Verdict.QUIET
    assert judge_trades(known, ticker(NOW + 9 * SECOND), NOW + 10 * SECOND) is Verdict.NOTHING


def test_a_symbol_that_traded_before_anybody_listened_is_quiet() -> None:
    assert judge_trades(SymbolEvidence(), ticker(NOW - 600 * SECOND), NOW) is Verdict.QUIET


def test_a_symbol_that_may_have_traded_while_we_subscribed_says_nothing_yet() -> None:
    assert judge_trades(SymbolEvidence(), ticker(NOW - SECOND), NOW) is Verdict.NOTHING


def test_a_ticker_without_a_time_says_nothing() -> None:
    assert judge_trades(SymbolEvidence(), ticker(None), NOW) is Verdict.NOTHING


def test_a_silent_book_with_the_exchanges_quotes_is_quiet() -> None:
    known = SymbolEvidence(last_book_us=NOW - 60 * SECOND, best_bid=1.0, best_ask=1.1)
    assert judge_book(known, ticker(None, 1.0, 1.1), NOW) is Verdict.QUIET


def test_a_silent_book_with_other_quotes_is_suspect_in_the_second_look() -> None:
    known = SymbolEvidence(last_book_us=NOW - 60 * SECOND, best_bid=1.0, best_ask=1.1)
    assert judge_book(known, ticker(None, 1.2, 1.3), NOW) is Verdict.NOTHING
    assert judge_book(known, ticker(None, 1.2, 1.3), NOW + SECOND) is Verdict.SUSPECT


def test_a_book_that_changed_a_moment_ago_is_never_doubted() -> None:
    known = SymbolEvidence(last_book_us=NOW - SECOND, best_bid=1.0, best_ask=1.1)
    for _ in range(3):
        assert judge_book(known, ticker(None, 1.2, 1.3), NOW) is Verdict.QUIET


def test_a_symbol_without_a_book_cannot_be_compared() -> None:
    assert judge_book(SymbolEvidence(), ticker(None, 1.2, 1.3), NOW) is Verdict.NOTHING


def test_a_symbol_that_traded_before_anybody_listened_stays_quiet() -> None:
    known = SymbolEvidence()
    for seconds in (0, 10, 20):
        assert judge_trades(known, ticker(NOW - 600 * SECOND), NOW + seconds * SECOND) is Verdict.QUIET
    assert known.trades_sure_us == NOW + 16 * SECOND, "but for the tickers' lag"


def test_what_we_wait_for_takes_our_time_however_fast_the_exchange_lives() -> None:
    assert judge_trades(SymbolEvidence(), ticker(NOW - 30 * SECOND), NOW) is Verdict.QUIET
    assert judge_trades(SymbolEvidence(), ticker(NOW - 30 * SECOND), NOW, 10.0) is Verdict.NOTHING


def test_how_long_a_book_may_be_silent_is_time_of_the_market() -> None:
    known = SymbolEvidence(best_bid=1.0, best_ask=1.1, last_book_us=NOW - 20 * SECOND)
    assert [judge_book(known, ticker(None, 1.2, 1.3), NOW, 10.0) for _ in range(3)] == [Verdict.QUIET] * 3
    known.last_book_us = NOW - 60 * SECOND
    assert [judge_book(known, ticker(None, 1.2, 1.3), NOW, 10.0) for _ in range(2)] == [
        Verdict.NOTHING,
        Verdict.SUSPECT,
    ]
