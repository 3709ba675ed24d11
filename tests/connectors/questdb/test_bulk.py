"""Bulk writes: the fast way and the streaming way store the same rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected, StorageUnavailable

pytestmark = pytest.mark.database

BASE = 1_650_000_000_000_000


def trades(session_id: str, start: int, count: int) -> pa.Table:
    random = np.random.default_rng(start)
    ts = pa.array(BASE + start * 1000 + np.arange(count) * 1000, pa.timestamp("us", "UTC"))
    some = random.random(count) < 0.5
    return pa.table(
        {
            "timestamp": ts,
            "session_id": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [session_id]),
            "symbol": pa.array([f"S{n}_USDT" for n in random.integers(0, 5, count)]),
            "seq": np.arange(start, start + count),
            "price": pa.array(random.random(count), mask=some),
            "volume": random.random(count),
            "side": pa.array(random.integers(-1, 2, count), pa.int8()),
            "trade_id": pa.array(np.arange(count), mask=~some),
            "exchange_ts": pa.array(BASE + np.arange(count), pa.timestamp("us", "UTC"), mask=some),
            "late": some,
        }
    )


def books(session_id: str, count: int) -> pa.Table:
    random = np.random.default_rng(count)
    sides = [random.random((2, levels)).tolist() if levels else None for levels in random.integers(0, 4, count)]
    return pa.table(
        {
            "timestamp": pa.array(BASE + np.arange(count), pa.timestamp("us", "UTC")),
            "session_id": [session_id] * count,
            "symbol": ["S0_USDT"] * count,
            "seq": np.arange(count),
            "bids": pa.array(sides, pa.list_(pa.list_(pa.float64()))),
            "asks": pa.array(sides[::-1], pa.list_(pa.list_(pa.float64()))),
        }
    )


def stored(database: Database, table: str, session_id: str) -> pa.Table:
    rows = database.export(f"SELECT * FROM {table} WHERE session_id = '{session_id}' ORDER BY timestamp, seq")
    return rows.drop_columns("session_id")


def test_both_ways_store_the_same_rows(database: Database, new_session_id: str) -> None:
    streaming = dataclasses.replace(database, import_folder=None)
    for way, name in ((database, f"{new_session_id}a"), (streaming, f"{new_session_id}b")):
        with BulkInserter(way) as inserter:
            for start in range(0, 6_000, 2_000):
                inserter.insert("tick_prices", trades(name, start, 2_000))
            inserter.insert("tick_orderbook", books(name, 300))
    for table, count in (("tick_prices", 6_000), ("tick_orderbook", 300)):
        fast = stored(database, table, f"{new_session_id}a")
        assert fast.num_rows == count
        assert fast.equals(stored(database, table, f"{new_session_id}b"))
    source = trades("x", 0, 2_000)
    again = stored(database, "tick_prices", f"{new_session_id}a").slice(0, 2_000)
    for column in source.column_names:
        if column != "session_id":
            assert again[column].to_pylist() == source[column].to_pylist(), column


def test_pieces_sent_twice_are_stored_once_and_no_file_is_left(database: Database, new_session_id: str) -> None:
    for _ in range(2):
        with BulkInserter(database) as inserter:
            for start in range(0, 400_000, 200_000):
                inserter.insert("tick_prices", trades(new_session_id, start, 200_000))
    count = "SELECT count(), count_distinct(seq) FROM tick_prices WHERE session_id = %s"
    assert database.query(count, [new_session_id]) == [(400_000, 400_000)]
    assert database.import_folder is not None
    assert not list(database.import_folder.glob("tapeflow-*"))


def test_what_does_not_fit_the_table_is_refused(database: Database, new_session_id: str) -> None:
    piece = trades(new_session_id, 0, 10)
    inserter = BulkInserter(database)
    inserter.insert("tick_prices", piece.append_column("colour", piece["price"]))
    with pytest.raises(StorageRejected, match="tick_prices has no column 'colour'"):
        inserter.close()
    with pytest.raises(StorageRejected, match="closed"):
        inserter.insert("tick_prices", piece)


def test_after_an_error_nothing_more_is_written_and_the_caller_is_told(database: Database, new_session_id: str) -> None:
    inserter = BulkInserter(database)
    inserter.insert("nowhere", trades(new_session_id, 0, 10))
    piece = trades(new_session_id, 0, 10)

    def insert_until_told() -> None:
        for _ in range(1_000):
            inserter.insert("tick_prices", piece)

    for call in (insert_until_told, inserter.close, inserter.close):
        with pytest.raises(StorageRejected, match="nowhere"):
            call()
    count = "SELECT count() FROM tick_prices WHERE session_id = %s"
    assert database.query(count, [new_session_id]) == [(0,)]


def test_a_database_that_is_away_is_unavailable(database: Database, new_session_id: str) -> None:
    inserter = BulkInserter(dataclasses.replace(database, pg_port=1))
    inserter.insert("tick_prices", trades(new_session_id, 0, 10))
    with pytest.raises(StorageUnavailable):
        inserter.close()


def test_a_failing_caller_is_not_kept_waiting(database: Database, new_session_id: str) -> None:
    def fail() -> None:
        with BulkInserter(database) as inserter:
            inserter.insert("tick_prices", trades(new_session_id, 0, 10))
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
