"""A session's tape is read in pages: in order, complete, without late rows and without the rows of other sessions."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pyarrow as pa
import pytest

from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.questdb.read_ahead import read_ahead
from connectors.questdb.reader import QuestDBTapeReader

SYMBOLS = ("A_USDT", "B_USDT")
MINUTE = 60_000_000


def trades(session_id: str, ts: np.ndarray, *, late: np.ndarray | None = None, seed: int = 0) -> pa.Table:
    count = len(ts)
    rng = np.random.default_rng(seed)
    stamps = pa.array(ts, pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "timestamp": stamps,
            "session_id": pa.array([session_id] * count),
            "symbol": pa.array([SYMBOLS[i] for i in rng.integers(0, 2, count)]),
            "seq": np.arange(count),
            "price": rng.random(count) + 1,
            "volume": rng.random(count),
            "quote_volume": rng.random(count),
            "side": rng.choice([-1, 0, 1], count).astype(np.int8),
            "trade_id": np.arange(count),
            "exchange_ts": stamps,
            "received_ts": pa.nulls(count, pa.timestamp("us", "UTC")),
            "late": np.zeros(count, bool) if late is None else late,
        }
    )


def insert(database: Database, table: str, rows: pa.Table) -> None:
    inserter = BulkInserter(database)
    inserter.insert(table, rows)
    inserter.close()


def read(database: Database, session_id: str, start: int, end: int, page_rows: int, symbols=SYMBOLS):
    pages = list(QuestDBTapeReader(database, session_id, symbols, page_rows=page_rows).pages(start, end))
    assert pages[0].from_ts == start
    assert pages[-1].to_ts == end
    assert all(before.to_ts == after.from_ts for before, after in itertools.pairwise(pages))
    for page in pages:
        assert np.all((page.trades.ts > page.from_ts) & (page.trades.ts <= page.to_ts))
    return pages


@pytest.fixture
def start(new_session_id: str) -> int:
    """A day that no other test uses."""
    return 86_400_000_000 * (3_000 + int(new_session_id[-8:], 16) % 12_000)


@pytest.mark.parametrize("foreign", [0, 1, 5], ids=["alone", "beside one", "beside five"])
def test_a_session_is_read_complete_and_in_order_beside_others(database, new_session_id, start, foreign):
    rng = np.random.default_rng(5)
    ts = start + 1 + np.sort(rng.integers(0, 90 * MINUTE, 4_000) // 1_000 * 1_000)
    late = rng.random(4_000) < 0.1
    rows = trades(new_session_id, ts, late=late, seed=1)
    insert(database, "tick_prices", rows)
    for other in range(foreign):
        insert(database, "tick_prices", trades(f"{new_session_id}_{other}", ts, seed=other + 2))
    pages = read(database, new_session_id, start, start + 100 * MINUTE, page_rows=700)
    assert len(pages) > 4
    expected = rows.filter(pa.array(~late))
    assert np.array_equal(np.concatenate([page.trades.ts for page in pages]), ts[~late])
    for column, name in (("seq", "seq"), ("price", "price"), ("qty", "volume"), ("side", "side")):
        found = np.concatenate([getattr(page.trades, column) for page in pages])
        assert np.array_equal(found, expected[name].to_numpy())
    symbols = np.concatenate([page.trade_symbols for page in pages])
    assert [SYMBOLS[i] for i in symbols] == expected["symbol"].to_pylist()


def test_rows_of_symbols_that_were_not_chosen_are_left_out(database, new_session_id, start):
    rows = trades(new_session_id, start + 1 + np.arange(100) * 1_000)
    insert(database, "tick_prices", rows)
    (page,) = read(database, new_session_id, start, start + MINUTE, 500_000, symbols=("B_USDT",))
    assert len(page.trades) == rows["symbol"].to_pylist().count("B_USDT")
    assert set(page.trade_symbols.tolist()) == {0}


def test_books_are_padded_with_nan_to_the_deepest(database, new_session_id, start):
    stamps = pa.array([start + 1, start + 2], pa.timestamp("us", "UTC"))
    insert(
        database,
        "tick_orderbook",
        pa.table(
            {
                "timestamp": stamps,
                "session_id": [new_session_id] * 2,
                "symbol": ["A_USDT"] * 2,
                "seq": [0, 1],
                "bids": [[[9.0, 8.0], [1.0, 2.0]], [[9.5, 8.5], [3.0, 4.0]]],
                "asks": [[[10.0], [5.0]], [[10.5, 11.5], [6.0, 7.0]]],
                "version": [1, 2],
                "exchange_ts": stamps,
                "received_ts": pa.nulls(2, pa.timestamp("us", "UTC")),
            }
        ),
    )
    (page,) = read(database, new_session_id, start, start + MINUTE, 500_000)
    assert page.books.bid_px.tolist() == [[9.0, 8.0], [9.5, 8.5]]
    assert page.books.bid_qty.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert np.array_equal(page.books.ask_px, [[10.0, np.nan], [10.5, 11.5]], equal_nan=True)
    assert np.array_equal(page.books.ask_qty, [[5.0, np.nan], [6.0, 7.0]], equal_nan=True)


def test_tape_events_funding_and_marks_are_events_of_the_page(database, new_session_id, start):
    stamp = pa.array([start + 5], pa.timestamp("us", "UTC"))
    common = {"timestamp": stamp, "session_id": [new_session_id], "symbol": ["A_USDT"]}
    insert(
        database,
        "tape_events",
        pa.table({**common, "seq": [3], "kind": ["observed_on"], "payload": [json.dumps({"stream": "trades"})]}),
    )
    insert(
        database,
        "funding_rates",
        pa.table({**common, "seq": [1], "rate": [1e-4], "next_settle_ts": stamp, "settled": [True]}),
    )
    insert(database, "mark_prices", pa.table({**common, "seq": [2], "fair": [10.0], "index": [10.1]}))
    (page,) = read(database, new_session_id, start, start + MINUTE, 500_000)
    assert [(event.ts - start, event.seq, event.kind, dict(event.payload)) for event in page.events] == [
        (5, 1, "funding", {"rate": 1e-4, "next_settle_ts": start + 5, "settled": True}),
        (5, 2, "mark", {"fair": 10.0, "index": 10.1}),
        (5, 3, "observed_on", {"stream": "trades"}),
    ]


def test_reading_ahead_keeps_the_order_and_raises_an_error_in_its_place():
    def load(number: int) -> int:
        if number == 3:
            raise ValueError("broken page")
        time.sleep(0.02 if number % 2 else 0.0)
        return 10 * number

    items = read_ahead(load, range(6))
    assert [next(items) for _ in range(3)] == [0, 10, 20]
    with pytest.raises(ValueError, match="broken page"):
        next(items)


def test_reading_ahead_loads_no_more_when_closed():
    loaded: list[int] = []
    items = read_ahead(loaded.append, range(100))
    next(items)
    items.close()
    assert len(loaded) <= 4
