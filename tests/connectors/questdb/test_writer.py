"""Streaming writes: acknowledged, repeated where needed, and never lost in silence."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected, StorageUnavailable
from connectors.questdb.writer import NULL, OUTAGE_SECONDS, TableWriter, rows_to_columns
from operators.results import Order

if TYPE_CHECKING:
    from tests.connectors.questdb.conftest import Wire

pytestmark = pytest.mark.database

BASE = 1_700_000_000_000_000
COUNT = "SELECT count() FROM equity WHERE session_id = %s"


def equity_rows(session_id: str, start: int, count: int) -> dict[str, Any]:
    return {
        "timestamp": BASE + np.arange(start, start + count),
        "session_id": [session_id] * count,
        "account": ["main"] * count,
        "equity": np.arange(count, dtype=np.float64),
    }


def test_every_type_and_every_absent_value_arrives(database: Database, new_session_id: str) -> None:
    with TableWriter(database, "tick_orderbook") as books, TableWriter(database, "tick_prices") as prices:
        books.write(
            {
                "timestamp": [BASE, BASE + 1],
                "session_id": [new_session_id] * 2,
                "symbol": ["A_USDT"] * 2,
                "seq": [0, 1],
                "bids": [np.array([[9.0, 8.0], [1.0, 2.0]]), None],
                "asks": [np.zeros((2, 0)), np.array([[10.0], [3.0]])],
                "version": [None, 5],
                "exchange_ts": np.array([NULL, BASE]),
            }
        )
        prices.write(
            {
                "timestamp": [BASE, BASE + 1],
                "session_id": [new_session_id] * 2,
                "symbol": ["A_USDT", "B_USDT"],
                "seq": np.array([2, 3]),
                "price": [1.5, float("nan")],
                "volume": [2, None],
                "side": np.array([-1, 0], dtype=np.int8),
                "late": np.array([False, True]),
                "trade_id": [2**62, None],
                "received_ts": [BASE + 5, None],
            }
        )
    database.wait_applied("tick_orderbook", "tick_prices")
    mine = f"FROM {{}} WHERE session_id = '{new_session_id}'"
    stored = database.export("SELECT bids, asks, version, exchange_ts " + mine.format("tick_orderbook"))
    assert stored["bids"].to_pylist() == [[[9.0, 8.0], [1.0, 2.0]], None]
    assert stored["asks"].to_pylist() == [[], [[10.0], [3.0]]]
    assert stored["version"].to_pylist() == [None, 5]
    assert stored["exchange_ts"].is_null().to_pylist() == [True, False]
    columns = "symbol, seq, price, volume, quote_volume, side, late, trade_id, received_ts IS NULL AS unknown "
    stored = database.export(f"SELECT {columns}" + mine.format("tick_prices"))
    assert [tuple(row.values()) for row in stored.to_pylist()] == [
        ("A_USDT", 2, 1.5, 2.0, None, -1, False, 2**62, False),
        ("B_USDT", 3, None, None, None, 0, True, None, True),
    ]


def test_records_become_columns_and_an_update_replaces_its_row(database: Database, new_session_id: str) -> None:
    order = Order(
        timestamp=BASE,
        order_id=new_session_id[-8:] * 4,
        session_id=new_session_id,
        account="main",
        strategy="peak",
        symbol="A_USDT",
        intent="open_short",
        type="market",
        quantity=3.0,
        limit_price=None,
        state="NEW",
        filled_quantity=0.0,
        average_price=None,
        fee=0.0,
        reason=None,
        exchange_order_id=None,
        updated_at=BASE,
    )
    filled = dataclasses.replace(order, state="FILLED", average_price=7.0, reason='said "so"\n', updated_at=BASE + 9)
    with TableWriter(database, "orders") as writer:
        writer.write(rows_to_columns([order]))
        writer.flush()
        writer.write(rows_to_columns([filled]))
    database.wait_applied("orders")
    rows = database.query(
        "SELECT state, average_price, limit_price, reason, exchange_order_id FROM orders WHERE session_id = %s",
        [new_session_id],
    )
    assert rows == [("FILLED", 7.0, None, 'said "so"\n', None)]


def test_rows_sent_twice_are_stored_once(database: Database, new_session_id: str) -> None:
    for _ in range(2):
        with TableWriter(database, "equity") as writer:
            for start in range(0, 100_000, 7_000):
                writer.write(equity_rows(new_session_id, start, min(7_000, 100_000 - start)))
        assert writer.acknowledged == 100_000
    database.wait_applied("equity")
    assert database.query(COUNT, [new_session_id]) == [(100_000,)]


def test_a_key_without_a_value_deduplicates_too(database: Database, new_session_id: str) -> None:
    row = {
        "timestamp": [BASE],
        "session_id": [new_session_id],
        "symbol": ["A_USDT"],
        "seq": [None],
        "indicator_id": ["price()"],
        "value": [1.0],
    }
    with TableWriter(database, "indicators") as writer:
        for _ in range(2):
            writer.write(row)
            writer.flush()
    database.wait_applied("indicators")
    assert database.query("SELECT count() FROM indicators WHERE session_id = %s", [new_session_id]) == [(1,)]


def test_rows_leave_by_age_without_a_flush(database: Database, new_session_id: str) -> None:
    with TableWriter(database, "equity", seconds=0.05) as writer:
        writer.write(equity_rows(new_session_id, 0, 3))
        deadline = time.monotonic() + 60
        while writer.acknowledged < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert writer.unsent() == []


def test_a_flush_returns_only_when_all_is_acknowledged(database: Database, new_session_id: str) -> None:
    with TableWriter(database, "equity", rows=1_000, seconds=60) as writer:
        for start in range(0, 5_500, 500):
            writer.write(equity_rows(new_session_id, start, 500))
        writer.flush()
        assert writer.acknowledged == 5_500


def test_an_unknown_table_or_column_is_refused_at_once(database: Database) -> None:
    with pytest.raises(StorageRejected, match="table does not exist"):
        TableWriter(database, "nowhere")
    with TableWriter(database, "equity") as writer, pytest.raises(StorageRejected, match="has no column 'colour'"):
        writer.write({"timestamp": [BASE], "colour": ["red"]})


def test_an_error_of_the_thread_is_raised_by_the_next_call_and_stays(database: Database, new_session_id: str) -> None:
    writer = TableWriter(database, "equity")
    rows = equity_rows(new_session_id, 0, 2) | {"equity": ["many", "more"]}
    writer.write(rows)
    for call in (writer.flush, lambda: writer.write(rows), writer.close, writer.close):
        with pytest.raises(StorageRejected, match=r"equity\.equity takes DOUBLE values"):
            call()
    assert writer.unsent() == [rows]


def test_what_the_server_rejects_names_table_and_column(database: Database, new_session_id: str) -> None:
    writer = TableWriter(database, "equity")
    # The table as another program might have known it.
    writer.columns = dataclasses.replace(writer.columns, types={**writer.columns.types, "colour": "DOUBLE"})
    writer.write(equity_rows(new_session_id, 0, 1) | {"colour": [1.0]})
    with pytest.raises(StorageRejected, match=r"rows of equity.*column: colour does not exist"):
        writer.close()


def test_a_short_outage_is_bridged(database: Database, wire: Wire, new_session_id: str) -> None:
    with TableWriter(dataclasses.replace(database, http_port=wire.port), "equity", seconds=0.01) as writer:
        writer.write(equity_rows(new_session_id, 0, 10))
        writer.flush()
        wire.cut()
        threading.Timer(0.3, wire.mend).start()
        writer.write(equity_rows(new_session_id, 10, 10))
        writer.flush()
    database.wait_applied("equity")
    assert database.query(COUNT, [new_session_id]) == [(20,)]


def test_a_long_outage_ends_the_writer_and_keeps_the_rows(database: Database, wire: Wire, new_session_id: str) -> None:
    away = dataclasses.replace(database, http_port=wire.port)
    writer = TableWriter(away, "equity", seconds=0.01, outage_seconds=0.2)
    wire.cut()
    first, second = equity_rows(new_session_id, 0, 4), equity_rows(new_session_id, 4, 4)
    writer.write(first)
    with pytest.raises(StorageUnavailable, match="does not take rows of equity") as caught:
        writer.flush()
    assert caught.value.retryable
    with pytest.raises(StorageUnavailable):
        writer.write(second)
    with pytest.raises(StorageUnavailable):
        writer.close()
    assert [len(rows["timestamp"]) for rows in writer.unsent()] == [4]


def test_a_failing_caller_is_not_kept_waiting(database: Database, new_session_id: str) -> None:
    def fail() -> None:
        with TableWriter(database, "equity", seconds=60) as writer:
            writer.write(equity_rows(new_session_id, 0, 1))
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()


def test_an_abandoned_writer_ends_at_once_and_still_has_its_rows(
    database: Database, wire: Wire, new_session_id: str
) -> None:
    writer = TableWriter(dataclasses.replace(database, http_port=wire.port), "equity", seconds=0.01)
    wire.cut()
    writer.write(equity_rows(new_session_id, 0, 4))
    time.sleep(0.2)
    writer.write(equity_rows(new_session_id, 4, 3))
    start = time.monotonic()
    writer.abandon()
    assert time.monotonic() - start < OUTAGE_SECONDS / 2
    assert [len(rows["timestamp"]) for rows in writer.unsent()] == [4, 3]
