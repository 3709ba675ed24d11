"""The tape as the replay of a period reads it: what is still in force from long before, then everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.questdb import arrow
from connectors.questdb.database import Database
from connectors.questdb.literals import instant, text
from connectors.questdb.reader import (
    BOOK_COLUMNS,
    EVENT_TABLES,
    TRADE_COLUMNS,
    QuestDBTapeReader,
    TapeReader,
    between,
    books_of,
    events_of,
    trades_of,
)
from operators.slices import TapePage
from operators.tape import Books, TapeEvent, Trades

_LASTING: Final = (
    "observed_on",
    "observed_off",
    "book_invalid",
    "contract",
    "symbol_added",
    "symbol_removed",
    "entries_blocked",
    "entries_allowed",
)
"""Tape events that are in force until another one comes. Commands were meant for those who traded then."""
_INSTANTS: Final = 200
"""How many times one statement asks for: it travels in an address."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """What the newest rows of a table are looked for by, beside the symbol; `only` narrows the rows."""

    columns: str
    keys: tuple[str, ...] = ()
    only: str = ""


_TRADES: Final = _Newest(TRADE_COLUMNS, only=" AND NOT late")
_BOOKS: Final = _Newest(BOOK_COLUMNS)
_EVENTS: Final = {
    "tape_events": _Newest(
        EVENT_TABLES["tape_events"],
        # one kind serves both streams
        ("kind", "payload LIKE '%\"books\"%'"),
        f" AND kind IN ({', '.join(map(text, _LASTING))})",
    ),
    "funding_rates": _Newest(EVENT_TABLES["funding_rates"], ("settled",)),
    "mark_prices": _Newest(EVENT_TABLES["mark_prices"]),
}


class PeriodTape:
    """A session's tape from which everything up to `whole_from` is left out but its head: a `TapeReader`.

    The head is what is still in force at `whole_from`: of each symbol the newest trade and book and the newest event of
    each kind (and stream), with their own ts and seq. Whoever has read it has the same price, book, contract and
    observed time from then on as who has read everything since `tape_from`.
    """

    def __init__(
        self,
        database: Database,
        session_id: str,
        symbols: Sequence[str],
        *,
        tape_from: int,
        whole_from: int,
        page_rows: int,
    ) -> None:
        self._reader: TapeReader = QuestDBTapeReader(database, session_id, symbols, page_rows=page_rows)
        self._tape_from = tape_from
        self._whole_from = whole_from
        self._head_rows = _HeadRows(database, session_id, symbols)
        self._head: TapePage | None = None

    def begin(self) -> int:
        """After which ts there is something to read."""
        return self._whole_from if self._whole_from <= self._tape_from else self._read_head().from_ts

    def pages(self, from_ts: int, to_ts: int) -> Iterator[TapePage]:
        """See `TapeReader`."""
        if from_ts < self._whole_from:
            yield _part(self._read_head(), from_ts, min(to_ts, self._whole_from))
            from_ts = self._whole_from
        if from_ts < to_ts:
            yield from self._reader.pages(from_ts, to_ts)

    def _read_head(self) -> TapePage:
        if self._head is None:
            self._head = self._head_rows.read(self._tape_from, self._whole_from)
        return self._head


class _HeadRows:
    """Finds the newest rows of a stretch of a session's tape."""

    def __init__(self, database: Database, session_id: str, symbols: Sequence[str]) -> None:
        self._database = database
        self._session = f"session_id = {text(session_id)}"
        self._symbols = tuple(symbols)
        self._symbol_set = pa.array(self._symbols, pa.string())

    def read(self, from_ts: int, to_ts: int) -> TapePage:
        """The newest rows of `(from_ts, to_ts]` as a page that begins right before the first of them."""
        trade_symbols, trades = np.zeros(0, np.int16), Trades.empty()
        if (rows := self._rows("tick_prices", _TRADES, from_ts, to_ts)) is not None:
            trade_symbols, trades = trades_of(rows, arrow.symbol_indices(rows["symbol"], self._symbol_set))
        book_symbols, books = np.zeros(0, np.int16), Books.empty()
        if (rows := self._rows("tick_orderbook", _BOOKS, from_ts, to_ts)) is not None:
            book_symbols, books = books_of(rows, arrow.symbol_indices(rows["symbol"], self._symbol_set))
        events: list[TapeEvent] = []
        for table, newest in _EVENTS.items():
            if (rows := self._rows(table, newest, from_ts, to_ts)) is not None:
                events += events_of(table, rows)
        events.sort(key=lambda event: (event.ts, event.seq))
        firsts = [int(column[0]) for column in (trades.ts, books.ts) if len(column)]
        firsts += [event.ts for event in events[:1]]
        begin = min(firsts, default=to_ts + 1) - 1
        return TapePage(begin, to_ts, trade_symbols, trades, book_symbols, books, tuple(events))

    def _rows(self, table: str, newest: _Newest, from_ts: int, to_ts: int) -> pa.Table | None:
        """The newest rows of each key, None without any; with them what else a symbol has at these times (if it is
        older, the newer comes after it).
        """
        keys = ", ".join(("symbol", *newest.keys))
        found = self._database.query(
            f"SELECT {keys}, max(timestamp)::long FROM {table} "
            f"WHERE {between(from_ts, to_ts)} AND {self._session}{newest.only}"
        )
        known = {"", *self._symbols}
        wanted = {(row[0] or "", row[-1]) for row in found if (row[0] or "") in known}
        times = sorted({ts for _, ts in wanted})
        parts = []
        for first in range(0, len(times), _INSTANTS):
            among = ", ".join(map(instant, times[first : first + _INSTANTS]))
            parts.append(
                self._database.export(
                    f"SELECT timestamp, symbol, seq, {newest.columns} FROM {table} "
                    f"WHERE timestamp IN ({among}) AND {self._session}{newest.only}"
                )
            )
        if not parts:
            return None
        rows = pa.concat_tables(parts)
        places = zip(rows["symbol"].to_pylist(), arrow.micros(rows["timestamp"]).tolist(), strict=True)
        return rows.filter(pa.array([(symbol or "", ts) in wanted for symbol, ts in places]))


def _part(page: TapePage, from_ts: int, to_ts: int) -> TapePage:
    """What a page holds in `(from_ts, to_ts]`."""
    trades = slice(*np.searchsorted(page.trades.ts, (from_ts, to_ts), side="right").tolist())
    books = slice(*np.searchsorted(page.books.ts, (from_ts, to_ts), side="right").tolist())
    return TapePage(
        from_ts,
        to_ts,
        page.trade_symbols[trades],
        page.trades.between(trades.start, trades.stop),
        page.book_symbols[books],
        page.books.between(books.start, books.stop),
        tuple(event for event in page.events if from_ts < event.ts <= to_ts),
    )
