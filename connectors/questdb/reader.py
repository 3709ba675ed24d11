"""Reading a session's tape in pages: closed time ranges of bounded size, in (ts, seq) order, with read-ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.questdb import arrow
from connectors.questdb.arrow import Indices
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageUnavailable
from connectors.questdb.literals import instant, text
from connectors.questdb.read_ahead import read_ahead
from operators.slices import TapePage
from operators.tape import Books, TapeEvent, Trades

DEFAULT_PAGE_ROWS: Final = 500_000
_FOREIGN_SHARE: Final = 0.6
"""Above this share of rows of other sessions in a page, the server filters; below it we do (measured)."""
_BUCKETS: Final = ((60, "1m"), (600, "10m"), (3_600, "1h"))
_MOST_BUCKETS: Final = 50_000
_Rows = TypeVar("_Rows", Trades, Books)
EVENT_TABLES: Final = {
    "tape_events": "kind, payload",
    "funding_rates": "rate, next_settle_ts, settled",
    "mark_prices": "fair, index",
}
"""The tables whose rows are events of a page, with the columns that make the payload."""
TRADE_COLUMNS: Final = "price, volume, side"
BOOK_COLUMNS: Final = "bids, asks"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class TapeChanged(StorageUnavailable):
    """The rows of a tape are not those that were there when reading began."""


class TapeReader(Protocol):
    """Where a tape comes from, page by page."""

    def pages(self, from_ts: int, to_ts: int) -> Iterator[TapePage]:
        """Pages that cover `(from_ts, to_ts]` without a hole, in order, in bounded memory."""
        ...


@dataclass(frozen=True, slots=True)
class _PagePlan:
    """One page before it is read: its range and how many rows of the session it holds."""

    from_ts: int
    to_ts: int
    trades: int
    books: int


class QuestDBTapeReader:
    """Pages of one session out of QuestDB, for the given symbols (the order gives their indices in a page).

    `late` rows are left out. A page holds about `page_rows` rows of the session over all symbols of the tape.
    """

    def __init__(
        self, database: Database, session_id: str, symbols: Sequence[str], *, page_rows: int = DEFAULT_PAGE_ROWS
    ) -> None:
        self._database = database
        self._session_id = session_id
        self._symbols = tuple(symbols)
        self._page_rows = page_rows
        self._symbol_set = pa.array(self._symbols, pa.string())

    def pages(self, from_ts: int, to_ts: int) -> Iterator[TapePage]:
        """See `TapeReader`. The next two pages are fetched while the caller works on this one."""
        events = tuple(table for table in EVENT_TABLES if self._has_rows(table, from_ts, to_ts))
        return read_ahead(lambda plan: self._page(plan, events), self._plan(from_ts, to_ts))

    def _plan(self, from_ts: int, to_ts: int) -> Iterator[_PagePlan]:
        width = _bucket(to_ts - from_ts)
        counts: dict[int, list[int]] = {}
        for column, (table, on_time) in enumerate((("tick_prices", " AND NOT late"), ("tick_orderbook", ""))):
            rows = self._database.export(
                f"SELECT timestamp, count() own FROM {table} WHERE {self._mine(from_ts, to_ts)}{on_time} "
                f"SAMPLE BY {width} ALIGN TO CALENDAR"
            )
            for bucket, own in zip(arrow.micros(rows["timestamp"]).tolist(), rows["own"].to_pylist(), strict=True):
                counts.setdefault(bucket, [0, 0])[column] = own
        start, trades, books = from_ts, 0, 0
        for bucket in sorted(counts):
            more_trades, more_books = counts[bucket]
            full = trades + books > 0 and trades + books + more_trades + more_books > self._page_rows
            if full and bucket > start + 1:
                # a bucket begins at its own instant, a page after its from_ts
                yield _PagePlan(start, bucket - 1, trades, books)
                start, trades, books = bucket - 1, 0, 0
            trades, books = trades + more_trades, books + more_books
        if start < to_ts:
            yield _PagePlan(start, to_ts, trades, books)

    def _mine(self, from_ts: int, to_ts: int) -> str:
        return f"{between(from_ts, to_ts)} AND session_id = {text(self._session_id)}"

    def _has_rows(self, table: str, from_ts: int, to_ts: int) -> bool:
        return bool(self._database.query(f"SELECT count() FROM {table} WHERE {self._mine(from_ts, to_ts)}")[0][0])

    def _page(self, plan: _PagePlan, event_tables: Sequence[str]) -> TapePage:
        trade_symbols, trades = self._trades(plan)
        book_symbols, books = self._books(plan)
        events = self._events(plan, event_tables)
        return TapePage(plan.from_ts, plan.to_ts, trade_symbols, trades, book_symbols, books, events)

    def _trades(self, plan: _PagePlan) -> tuple[Indices, Trades]:
        if not plan.trades:
            return np.zeros(0, np.int16), Trades.empty()
        return trades_of(*self._rows("tick_prices", TRADE_COLUMNS, plan, plan.trades, " late,"))

    def _books(self, plan: _PagePlan) -> tuple[Indices, Books]:
        if not plan.books:
            return np.zeros(0, np.int16), Books.empty()
        return books_of(*self._rows("tick_orderbook", BOOK_COLUMNS, plan, plan.books, ""))

    def _rows(self, table: str, columns: str, plan: _PagePlan, own: int, late: str) -> tuple[pa.Table, Indices]:
        """The session's rows of a page with their symbol indices; rows of other symbols dropped."""
        period = between(plan.from_ts, plan.to_ts)
        only_mine = (
            f"SELECT timestamp, symbol, seq, {columns} FROM {table} WHERE {self._mine(plan.from_ts, plan.to_ts)}"
            f"{' AND NOT late' if late else ''}"
        )
        # a bare range is counted from the partitions' outlines, in no time
        every = self._database.query(f"SELECT count() FROM {table} WHERE {period}")[0][0]
        if own == every:
            rows = self._database.export(f"SELECT timestamp, symbol, seq, {columns} FROM {table} WHERE {period}")
        elif every - own > _FOREIGN_SHARE * every:
            rows = self._database.export(only_mine)
        else:
            rows = self._database.export(
                f"SELECT timestamp, symbol, seq, session_id,{late} {columns} FROM {table} WHERE {period}"
            )
            keep = pc.equal(rows["session_id"], self._session_id)
            if late:
                keep = pc.and_(keep, pc.invert(rows["late"]))
            rows = rows.filter(keep)
        if rows.num_rows != own:
            # somebody has written into this range since it was counted: only our own rows then
            rows = self._database.export(only_mine)
            if rows.num_rows != own:
                raise TapeChanged(
                    f"the tape of {self._session_id} had {own:,} rows of {table} in a page and now has "
                    f"{rows.num_rows:,}: it is being written"
                )
        symbols = arrow.symbol_indices(rows["symbol"], self._symbol_set)
        if len(symbols) and symbols.min() < 0:
            chosen = symbols >= 0
            rows, symbols = rows.filter(pa.array(chosen)), symbols[chosen]
        return rows, symbols

    def _events(self, plan: _PagePlan, tables: Sequence[str]) -> tuple[TapeEvent, ...]:
        mine = self._mine(plan.from_ts, plan.to_ts)
        events: list[TapeEvent] = []
        for table in tables:
            rows = self._database.export(
                f"SELECT timestamp, seq, symbol, {EVENT_TABLES[table]} FROM {table} WHERE {mine}"
            )
            events += events_of(table, rows)
        chosen = {"", *self._symbols}
        return tuple(
            sorted((event for event in events if event.symbol in chosen), key=lambda event: (event.ts, event.seq))
        )


def trades_of(rows: pa.Table, symbols: Indices) -> tuple[Indices, Trades]:
    """Exported rows of `tick_prices` in tape order, with the indices of their symbols."""
    ts, seq = arrow.micros(rows["timestamp"]), arrow.integers(rows["seq"])
    price, qty, side = arrow.doubles(rows["price"]), arrow.doubles(rows["volume"]), arrow.sides(rows["side"])
    return _in_order(symbols, Trades(ts, seq, price, qty, side))


def books_of(rows: pa.Table, symbols: Indices) -> tuple[Indices, Books]:
    """Exported rows of `tick_orderbook` in tape order, with the indices of their symbols."""
    ts, seq = arrow.micros(rows["timestamp"]), arrow.integers(rows["seq"])
    (bid_px, bid_qty), (ask_px, ask_qty) = arrow.levels(rows["bids"]), arrow.levels(rows["asks"])
    return _in_order(symbols, Books(ts, seq, bid_px, bid_qty, ask_px, ask_qty))


def events_of(table: str, rows: pa.Table) -> list[TapeEvent]:
    """Exported rows of one of the `EVENT_TABLES`."""
    return [_event(table, row) for row in rows.to_pylist()]


def _in_order(symbols: Indices, rows: _Rows) -> tuple[Indices, _Rows]:
    """Rows in tape order with their symbols."""
    order = arrow.tape_order(rows.ts, rows.seq)
    return (symbols, rows) if order is None else (symbols[order], rows.take(order))


def _event(table: str, row: dict[str, Any]) -> TapeEvent:
    payload: dict[str, Any]
    if table == "funding_rates":
        settle = row["next_settle_ts"]
        payload = {
            "rate": row["rate"],
            "next_settle_ts": None if settle is None else _exact_us(settle),
            "settled": row["settled"],
        }
    elif table == "mark_prices":
        payload = {"fair": row["fair"], "index": row["index"]}
    else:
        payload = json.loads(row["payload"] or "{}")
    kind = {"funding_rates": "funding", "mark_prices": "mark"}.get(table) or row["kind"]
    return TapeEvent(_exact_us(row["timestamp"]), row["seq"], row["symbol"], kind, payload)


def _exact_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def between(from_ts: int, to_ts: int) -> str:
    """The condition for rows in `(from_ts, to_ts]`."""
    return f"timestamp > {instant(from_ts)} AND timestamp <= {instant(to_ts)}"


def _bucket(span_us: int) -> str:
    for seconds, width in _BUCKETS:
        if span_us <= seconds * 1_000_000 * _MOST_BUCKETS:
            return width
    return "1d"
