"""Evidence against silence: is a stream quiet because nobody trades, or because it no longer reaches us?

The exchange's tickers say when each symbol traded last and at what prices it is quoted. They come late (every few
seconds), so one look proves nothing: a difference counts when the next look finds it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from connectors.mexc.records import TickerRow

TICKER_LAG_US: Final = 4_000_000
"""How old the tickers' figures may be (they are refreshed every 3 to 4 s)."""
BOOK_SILENCE_US: Final = 30_000_000
"""A book that changed more recently than this (on the market, at whatever speed it runs) is not doubted."""


class Verdict(Enum):
    """What the tickers say of a stream: nothing, that there was nothing to miss, or that something was missed."""

    NOTHING = 0
    QUIET = 1
    SUSPECT = 2


@dataclass(slots=True)
class SymbolEvidence:
    """What we know of a symbol's streams, kept up by the receiver (exchange times in µs, 0 = nothing yet), and what
    the last look found."""

    last_trade_us: int = 0
    last_book_us: int = 0
    best_bid: float | None = None
    best_ask: float | None = None
    unseen_trade_us: int = 0
    quotes_differed: bool = False
    trades_sure_us: int = 0
    book_sure_us: int = 0
    """Up to here the tickers say that nothing has been missed."""


def judge_trades(known: SymbolEvidence, row: TickerRow, now_us: int, clock_rate: float = 1.0) -> Verdict:
    """Compare the time of the last trade. SUSPECT when a trade that a look at least one ago knew of has not come.

    `clock_rate` is how many times as fast as ours the exchange's clock runs: what we wait for takes our time.
    """
    lag_us = round(TICKER_LAG_US * clock_rate)
    if row.ms is None:
        return Verdict.NOTHING
    traded_us = row.ms * 1_000
    if traded_us <= known.last_trade_us:
        known.unseen_trade_us = 0
        known.trades_sure_us = now_us - lag_us
        return Verdict.QUIET
    if known.unseen_trade_us > known.last_trade_us:
        # the look before had seen a trade that is still missing
        known.unseen_trade_us = traded_us
        return Verdict.SUSPECT
    if not known.last_trade_us and traded_us < now_us - lag_us:
        # before our first trade: one that is older than the tickers' lag happened before anybody looked
        known.last_trade_us = traded_us
        known.trades_sure_us = now_us - lag_us
        return Verdict.QUIET
    known.unseen_trade_us = traded_us
    return Verdict.NOTHING


def judge_book(known: SymbolEvidence, row: TickerRow, now_us: int, clock_rate: float = 1.0) -> Verdict:
    """Compare best bid and ask with those of a silent book. SUSPECT when they differ in two looks in a row."""
    if known.best_bid is None or known.best_ask is None or row.bid is None or row.ask is None:
        return Verdict.NOTHING
    alike = (row.bid, row.ask) == (known.best_bid, known.best_ask)
    if alike:
        known.book_sure_us = now_us - round(TICKER_LAG_US * clock_rate)
    differs = not alike and now_us - known.last_book_us > BOOK_SILENCE_US
    again, known.quotes_differed = known.quotes_differed and differs, differs
    if again:
        return Verdict.SUSPECT
    return Verdict.NOTHING if differs else Verdict.QUIET
