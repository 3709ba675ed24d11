"""One tape from the symbols' own: rows of all symbols in the order of time, numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from operators.tape import Books, Int64, Trades

Columns = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class SymbolRows:
    """A stretch of one symbol: trades (ts, price, qty, side, trade_id) and books (ts, version, bid prices, bid
    quantities, ask prices, ask quantities); ts in µs since the start of the tape."""

    trades: Columns
    books: Columns

    @classmethod
    def joined(cls, parts: Sequence[tuple[Columns, Columns]]) -> Self:
        """Consecutive stretches as one."""
        if len(parts) == 1:
            return cls(*parts[0])
        trades, books = zip(*parts, strict=True)
        return cls(
            tuple(map(np.concatenate, zip(*trades, strict=True))), tuple(map(np.concatenate, zip(*books, strict=True)))
        )


@dataclass(frozen=True, slots=True)
class MergedRows:
    """All symbols' rows in the order of the tape; `..._symbols` are indices of the symbols."""

    trade_symbols: NDArray[np.int16]
    trades: Trades
    trade_ids: Int64
    book_symbols: NDArray[np.int16]
    books: Books
    book_versions: Int64


def merge(parts: Sequence[SymbolRows], start_us: int, seq: int) -> MergedRows:
    """Merge by time and number from `seq`. At equal times: by symbol; within a symbol books before trades.

    (A book is in force for the trades of its own time: the generator never quotes again at the time of a trade.)
    """
    trade_counts = [len(part.trades[0]) for part in parts]
    book_counts = [len(part.books[0]) for part in parts]
    ts = np.concatenate([column for part in parts for column in (part.books[0], part.trades[0])])
    is_book = np.repeat(
        np.tile([True, False], len(parts)),
        [count for counts in zip(book_counts, trade_counts, strict=True) for count in counts],
    )
    order = np.argsort(ts, kind="stable")
    books_first = is_book[order]
    place = np.empty(len(ts), np.int64)
    place[is_book] = np.arange(sum(book_counts))
    place[~is_book] = np.arange(sum(trade_counts))
    place = place[order]
    numbers = np.arange(seq, seq + len(ts))

    trade_order, book_order = place[~books_first], place[books_first]
    trade_ts, price, qty, side, trade_ids = _gathered([part.trades for part in parts], trade_order)
    book_ts, versions, *sides = _gathered([part.books for part in parts], book_order)
    codes = np.arange(len(parts), dtype=np.int16)
    return MergedRows(
        trade_symbols=np.repeat(codes, trade_counts)[trade_order],
        trades=Trades(trade_ts + start_us, numbers[~books_first], price, qty, side),
        trade_ids=trade_ids,
        book_symbols=np.repeat(codes, book_counts)[book_order],
        books=Books(book_ts + start_us, numbers[books_first], *sides),
        book_versions=versions,
    )


def _gathered(parts: Sequence[Columns], order: Int64) -> list[NDArray[Any]]:
    return [np.concatenate(columns)[order] for columns in zip(*parts, strict=True)]
