"""Slices of a tape with trades and books that name themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from connectors.journal.journal import Entry

BASE = 1_700_000_000_000_000
SLICE_US = 250_000

MakeSlice = Callable[..., Entry]


def trade_columns(session_id: str, first_seq: int, ts: int, rows: int) -> dict[str, Any]:
    seq = np.arange(first_seq, first_seq + rows)
    return {
        "timestamp": ts + 1 + np.arange(rows),
        "session_id": [session_id] * rows,
        "symbol": ["A_USDT" if number % 2 else "B_USDT" for number in seq.tolist()],
        "seq": seq,
        "price": seq * 0.5,
        "volume": np.ones(rows),
        "side": np.ones(rows, np.int8),
        "trade_id": seq + 1_000,
        "late": np.zeros(rows, np.bool_),
    }


def book_columns(session_id: str, first_seq: int, ts: int, rows: int) -> dict[str, Any]:
    seq = np.arange(first_seq, first_seq + rows)
    ladders = np.ones((rows, 2, 3)) * seq[:, None, None]
    ladders[:, :, 2] = np.nan
    return {
        "timestamp": ts + 1 + np.arange(rows),
        "session_id": [session_id] * rows,
        "symbol": ["A_USDT"] * rows,
        "seq": seq,
        "bids": ladders,
        "asks": ladders + 1,
        "version": seq,
    }


@pytest.fixture
def make_slice() -> MakeSlice:
    """`make_slice(number, session_id, trades=10, books=2)`: the numbers go on from slice to slice."""

    def make(number: int, session_id: str = "s", trades: int = 10, books: int = 2) -> Entry:
        first, ts = number * (trades + books), BASE + number * SLICE_US
        tables: dict[str, Any] = {}
        if trades:
            tables["tick_prices"] = trade_columns(session_id, first, ts, trades)
        if books:
            tables["tick_orderbook"] = book_columns(session_id, first + trades, ts, books)
        return Entry(tables, ts, ts + SLICE_US, first + trades + books - 1)

    return make
