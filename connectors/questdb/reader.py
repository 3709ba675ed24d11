"""Reading a session's tape in pages: closed time ranges of bounded size, in (ts, seq) order, with read-ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.questdb import arrow
from connectors.questdb.arrow import Indices
from connectors.questdb.database import Database
from connectors.questdb.literals import instant, text
from connectors.questdb.read_ahead import read_ahead
from operators.slices import TapePage
from operators.tape import Books, TapeEvent, Trades

DEFAULT_PAGE_ROWS: Final = 500_000
_FOREIGN_SHARE: Final = 0.6
"""Above this share of rows of other sessions in a page, the server filters; below it we do (measured)."""
_BUCKETS: Final = ((60, "1m"), (600, "10m"), (3_600, "1h"))
_MOST_BUCKETS: Final = 50_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class TapeReader(Protocol):
    """Where a tape comes from, page by page."""

    def pages(self, from_ts: int, to_ts: int) -> Iterator[TapePage]:
        """Pages that cover `(from_ts, to_ts]` without a hole, in order, in bounded memory."""
        ...


@dataclass(frozen=True, slots=True)
class _PagePlan:
    """One page before it is read; `trades` and `books` of the session, `all_*` of every session in the range."""

    from_ts: int
    to_ts: int
    trades: int
    all_trades: int
    books: int
    all_books: int


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
        """See `TapeReader`. The next page is fetched while the caller works on this one."""
        return read_ahead(self._page(plan) for plan in self._plan(from_ts, to_ts))

    def _plan(self, from_ts: int, to_ts: int) -> Iterator[_PagePlan]:
        width = _bucket(to_ts - from_ts)
        counts: dict[int, list[int]] = {}
        for column, table in ((0, "tick_prices"), (2, "tick_orderbook")):
            for bucket, own, every in self._counts(table, from_ts, to_ts, width):
                row = counts.setdefault(bucket, [0, 0, 0, 0])
                row[column] += own
                row[column + 1] += every
        start, total = from_ts, [0, 0, 0, 0]
        for bucket in sorted(counts):
            row = counts[bucket]
            if total[0] + total[2] and total[0] + total[2] + row[0] + row[2] > self._page_rows and bucket > start + 1:
                # the buckets start at their own instant, a page starts after its from_ts
                yield _PagePlan(start, bucket - 1, *total)
                start, total = bucket - 1, [0, 0, 0, 0]
            total = [before + more for before, more in zip(total, row, strict=True)]
        if start < to_ts:
            yield _PagePlan(start, to_ts, *total)

    def _counts(self, table: str, from_ts: int, to_ts: int, width: str) -> Iterator[tuple[int, int, int]]:
        late = " AND NOT late" if table == "tick_prices" else ""
        rows = self._database.export(
            f"SELECT timestamp, sum(CASE WHEN session_id = {text(self._session_id)}{late} THEN 1 ELSE 0 END) own, "
            f"count() every FROM {table} WHERE timestamp > {instant(from_ts)} AND timestamp <= {instant(to_ts)} "
            f"SAMPLE BY {width} ALIGN TO CALENDAR"
        )
        return zip(
            arrow.micros(rows["timestamp"]).tolist(), rows["own"].to_pylist(), rows["every"].to_pylist(), strict=True
        )

    def _page(self, plan: _PagePlan) -> TapePage:
        trade_symbols, trades = self._trades(plan)
        book_symbols, books = self._books(plan)
        return TapePage(plan.from_ts, plan.to_ts, trade_symbols, trades, book_symbols, books, self._events(plan))

    def _trades(self, plan: _PagePlan) -> tuple[Indices, Trades]:
        if not plan.trades:
            return np.zeros(0, np.int16), Trades.empty()
        rows, symbols = self._rows("tick_prices", "price, volume, side", plan, plan.trades, plan.all_trades, " late,")
        ts, seq = arrow.micros(rows["timestamp"]), arrow.integers(rows["seq"])
        price, qty, side = arrow.doubles(rows["price"]), arrow.doubles(rows["volume"]), arrow.sides(rows["side"])
        order = arrow.tape_order(ts, seq)
        if order is None:
            return symbols, Trades(ts, seq, price, qty, side)
        return symbols[order], Trades(ts[order], seq[order], price[order], qty[order], side[order])

    def _books(self, plan: _PagePlan) -> tuple[Indices, Books]:
        if not plan.books:
            return np.zeros(0, np.int16), Books.empty()
        rows, symbols = self._rows("tick_orderbook", "bids, asks", plan, plan.books, plan.all_books, "")
        ts, seq = arrow.micros(rows["timestamp"]), arrow.integers(rows["seq"])
        (bid_px, bid_qty), (ask_px, ask_qty) = arrow.levels(rows["bids"]), arrow.levels(rows["asks"])
        order = arrow.tape_order(ts, seq)
        if order is None:
            return symbols, Books(ts, seq, bid_px, bid_qty, ask_px, ask_qty)
        return symbols[order], Books(
            ts[order], seq[order], bid_px[order], bid_qty[order], ask_px[order], ask_qty[order]
        )

    def _rows(
        self, table: str, columns: str, plan: _PagePlan, own: int, every: int, late: str
    ) -> tuple[pa.Table, Indices]:
        """The session's rows of a page with their symbol indices; rows of other symbols dropped."""
        where = f"WHERE timestamp > {instant(plan.from_ts)} AND timestamp <= {instant(plan.to_ts)}"
        mine = text(self._session_id)
        if own == every:
            rows = self._database.export(f"SELECT timestamp, symbol, seq, {columns} FROM {table} {where}")
        elif every - own > _FOREIGN_SHARE * every:
            on_time = " AND NOT late" if late else ""
            rows = self._database.export(
                f"SELECT timestamp, symbol, seq, {columns} FROM {table} {where} AND session_id = {mine}{on_time}"
            )
        else:
            rows = self._database.export(
                f"SELECT timestamp, symbol, seq, session_id,{late} {columns} FROM {table} {where}"
            )
            keep = pc.equal(rows["session_id"], self._session_id)
            if late:
                keep = pc.and_(keep, pc.invert(rows["late"]))
            rows = rows.filter(keep)
        symbols = arrow.symbol_indices(rows["symbol"], self._symbol_set)
        if len(symbols) and symbols.min() < 0:
            chosen = symbols >= 0
            rows, symbols = rows.filter(pa.array(chosen)), symbols[chosen]
        return rows, symbols

    def _events(self, plan: _PagePlan) -> tuple[TapeEvent, ...]:
        where = (
            f"WHERE timestamp > {instant(plan.from_ts)} AND timestamp <= {instant(plan.to_ts)} "
            f"AND session_id = {text(self._session_id)}"
        )
        others = self._database.export(f"SELECT timestamp, seq, symbol, kind, payload FROM tape_events {where}")
        rates = self._database.export(
            f"SELECT timestamp, seq, symbol, rate, next_settle_ts, settled FROM funding_rates {where}"
        )
        marks = self._database.export(f"SELECT timestamp, seq, symbol, fair, index FROM mark_prices {where}")
        events = [
            *(_event(row, row["kind"], json.loads(row["payload"] or "{}")) for row in others.to_pylist()),
            *(_event(row, "funding", _funding(row)) for row in rates.to_pylist()),
            *(_event(row, "mark", {"fair": row["fair"], "index": row["index"]}) for row in marks.to_pylist()),
        ]
        chosen = set(self._symbols)
        return tuple(
            sorted((event for event in events if event.symbol in chosen), key=lambda event: (event.ts, event.seq))
        )


def _funding(row: dict[str, Any]) -> dict[str, Any]:
    settle = row["next_settle_ts"]
    return {
        "rate": row["rate"],
        "next_settle_ts": None if settle is None else _exact_us(settle),
        "settled": row["settled"],
    }


def _exact_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _event(row: dict[str, Any], kind: str, payload: dict[str, Any]) -> TapeEvent:
    return TapeEvent(_exact_us(row["timestamp"]), row["seq"], row["symbol"], kind, payload)


def _bucket(span_us: int) -> str:
    for seconds, width in _BUCKETS:
        if span_us <= seconds * 1_000_000 * _MOST_BUCKETS:
            return width
    return "1d"
