"""Blocks as tables for the database: columns named and typed as `tick_prices`, `tick_orderbook` and `dead_letters`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.files.blocks import NULL, BookBlock, EventBlock, Rejected, TradeBlock
from operators.tape import Float64, Int64

_TIMESTAMP: Final = pa.timestamp("us", "UTC")


def trade_table(session_id: str, trades: TradeBlock, seq: Int64, contract_size: float) -> pa.Table:
    """Rows of `tick_prices`; quantities become base coins."""
    volume = trades.quantity if contract_size == 1 else trades.quantity * contract_size
    return pa.table(
        {
            "timestamp": _times(trades.ts),
            "session_id": _constant(session_id, len(trades)),
            "symbol": _symbols(trades.symbol_codes, trades.symbols),
            "seq": seq,
            "price": trades.price,
            "volume": volume,
            "quote_volume": trades.price * volume,
            "side": trades.side,
            "trade_id": _integers(trades.trade_id),
            "exchange_ts": _times(trades.exchange_ts),
            "received_ts": _times(trades.received_ts),
            "late": trades.late,
        }
    )


def book_table(session_id: str, books: BookBlock, seq: Int64, contract_size: float) -> pa.Table:
    """Rows of `tick_orderbook`; quantities become base coins."""
    return pa.table(
        {
            "timestamp": _times(books.ts),
            "session_id": _constant(session_id, len(books)),
            "symbol": _symbols(books.symbol_codes, books.symbols),
            "seq": seq,
            "bids": _levels(books.bid_px, books.bid_qty * contract_size),
            "asks": _levels(books.ask_px, books.ask_qty * contract_size),
            "exchange_ts": _times(books.exchange_ts),
            "received_ts": _times(books.received_ts),
        }
    )


def dead_letter_table(
    session_id: str, stream: str, source: str, letters: Sequence[Rejected], session_start: int
) -> pa.Table:
    """Rows of `dead_letters`, at their own time or, where that cannot be read, at the session's start."""
    return pa.table(
        {
            "timestamp": pa.array([letter.ts or session_start for letter in letters], pa.int64()).cast(_TIMESTAMP),
            "session_id": _constant(session_id, len(letters)),
            "stream": _constant(stream, len(letters)),
            "source": pa.array([source] * len(letters), pa.utf8()),
            "line": pa.array([letter.line for letter in letters], pa.int64()),
            "raw_hash": pa.array([letter.raw_hash for letter in letters], pa.int64()),
            "reason": pa.array([letter.reason for letter in letters], pa.utf8()),
            "raw": pa.array([letter.raw for letter in letters], pa.utf8()),
        }
    )


def event_table(session_id: str, events: EventBlock, seq: Int64) -> pa.Table:
    """Rows of `tape_events`."""
    return pa.table(
        {
            "timestamp": _times(events.ts),
            "session_id": _constant(session_id, len(events)),
            "symbol": _symbols(events.symbol_codes, events.symbols),
            "seq": seq,
            "kind": pa.array(events.kind, pa.utf8()),
            "payload": pa.array(events.payload, pa.utf8()),
        }
    )


def _levels(prices: Float64, quantities: Float64) -> pa.Array:
    """`DOUBLE[][]` per row: prices, then quantities. Absent levels are left out; a side without any has one of NaN."""
    rows = len(prices)
    widths = np.maximum((~np.isnan(prices)).sum(axis=1), 1)
    pairs = np.stack((prices, quantities), axis=1)
    used = np.arange(prices.shape[1]) < widths[:, None, None]
    flat = pairs[np.broadcast_to(used, pairs.shape)]
    inner = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.repeat(widths, 2)))).astype(np.int32)
    outer = np.arange(0, 2 * rows + 1, 2, dtype=np.int32)
    return pa.ListArray.from_arrays(outer, pa.ListArray.from_arrays(inner, flat))


def _times(values: Int64) -> pa.Array:
    return _integers(values).cast(_TIMESTAMP)


def _integers(values: Int64) -> pa.Array:
    absent = values == NULL
    return pa.array(values, pa.int64(), mask=absent if absent.any() else None)


def _constant(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array([text], pa.utf8()))


def _symbols(codes: NDArray[Any], symbols: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32, copy=False), pa.array(symbols, pa.utf8()))
