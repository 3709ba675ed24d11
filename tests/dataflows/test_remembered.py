"""What is known of a collection's streams when it goes on: the same from the database and from the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.journal.entries import Entry, decode, encode
from connectors.mexc.records import Deal
from connectors.questdb.columns import NULL
from connectors.questdb.database import Database
from connectors.questdb.writer import TableWriter
from dataflows.remembered import KEPT_TRADES, RECENT_US, Observed, Remembered
from operators.tape import BOOKS_STREAM, TRADES_STREAM

SECOND = 1_000_000
BASE = 1_700_000_000 * SECOND
END = BASE + 1_000 * SECOND
A, B, C = "A_USDT", "B_USDT", "C_USDT"


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def event(session_id: str, seq: int, at: int, symbol: str, kind: str, stream: str = "") -> dict[str, Any]:
    payload = json.dumps({"stream": stream, "cause": "x"} if stream else {"cause": "x"})
    row = {"timestamp": at, "session_id": session_id, "symbol": symbol, "seq": seq}
    return row | {"kind": kind, "payload": payload}


def trade(session_id: str, seq: int, at: int, symbol: str, number: int) -> dict[str, Any]:
    return {
        "timestamp": at,
        "session_id": session_id,
        "symbol": symbol,
        "seq": seq,
        "price": 2.5,
        "volume": 4.0,
        "side": 1,
        "trade_id": number,
        "exchange_ts": at,
        "late": False,
    }


def gap(
    session_id: str, start: int, symbol: str, stream: str, end: int | None, recovered: int | None
) -> dict[str, Any]:
    head = {"timestamp": start, "session_id": session_id, "symbol": symbol, "stream": stream, "end_ts": end}
    return head | {"cause": "stalled", "recovered": recovered}


def tables(session_id: str) -> list[dict[str, dict[str, list[Any]]]]:
    """Two slices: A is observed, though its books have a gap; B had been stopped; C is gone."""
    first = [
        event(session_id, 0, BASE + 1, A, "observed_on", TRADES_STREAM),
        event(session_id, 1, BASE + 2, A, "observed_on", BOOKS_STREAM),
        event(session_id, 2, BASE + 3, B, "observed_on", TRADES_STREAM),
        event(session_id, 3, BASE + 4, C, "observed_on", TRADES_STREAM),
    ]
    later = [
        event(session_id, 4, END - 20 * SECOND, B, "observed_off", TRADES_STREAM),
        event(session_id, 5, END - 10 * SECOND, C, "symbol_removed"),
    ]
    trades = [trade(session_id, 100 + n, END - 400 * SECOND + n * SECOND, A, 7_000 + n) for n in range(300)]
    trades.append(trade(session_id, 500, END - 5 * SECOND, B, NULL))
    gaps = [
        gap(session_id, END - 300 * SECOND, A, TRADES_STREAM, None, None),
        gap(session_id, END - 90 * SECOND, A, BOOKS_STREAM, None, None),
    ]
    closed = [gap(session_id, END - 300 * SECOND, A, TRADES_STREAM, END - 290 * SECOND, 3)]
    return [
        {"tape_events": columns(first), "data_gaps": columns(gaps)},
        {"tape_events": columns(later), "data_gaps": columns(closed), "tick_prices": columns(trades)},
    ]


def journalled(session_id: str) -> Remembered:
    entries = []
    for number, each in enumerate(tables(session_id)):
        payload, _ = encode(each)
        entries.append(Entry(decode(bytes(payload)), BASE, END, number))
    return Remembered.journalled(iter(entries), BASE, 1.0)


def stored(database: Database, session_id: str) -> Remembered:
    for each in tables(session_id):
        for table, rows in each.items():
            with TableWriter(database, table) as writer:
                writer.write(rows)
    database.wait_applied("tape_events", "data_gaps", "tick_prices")
    return Remembered.stored(database, session_id, END, BASE, 1.0)


@pytest.fixture(params=["journal", "database"])
def known(request: pytest.FixtureRequest, new_session_id: str) -> Remembered:
    if request.param == "journal":
        return journalled(new_session_id)
    database: Database = request.getfixturevalue("database")
    return stored(database, new_session_id)


@pytest.mark.database
def test_streams_gaps_and_trades_are_remembered(known: Remembered) -> None:
    assert known.observed.until == {
        (A, TRADES_STREAM): None,
        (A, BOOKS_STREAM): None,
        (B, TRADES_STREAM): END - 20 * SECOND,
    }
    assert known.observed.removed == {C}
    assert list(known.lasting) == [(A, BOOKS_STREAM)]
    assert known.lasting[A, BOOKS_STREAM].start_us == END - 90 * SECOND
    # known from before, so that nobody records them again
    assert known.gaps == {A: [(END - 300 * SECOND, END - 290 * SECOND)]}
    assert known.signs.since(A, TRADES_STREAM, END) == END - 101 * SECOND


@pytest.mark.database
def test_only_the_newest_trades_are_kept_with_one_more_so_that_others_are_known_to_be_forgotten(
    known: Remembered,
) -> None:
    assert [deal.trade_id for deal in known.trades[A]] == list(range(7_300 - KEPT_TRADES, 7_300))
    assert known.trades[A][0] == Deal(7_300 - KEPT_TRADES, (END - 357 * SECOND) // 1_000, 2.5, 4.0, 1)
    assert [deal.trade_id for deal in known.trades[B]] == [None]
    assert known.trades_from_us == {A: END - 357 * SECOND, B: END - 5 * SECOND}


@pytest.mark.database
def test_a_journal_knows_nothing_of_what_was_before_it_and_the_database_of_what_is_old(
    database: Database, new_session_id: str
) -> None:
    assert journalled(new_session_id).known_from == BASE
    assert stored(database, new_session_id).known_from == END - RECENT_US


def test_trades_from_before_the_first_observation_do_not_count() -> None:
    observed = Observed.folded([(A, "observed_on", json.dumps({"stream": TRADES_STREAM}), 50_000)])
    known = journalled("s")
    early = Remembered(observed, {}, {}, {A: [Deal(1, 20, 1.0, 1.0, 1), Deal(2, 90, 1.0, 1.0, 1)]}, 0, known.signs)
    assert early.trades_from_us == {A: 50_000}
