"""Import, streaming writes and reads, beside the bare calls that they are made of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.report import Measurement, Results, stopwatch
from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.questdb.literals import instant
from connectors.questdb.reader import QuestDBTapeReader
from connectors.questdb.writer import TableWriter
from dataflows.importing import ImportRequest, import_files

DAY = 86_400_000_000
IMPORT_DAY = 18_000 * DAY
STREAM_DAY = 18_100 * DAY
ALONE_DAY = 18_200 * DAY
SHARED_DAY = 18_300 * DAY
PURGE_SECONDS = 65
VIEWS_SECONDS = 15
"""Time for the server to refresh its views after millions of rows, which takes a core."""
SYMBOLS = tuple(f"S{index:02d}_USDT" for index in range(20))


def run(database: Database, folder: Path, trades: int, results: Results) -> None:
    """Everything that storage.md sets a target for."""
    _import(database, folder, trades, results)
    _stream(database, 500_000, results)
    _read(database, "bench_alone", ALONE_DAY, trades, 0, results, "≥ 4 M/s")
    _read(database, "bench_shared", SHARED_DAY, 1_000_000, 10, results, "≥ 2 M/s")
    _hour_of_collection(database, results)


def tape(session_id: str, day: int, count: int, seed: int) -> pa.Table:
    """Random trades of twenty symbols spread over one day."""
    rng = np.random.default_rng(seed)
    stamps = pa.array(day + np.sort(rng.integers(1, DAY, count)), pa.timestamp("us", "UTC"))
    price = np.round(rng.lognormal(0, 1, count), 6)
    volume = np.round(rng.lognormal(3, 1, count), 1)
    return pa.table(
        {
            "timestamp": stamps,
            "session_id": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [session_id]),
            "symbol": pa.DictionaryArray.from_arrays(rng.integers(0, 20, count).astype(np.int32), list(SYMBOLS)),
            "seq": np.arange(count),
            "price": price,
            "volume": volume,
            "quote_volume": price * volume,
            "side": rng.choice([-1, 1], count).astype(np.int8),
            "trade_id": np.arange(count),
            "exchange_ts": stamps,
            "received_ts": pa.nulls(count, pa.timestamp("us", "UTC")),
            "late": np.zeros(count, bool),
        }
    )


def _insert(database: Database, rows: pa.Table, table: str = "tick_prices") -> float:
    with stopwatch() as spent:
        inserter = BulkInserter(database)
        for start in range(0, rows.num_rows, 500_000):
            inserter.insert(table, rows.slice(start, 500_000))
        inserter.close()
    return spent[0]


def _import(database: Database, folder: Path, trades: int, results: Results) -> None:
    rows = tape("bench_bare", IMPORT_DAY - 10 * DAY, trades, 1)
    bare = trades / _insert(database, rows)
    rng = np.random.default_rng(2)
    file = folder / "BENCHUSDT-aggTrades-2019-04-14.csv"
    frame = pd.DataFrame(
        {
            "agg_trade_id": np.arange(trades),
            "price": rows["price"].to_numpy(),
            "quantity": rows["volume"].to_numpy(),
            "first_trade_id": np.arange(trades),
            "last_trade_id": np.arange(trades),
            "transact_time": (IMPORT_DAY + np.sort(rng.integers(1, DAY, trades))) // 1_000,
            "is_buyer_maker": np.where(rng.random(trades) < 0.5, "true", "false"),
        }
    )
    frame.to_csv(file, index=False)
    with stopwatch() as spent:
        import_files(database, ImportRequest(files=(file,), symbol="BENCH_USDT"))
    results.add(
        Measurement(
            "import of a Binance aggTrades file", trades, "trades", spent[0], bare, "≥ 0.8 M/s", "parsed, stored"
        )
    )


def _stream(database: Database, count: int, results: Results) -> None:
    rows = tape("bench_stream", STREAM_DAY, count, 3)
    columns = {name: rows[name].to_numpy(zero_copy_only=False) for name in rows.column_names}
    for name in ("timestamp", "exchange_ts"):
        columns[name] = rows[name].cast(pa.int64()).to_numpy()
    columns["received_ts"] = np.full(count, np.iinfo(np.int64).min)
    with stopwatch() as spent, contextlib.closing(TableWriter(database, "tick_prices")) as writer:
        for start in range(0, count, 50_000):
            writer.write({name: column[start : start + 50_000] for name, column in columns.items()})
        writer.flush()
    results.add(Measurement("streaming write, acknowledged", count, "rows", spent[0], None, "≥ 0.3 M/s"))


def _read(
    database: Database, session_id: str, day: int, trades: int, others: int, results: Results, target: str
) -> None:
    _insert(database, tape(session_id, day, trades, 4))
    for other in range(others):
        _insert(database, tape(f"{session_id}_{other}", day, trades, 5 + other))
    sql = f"SELECT timestamp, symbol, seq, price, volume, side FROM tick_prices WHERE timestamp > {instant(day)} AND timestamp <= {instant(day + DAY)}"  # noqa: E501
    if others:
        sql += f" AND session_id = '{session_id}'"
    time.sleep(VIEWS_SECONDS)
    bare = max(_rate(lambda: database.export(sql).num_rows) for _ in range(3))

    def replay() -> int:
        pages = QuestDBTapeReader(database, session_id, SYMBOLS).pages(day, day + DAY)
        return sum(len(page.trades) for page in pages)

    rate = max(_rate(replay) for _ in range(3))
    beside = f"beside {others} overlapping sessions" if others else "alone in its range"
    results.add(Measurement(f"replay read, {beside}", trades, "trades", trades / rate, bare, target, "best of three"))


def _rate(read: Callable[[], int]) -> float:
    """Rows per second of a call that returns how many it has read."""
    with stopwatch() as spent:
        rows = read()
    return rows / spent[0]


def _hour_of_collection(database: Database, results: Results) -> None:
    """100 symbols × 5 trades/s + 5 books/s for an hour; a day is 24 of them."""
    count, symbols, levels = 1_800_000, 100, 10
    names = [f"H{index:03d}_USDT" for index in range(symbols)]
    rng = np.random.default_rng(9)
    day = SHARED_DAY + 100 * DAY
    before = _settled_disk(database)
    rows = tape("bench_hour", day, count, 9)
    seconds = _insert(database, rows)
    stamps = pa.array(day + np.sort(rng.integers(1, 3_600_000_000, count)), pa.timestamp("us", "UTC"))
    piece = 200_000
    with stopwatch() as spent:
        inserter = BulkInserter(database)
        for start in range(0, count, piece):
            inserter.insert("tick_orderbook", _books(stamps.slice(start, piece), start, names, levels, rng))
        inserter.close()
    size = _settled_disk(database) - before
    results.add(
        Measurement(
            "an hour of 100 symbols: 5 trades/s + 5 books/s each",
            2 * count,
            "rows",
            seconds + spent[0],
            note=f"disk {size / 2**20:,.0f} MiB; a day: {48 * count / 1e6:,.0f} M rows, {24 * size / 2**30:,.1f} GiB",
        )
    )


def _books(stamps: pa.Array, seq: int, names: list[str], levels: int, rng: np.random.Generator) -> pa.Table:
    count = len(stamps)
    offsets = pa.array(np.arange(0, 2 * count + 1, 2, dtype=np.int32))
    inner = pa.array(np.arange(0, 2 * count * levels + 1, levels, dtype=np.int32))

    def side() -> pa.Array:
        flat = pa.array(np.round(rng.lognormal(1, 1, 2 * count * levels), 4))
        return pa.ListArray.from_arrays(offsets, pa.ListArray.from_arrays(inner, flat))

    return pa.table(
        {
            "timestamp": stamps,
            "session_id": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), ["bench_hour"]),
            "symbol": pa.DictionaryArray.from_arrays(rng.integers(0, len(names), count).astype(np.int32), names),
            "seq": np.arange(seq, seq + count),
            "bids": side(),
            "asks": side(),
            "version": np.arange(seq, seq + count),
            "exchange_ts": stamps,
            "received_ts": stamps,
        }
    )


def _settled_disk(database: Database) -> int:
    """Bytes on disk once the server has purged its write-ahead log, which it does every half minute."""
    database.wait_applied()
    time.sleep(PURGE_SECONDS)
    return _disk(database)


def _disk(database: Database) -> int:
    if database.import_folder is None:
        return 0
    root = database.import_folder.parent / "db"
    return sum(file.stat().st_blocks * 512 for file in root.rglob("*") if file.is_file())
