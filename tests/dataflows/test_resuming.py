"""A collection that goes on while its database is away: from its journal and its snapshot alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.journal.drainer import Drainer
from connectors.journal.journal import Entry, Journal
from connectors.journal.segments import segment_numbers, segment_path
from connectors.mexc.source import LiveState
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageUnavailable
from dataflows.resuming import POWER_CUT, RESTART, Resumption
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import CollectPlan
from dataflows.totals import Totals, write_totals
from operators.slices import CutterState
from operators.tape import BOOKS_STREAM, TRADES_STREAM

SECOND = 1_000_000
BASE = 1_700_000_000 * SECOND
SESSION = "collect_20261122_153000_00000001"
A, B, C = "A_USDT", "B_USDT", "C_USDT"


def nobody() -> Database:
    raise StorageUnavailable("nobody there")


def observed(number: int, symbol: str, stream: str) -> Entry:
    """A second of the tape in which a stream began."""
    start = BASE + number * SECOND
    event = {"timestamp": start + 1, "session_id": SESSION, "symbol": symbol, "seq": number}
    event |= {"kind": "observed_on", "payload": json.dumps({"stream": stream, "cause": "x"})}
    return Entry({"tape_events": {name: [value] for name, value in event.items()}}, start, start + SECOND, number)


def traded(number: int, symbol: str) -> Entry:
    """A second of the tape with a trade at its beginning."""
    start = BASE + number * SECOND
    trade: dict[str, Any] = {"timestamp": start + 1, "session_id": SESSION, "symbol": symbol, "seq": number}
    trade |= {"price": 2.0, "volume": 1.0, "side": 1, "trade_id": number, "exchange_ts": start + 1_000, "late": False}
    return Entry({"tick_prices": {name: [value] for name, value in trade.items()}}, start, start + SECOND, number)


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    folder = SessionFolder.of(tmp_path, SESSION)
    folder.path.mkdir(parents=True)
    return folder


@contextmanager
def resumption(folder: SessionFolder) -> Iterator[Resumption]:
    plan = CollectPlan(
        session_id=SESSION,
        home=str(folder.path),
        database=None,
        symbols=(A, B, C),
        exchange="mexc",
        rest_url="",
        websocket_url="",
    )
    with Journal(folder.journal) as journal, Drainer(journal, nobody) as drainer:
        yield Resumption(plan, folder, journal, drainer)


def test_only_what_was_observed_is_interrupted(folder: SessionFolder) -> None:
    with Journal(folder.journal) as journal:
        journal.append(observed(0, A, TRADES_STREAM))
        journal.append(traded(1, A))
    with resumption(folder) as resumed:
        position = resumed.position(None)
        assert position is not None
        assert (position.watermark, position.next_seq, position.trades) == (BASE + 2 * SECOND, 2, 1)
        before = resumed.interrupted(position)
    # of its books nobody knows: it is here, so they may have been observed before the journal begins
    assert {(gap.symbol, gap.stream) for gap in before.gaps} == {(A, TRADES_STREAM), (A, BOOKS_STREAM)}
    trades = next(gap for gap in before.gaps if gap.stream == TRADES_STREAM)
    assert (trades.start_us, trades.cause) == (BASE + SECOND + 1_000, RESTART)
    assert [deal.trade_id for deal in before.trades[A]] == [1]
    assert before.known_from_us == BASE


def test_what_the_snapshot_knows_of_was_observed_too(folder: SessionFolder) -> None:
    with Journal(folder.journal) as journal:
        journal.append(traded(5, A))
    snapshot = LiveState(BASE, BASE + 5 * SECOND, 5, CutterState(3, BASE + 5 * SECOND, (A, B)), 70, 80, 2)
    with resumption(folder) as resumed:
        position = resumed.position(snapshot)
        assert position is not None
        assert (position.tape_from, position.next_seq, position.trades, position.books) == (BASE, 6, 71, 80)
        before = resumed.interrupted(position)
    assert {gap.symbol for gap in before.gaps} == {A, B}


def test_what_a_power_cut_took_from_the_middle_is_a_gap_of_its_own(folder: SessionFolder) -> None:
    with Journal(folder.journal, segment_bytes=1) as journal:
        journal.append(observed(0, A, TRADES_STREAM))
        for number in range(1, 5):
            journal.append(traded(number, A))
    torn = segment_path(folder.journal, segment_numbers(folder.journal)[2])
    os.truncate(torn, torn.stat().st_size - 1)
    with resumption(folder) as resumed:
        position = resumed.position(None)
        assert position is not None
        holes = resumed.interrupted(position).holes
    assert [(gap.symbol, gap.start_us, gap.end_us, gap.cause) for gap in holes if gap.stream == TRADES_STREAM] == [
        (A, BASE + 2 * SECOND, BASE + 3 * SECOND, POWER_CUT)
    ]


def test_counts_go_on_where_they_were(folder: SessionFolder) -> None:
    totals = Totals(gaps=7, duplicates=5, malformed=4, dropped=3, reconnects=2)
    write_totals(folder, totals)
    with resumption(folder) as resumed:
        assert resumed.position(None) is None
        assert resumed.totals == totals
