"""Recording a generated market as a session: what `tapeflow generate` does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from connectors.simulated.market import GeneratedMarket, MarketPiece
from connectors.simulated.parameters import MARKET_VERSION, MarketParameters
from dataflows.sessions.recorded import recorded_session
from operators.session import SessionRecord, Status, session_id
from operators.tape import BOOKS_STREAM, TRADES_STREAM, Float64, Int64, TapeEvent

_TIME: Final = pa.timestamp("us", "UTC")

Progress = Callable[[float, int, int], None]
"""Told after every piece: share of the tape done (0..1), trades and books so far."""


@dataclass(frozen=True, slots=True)
class GeneratedSession:
    """A generated session: where it is, what it holds, its true pumps by onset (times in µs UTC).

    `found` = it had been generated before and nothing was written. `seconds` is wall time.
    """

    session_id: str
    symbols: tuple[str, ...]
    tape_from: int
    tape_to: int
    trades: int
    books: int
    pumps: tuple[dict[str, Any], ...]
    found: bool
    seconds: float


def generated_session_id(parameters: MarketParameters) -> str:
    """The id follows from the parameters: the start of the tape and their fingerprint.

    >>> generated_session_id(MarketParameters(seed=7))[:25]
    'generate_20000129_000000_'
    """
    return session_id("generate", parameters.start, parameters.fingerprint)


def generate(database: Database, parameters: MarketParameters, on_progress: Progress | None = None) -> GeneratedSession:
    """Write the market of `parameters` as a session, or find the one that was written before.

    Memory stays bounded whatever the number of trades. Raises the errors of the storage; the session is FAILED then,
    and generating again goes on with the same id.
    """
    began = time.monotonic()
    own_id = generated_session_id(parameters)
    earlier = SessionStore(database).latest(own_id)
    if earlier is not None and earlier.status is Status.STOPPED:
        return _summary(earlier, found=True, seconds=time.monotonic() - began)
    market = GeneratedMarket(parameters)
    config = {
        "market_version": MARKET_VERSION,
        "parameters": parameters.to_dict(),
        "pumps": [pump.to_dict() for pump in market.pumps],
    }
    record = SessionRecord(
        session_id=own_id,
        mode="generate",
        symbols=market.symbols,
        data_types=(TRADES_STREAM, BOOKS_STREAM) if parameters.books else (TRADES_STREAM,),
        config=json.dumps(config),
    )
    with recorded_session(database, record) as session:
        session.update(tape_from=parameters.start_us - 1)
        trades = books = 0
        last = parameters.start_us
        with BulkInserter(database) as inserter:
            for piece in market.pieces():
                page = piece.page
                if page.events:
                    inserter.insert("tape_events", events_table(page.events, own_id))
                inserter.insert("tick_prices", trades_table(piece, market.symbols, own_id))
                inserter.insert("tick_orderbook", books_table(piece, market.symbols, own_id))
                trades += len(page.trades)
                books += len(page.books)
                last = max([last, *page.trades.ts[-1:].tolist(), *page.books.ts[-1:].tolist()])
                if on_progress is not None:
                    on_progress((page.to_ts - parameters.start_us) / parameters.span, trades, books)
        session.update(tape_to=last, prices_count=trades, orderbook_count=books, records_collected=trades + books)
    return _summary(session.record, found=False, seconds=time.monotonic() - began)


def _summary(record: SessionRecord, *, found: bool, seconds: float) -> GeneratedSession:
    if record.tape_from is None or record.tape_to is None:
        raise ValueError(f"session {record.session_id} has no tape although it is {record.status}")
    return GeneratedSession(
        session_id=record.session_id,
        symbols=record.symbols,
        tape_from=record.tape_from,
        tape_to=record.tape_to,
        trades=record.prices_count,
        books=record.orderbook_count,
        pumps=tuple(json.loads(record.config)["pumps"]),
        found=found,
        seconds=seconds,
    )


def trades_table(piece: MarketPiece, symbols: Sequence[str], own_id: str) -> pa.Table:
    """The trades of a piece as rows of `tick_prices`."""
    trades = piece.page.trades
    times = _times(trades.ts)
    return pa.table(
        {
            "timestamp": times,
            "session_id": _repeated(own_id, len(trades)),
            "symbol": _names(piece.page.trade_symbols, symbols),
            "seq": trades.seq,
            "price": trades.price,
            "volume": trades.qty,
            "quote_volume": trades.price * trades.qty,
            "side": trades.side,
            "trade_id": piece.trade_ids,
            "exchange_ts": times,
            "late": np.zeros(len(trades), np.bool_),
        }
    )


def books_table(piece: MarketPiece, symbols: Sequence[str], own_id: str) -> pa.Table:
    """The books of a piece as rows of `tick_orderbook`."""
    books = piece.page.books
    times = _times(books.ts)
    return pa.table(
        {
            "timestamp": times,
            "session_id": _repeated(own_id, len(books)),
            "symbol": _names(piece.page.book_symbols, symbols),
            "seq": books.seq,
            "bids": _side(books.bid_px, books.bid_qty),
            "asks": _side(books.ask_px, books.ask_qty),
            "version": piece.book_versions,
            "exchange_ts": times,
        }
    )


def events_table(events: Sequence[TapeEvent], own_id: str) -> pa.Table:
    """Tape events as rows of `tape_events`."""
    return pa.table(
        {
            "timestamp": _times(np.array([event.ts for event in events], np.int64)),
            "session_id": _repeated(own_id, len(events)),
            "symbol": pa.array([event.symbol for event in events]),
            "seq": np.array([event.seq for event in events], np.int64),
            "kind": pa.array([event.kind for event in events]),
            "payload": pa.array([json.dumps(event.payload) for event in events]),
        }
    )


def _times(ts: Int64) -> pa.Array:
    return pa.array(ts).view(_TIME)


def _repeated(value: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), pa.array([value]))


def _names(codes: NDArray[np.int16], symbols: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(symbols)))


def _side(prices: Float64, quantities: Float64) -> pa.ListArray:
    """`[m, L]` prices and quantities as m lists of two lists; levels that do not exist (NaN) are left out."""
    both = np.stack([prices, quantities], axis=1)
    there = ~np.isnan(both)
    lengths = there.sum(axis=2).ravel()
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    rows = pa.ListArray.from_arrays(starts, both[there])
    return pa.ListArray.from_arrays(np.arange(0, 2 * len(prices) + 1, 2, dtype=np.int32), rows)
