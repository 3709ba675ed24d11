"""From what was received to the tape: stamped rows, as a page for the dataflow and as columns for the tables.

Both hold the same values: a replay of the tables gives the page again. Late trades are in the tables only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from connectors.mexc.inbox import BookColumns, HeldEvent, Received, TradeColumns
from connectors.questdb.columns import Columns
from operators.slices import TapePage
from operators.stamping import Stamper
from operators.tape import BOOKS_STREAM, Books, Float64, Int64, TapeEvent, Trades

_EVENT_TABLES: Final = {"funding": "funding_rates", "mark": "mark_prices"}


@dataclass(frozen=True, slots=True)
class TapedSlice:
    """A stretch of tape: for the dataflow and for the tables. `late` trades are only in the tables, `ahead` counts
    exchange times that were not believed, `lag_us[n]` is the receive lag of the trades on the tape."""

    page: TapePage
    tables: Mapping[str, Columns]
    late: int
    ahead: int
    lag_us: Int64


@dataclass(frozen=True, slots=True)
class Units:
    """What a contract is, by index of the symbol: base coins per contract, or (inverse) quote units per contract."""

    size: Float64
    inverse: NDArray[np.bool_]


def tape(
    received: Received,
    stamper: Stamper,
    exchange_now: int,
    session_id: str,
    symbols: Sequence[str],
    units: Units,
    levels: int,
) -> TapedSlice:
    """Stamp everything and lay it out. `exchange_now` in µs; `symbols` are those of the session, by index.

    Which trades are late the receiver has decided, and recorded a gap for; nothing else is.
    """
    from_ts = stamper.watermark
    trades, books, events = received.trades, received.books, received.events
    counts = np.cumsum([len(trades.arrival), len(books.arrival), len(events)])
    arrival = _joined(trades.arrival, books.arrival, [event.arrival for event in events])
    exchange_us = _joined(trades.exchange_us, books.exchange_us, [event.exchange_us for event in events])
    fetched = np.zeros(counts[2], np.bool_)
    fetched[: counts[0]] = np.frombuffer(trades.late, np.int8)
    # events are on the tape as they were told, whatever the exchange's clock says by now
    exchange_us[counts[1] :] = np.minimum(exchange_us[counts[1] :], exchange_now)
    _behind_breaks(books, events, exchange_us[counts[0] : counts[1]], exchange_us[counts[1] :], symbols)
    # what is not late has become known now, however long it lay here
    exchange_us = np.where(fetched, exchange_us, np.maximum(exchange_us, from_ts + 1))
    by_arrival = np.argsort(arrival, kind="stable")
    stamps = stamper.stamp(exchange_us[by_arrival], exchange_now, fetched[by_arrival])
    ts, seq, late = np.empty_like(exchange_us), np.empty_like(exchange_us), np.empty_like(fetched)
    ts[by_arrival], seq[by_arrival], late[by_arrival] = stamps.ts, stamps.seq, stamps.late
    spread = _Stamped(ts, seq, late, counts)
    trade_symbols, trade_rows, trade_columns = _trades(trades, spread, session_id, symbols)
    book_symbols, book_rows, book_columns = _books(books, spread, session_id, symbols, units, levels)
    tape_events = _events(events, spread)
    tables: dict[str, Columns] = {"tick_prices": trade_columns, "tick_orderbook": book_columns}
    tables.update(_event_columns(tape_events, session_id))
    tables.update({table: _row_columns(rows) for table, rows in received.rows.items()})
    page = TapePage(from_ts, stamper.watermark, trade_symbols, trade_rows, book_symbols, book_rows, tape_events)
    filled = {table: columns for table, columns in tables.items() if len(next(iter(columns.values())))}
    lag = np.asarray(trades.received_us, np.int64) - np.asarray(trades.exchange_us, np.int64)
    return TapedSlice(page, filled, int(late.sum()), stamps.ahead, lag[~late[: counts[0]]])


@dataclass(frozen=True, slots=True)
class _Stamped:
    """Stamps by position: trades first, then books, then events; `counts` are the ends of the three."""

    ts: Int64
    seq: Int64
    late: NDArray[np.bool_]
    counts: NDArray[np.int64]


def _behind_breaks(
    books: BookColumns, events: Sequence[HeldEvent], book_us: Int64, event_us: Int64, symbols: Sequence[str]
) -> None:
    """Move books behind what arrived before them and said that there is no book: one that a silent market has left as
    it was is known again from then on, and would be taken for the one that is wrong."""
    breaks = [row for row, event in enumerate(events) if _breaks_book(event)]
    if not breaks or not len(book_us):
        return
    symbol, arrival = np.frombuffer(books.symbol, np.int16), np.frombuffer(books.arrival, np.int64)
    for row in breaks:
        after = (symbol == symbols.index(events[row].symbol)) & (arrival > events[row].arrival)
        book_us[after] = np.maximum(book_us[after], event_us[row])


def _breaks_book(event: HeldEvent) -> bool:
    return event.kind == "book_invalid" or (
        event.kind == "observed_off" and event.payload.get("stream") == BOOKS_STREAM
    )


def _joined(*parts: Any) -> Int64:
    return np.concatenate([np.asarray(part, np.int64) for part in parts])


def _trades(
    received: TradeColumns, stamps: _Stamped, session_id: str, symbols: Sequence[str]
) -> tuple[NDArray[np.int16], Trades, Columns]:
    rows = slice(0, int(stamps.counts[0]))
    ts, seq, late = stamps.ts[rows], stamps.seq[rows], stamps.late[rows]
    symbol = np.frombuffer(received.symbol, np.int16)
    price, quantity = np.frombuffer(received.price), np.frombuffer(received.quantity)
    side = np.frombuffer(received.side, np.int8)
    columns: Columns = {
        "timestamp": ts,
        "session_id": [session_id] * len(ts),
        "symbol": _names(symbol, symbols),
        "seq": seq,
        "price": price,
        "volume": quantity,
        "quote_volume": price * quantity,
        "side": side,
        "trade_id": np.frombuffer(received.trade_id, np.int64),
        "exchange_ts": np.frombuffer(received.exchange_us, np.int64),
        "received_ts": np.frombuffer(received.received_us, np.int64),
        "late": late,
    }
    order = _emitted(ts, seq, late)
    return symbol[order], Trades(ts, seq, price, quantity, side).take(order), columns


def _books(
    received: BookColumns, stamps: _Stamped, session_id: str, symbols: Sequence[str], units: Units, levels: int
) -> tuple[NDArray[np.int16], Books, Columns]:
    rows = slice(int(stamps.counts[0]), int(stamps.counts[1]))
    ts, seq, late = stamps.ts[rows], stamps.seq[rows], stamps.late[rows]
    symbol = np.frombuffer(received.symbol, np.int16)
    size, inverse = units.size[symbol][:, None], units.inverse[symbol][:, None]

    def prices(values: Any) -> Float64:
        return np.frombuffer(values).reshape(len(ts), levels)

    def base(price: Float64, contracts: Any) -> Float64:
        quantity = prices(contracts) * size
        return np.where(inverse, quantity / price, quantity)

    bid_px, ask_px = prices(received.bid_px), prices(received.ask_px)
    bid_qty, ask_qty = base(bid_px, received.bid_qty), base(ask_px, received.ask_qty)
    columns: Columns = {
        "timestamp": ts,
        "session_id": [session_id] * len(ts),
        "symbol": _names(symbol, symbols),
        "seq": seq,
        "bids": np.stack((bid_px, bid_qty), axis=1),
        "asks": np.stack((ask_px, ask_qty), axis=1),
        "version": np.frombuffer(received.version, np.int64),
        "exchange_ts": np.frombuffer(received.exchange_us, np.int64),
        "received_ts": np.frombuffer(received.received_us, np.int64),
    }
    order = _emitted(ts, seq, late)
    return symbol[order], Books(ts, seq, bid_px, bid_qty, ask_px, ask_qty).take(order), columns


def _emitted(ts: Int64, seq: Int64, late: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The rows that are not late, in tape order."""
    order = np.lexsort((seq, ts))
    return order[~late[order]]


def _events(held: Sequence[HeldEvent], stamps: _Stamped) -> tuple[TapeEvent, ...]:
    first = int(stamps.counts[1])
    events = [
        TapeEvent(int(stamps.ts[first + row]), int(stamps.seq[first + row]), event.symbol, event.kind, event.payload)
        for row, event in enumerate(held)
    ]
    return tuple(sorted(events, key=lambda event: (event.ts, event.seq)))


def _event_columns(events: Sequence[TapeEvent], session_id: str) -> dict[str, Columns]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        table = _EVENT_TABLES.get(event.kind, "tape_events")
        row: dict[str, Any] = {
            "timestamp": event.ts,
            "session_id": session_id,
            "symbol": event.symbol,
            "seq": event.seq,
        }
        if table == "tape_events":
            row |= {"kind": event.kind, "payload": json.dumps(event.payload)}
        else:
            row |= event.payload
        tables.setdefault(table, []).append(row)
    return {table: _row_columns(rows) for table, rows in tables.items()}


def _row_columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Rows of one table, all with the same keys, as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _names(codes: NDArray[np.int16], symbols: Sequence[str]) -> list[str]:
    return [symbols[code] for code in codes.tolist()]
