"""Rows that are found one at a time, as the blocks of a reading."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from connectors.files.binance_frames import LoggedTrade
from connectors.files.blocks import BookBlock, EventBlock, Reading, Rejected, TradeBlock
from connectors.files.logged_book import LEVELS
from connectors.mexc.book import Level2Book


class LogRows:
    """Trades, books and events in the order of their lines, until `harvest` takes them."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._clear()

    def add_trade(self, line: int, trade: LoggedTrade, received_us: int) -> None:
        """A trade."""
        self._trade_keys.extend((line, trade.us, received_us, trade.trade_id, trade.side, self._code(trade.symbol)))
        self._trade_values.extend((trade.price, trade.quantity))

    def add_book(self, line: int, symbol: str, ts: int, exchange_us: int, received_us: int, book: Level2Book) -> None:
        """The best levels of a book as it stands."""
        self._book_keys.extend((line, ts, exchange_us, received_us, self._code(symbol)))
        book.write_top(LEVELS, *self._levels)

    def add_event(self, line: int, symbol: str, us: int, kind: str, payload: str) -> None:
        """A tape event."""
        self._event_keys.extend((line, us, self._code(symbol)))
        self._events.append((kind, payload))

    def add_rejected(self, entry: Rejected) -> None:
        """A line that is left out."""
        self._rejected.append(entry)

    def harvest(self) -> Reading:
        """Everything since the last harvest. Of one line books come first: they show what was before it."""
        reading = Reading(self._book_block(), tuple(self._rejected), (self._event_block(), self._trade_block()))
        self._clear()
        return reading

    def _clear(self) -> None:
        self._trade_keys, self._trade_values = array("q"), array("d")
        self._book_keys, self._levels = array("q"), (array("d"), array("d"), array("d"), array("d"))
        self._event_keys, self._events = array("q"), list[tuple[str, str]]()
        self._rejected: list[Rejected] = []

    def _code(self, symbol: str) -> int:
        return self._codes.setdefault(symbol, len(self._codes))

    def _trade_block(self) -> TradeBlock:
        lines, us, received, ids, side, codes = _columns(self._trade_keys, 6, np.int64)
        price, quantity = _columns(self._trade_values, 2, np.float64)
        late = np.zeros(len(us), np.bool_)
        return TradeBlock(
            lines, us, us, received, price, quantity, side.astype(np.int8), ids, late, *self._symbols(codes)
        )

    def _book_block(self) -> BookBlock:
        lines, ts, exchange_us, received, codes = _columns(self._book_keys, 5, np.int64)
        bid_px, bid_qty, ask_px, ask_qty = (np.array(values, np.float64).reshape(-1, LEVELS) for values in self._levels)
        symbols = self._symbols(codes)
        return BookBlock(lines, ts, exchange_us, received, bid_px, bid_qty, ask_px, ask_qty, *symbols)

    def _event_block(self) -> EventBlock:
        lines, us, codes = _columns(self._event_keys, 3, np.int64)
        kinds, payloads = (np.array([event[at] for event in self._events], object) for at in (0, 1))
        return EventBlock(lines, us, kinds, payloads, *self._symbols(codes))

    def _symbols(self, codes: Any) -> tuple[Any, tuple[str, ...]]:
        return codes.astype(np.int32), tuple(self._codes)


def _columns(values: array[Any], width: int, kind: type[np.generic]) -> list[Any]:
    """What was appended `width` values at a time, as so many columns."""
    return [np.ascontiguousarray(column) for column in np.array(values, kind).reshape(-1, width).T]
