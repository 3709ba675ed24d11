"""Importing a log that has trades, books and events in one file, into the real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from dataflows.importing import ImportRequest, import_files

START = 1_700_000_000_000
SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def line(stream: str, **data: object) -> str:
    return json.dumps({"stream": stream, "data": {"s": "AB", "E": START, **data}}) + "\n"


def trade(at: int, number: int) -> str:
    return line("ab@trade", e="trade", T=START + at, t=number, p="100.5", q="0.25", m=False)


def change(at: int, before: int, last: int) -> str:
    levels = {"b": [["100", str(last)]], "a": [["101", "2"]]}
    return line("ab@depth", e="depthUpdate", T=START + at, U=last, u=last, pu=before, **levels)


SNAPSHOT = json.dumps({"lastUpdateId": 5, "T": START, "bids": [["100", "1"]], "asks": [["101", "1"]]}) + "\n"


def test_trades_books_and_events_of_one_file_are_one_tape(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "ab.log"
    file.write_text(
        trade(0, 1) + change(1, 4, 5) + SNAPSHOT + change(200, 5, 6) + trade(250, 2) + change(300, 8, 9) + "broken\n"
    )
    outcome = import_files(database, ImportRequest([file]))
    assert (outcome.format, outcome.symbols) == ("binance-ws", ("AB",))
    assert (outcome.trades, outcome.books, outcome.rejected) == (2, 2, 2)
    record = SessionStore(database).latest(outcome.session_id)
    assert record is not None
    assert record.data_types == ("trades", "books")
    tape = []
    for table, column in (
        ("tick_prices", "cast(trade_id AS VARCHAR)"),
        ("tick_orderbook", "''"),
        ("tape_events", "kind"),
    ):
        tape += database.query(
            f"SELECT seq, '{table}', cast(timestamp AS LONG), {column} FROM {table} WHERE session_id = %s",
            [outcome.session_id],
        )
    head, rest = sorted(tape)[:3], sorted(tape)[3:]
    assert [(table, ts - START * 1_000, text) for _, table, ts, text in head] == [
        ("tape_events", 0, "observed_on"),
        ("tape_events", 0, "observed_on"),
        ("tape_events", 0, "contract"),
    ]
    assert [seq for seq, *_ in sorted(tape)] == list(range(8))
    assert [(table, ts - START * 1_000, text) for _, table, ts, text in rest] == [
        ("tick_prices", 0, "1"),
        ("tick_orderbook", 1_000, ""),
        ("tick_orderbook", 200_000, ""),
        ("tick_prices", 250_000, "2"),
        ("tape_events", 300_000, "book_invalid"),
    ]
    letters = database.query(
        "SELECT stream, line, reason FROM dead_letters WHERE session_id = %s ORDER BY line", [outcome.session_id]
    )
    assert letters == [
        ("books", 6, "no book: no snapshot joins the 1 changes of AB from here on"),
        ("websocket", 7, "'broken' is no time of arrival and no JSON object"),
    ]


def test_a_log_without_a_snapshot_is_a_tape_of_trades(database: Database) -> None:
    file = SHARED / "binance_ws" / "spot_ethusdt_20240809.gz"
    if not file.is_file():
        pytest.skip("the sample logs are not here")
    outcome = import_files(database, ImportRequest([file]))
    assert (outcome.trades, outcome.books, outcome.rejected) == (8_409, 0, 1)
    record = SessionStore(database).latest(outcome.session_id)
    assert record is not None
    assert record.data_types == ("trades",)
