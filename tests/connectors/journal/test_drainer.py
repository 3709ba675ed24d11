"""The drainer empties the journal in order, waits for a database that is away, and stops where rows are refused."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from pydantic import SecretStr

from connectors.journal.drainer import Drainer
from connectors.journal.journal import Entry, Journal
from connectors.questdb.columns import Columns
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageRejected, StorageUnavailable
from connectors.questdb.server import locate_database, open_database, revive_database, server_status, stop_server

if TYPE_CHECKING:
    from tests.connectors.journal.conftest import MakeSlice

pytestmark = pytest.mark.database

TRADES = "SELECT count(), min(seq), max(seq), count_distinct(seq) FROM tick_prices WHERE session_id = %s"
BOOKS = "SELECT count() FROM tick_orderbook WHERE session_id = %s"
SECONDS = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal", segment_bytes=50_000) as journal:
        yield journal


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server of our own that may be stopped and killed; it runs when a test begins."""
    home = tmp_path_factory.mktemp("own") / "home"
    open_database(home, None)
    yield home
    stop_server(home)


def test_slices_are_written_while_others_are_appended(
    database: Database, new_session_id: str, journal: Journal, make_slice: MakeSlice
) -> None:
    with Drainer(journal, lambda: database) as drainer:

        def append() -> None:
            for number in range(200):
                journal.append(make_slice(number, new_session_id))

        appender = threading.Thread(target=append)
        appender.start()
        wait_until(lambda: drainer.status.rows_drained > 100)
        appender.join()
        assert drainer.flush(SECONDS)
        status = drainer.status
    assert (status.rows_drained, status.rows_waiting, status.bytes_waiting) == (2_400, 0, 0)
    assert (status.outages, status.unavailable_since_us, status.unavailable_cause) == (0, None, None)
    database.wait_applied("tick_prices", "tick_orderbook")
    assert database.query(TRADES, [new_session_id]) == [(2_000, 0, 2_397, 2_000)]
    assert database.query(BOOKS, [new_session_id]) == [(400,)]
    stored = database.export(
        f"SELECT bids, asks FROM tick_orderbook WHERE session_id = '{new_session_id}' AND seq = 2398"
    )
    assert stored["bids"].to_pylist() == [[[2398.0, 2398.0], [2398.0, 2398.0]]]
    assert stored["asks"].to_pylist() == [[[2399.0, 2399.0], [2399.0, 2399.0]]]


def test_rows_of_a_table_arrive_in_the_order_of_the_journal(
    database: Database, new_session_id: str, journal: Journal
) -> None:
    states = ["NEW", *["PARTIALLY_FILLED"] * 40, "FILLED"]
    for index, state in enumerate(states):
        journal.append_rows(
            {
                "orders": {
                    "timestamp": [1_700_000_000_000_000],
                    "order_id": [new_session_id],
                    "session_id": [new_session_id],
                    "state": [state],
                    "filled_quantity": [float(index)],
                }
            }
        )
        if index % 7 == 0:
            with Drainer(journal, lambda: database) as drainer:
                assert drainer.flush(SECONDS)
    with Drainer(journal, lambda: database) as drainer:
        assert drainer.flush(SECONDS)
    database.wait_applied("orders")
    stored = database.query("SELECT state, filled_quantity FROM orders WHERE session_id = %s", [new_session_id])
    assert stored == [("FILLED", 41.0)]


def test_rows_sent_again_after_a_death_before_the_cursor_are_stored_once(
    database: Database, new_session_id: str, tmp_path: Path, make_slice: MakeSlice
) -> None:
    with Journal(tmp_path / "j") as journal:
        for number in range(50):
            journal.append(make_slice(number, new_session_id))
    shutil.copytree(tmp_path / "j", tmp_path / "before")
    for folder in (tmp_path / "j", tmp_path / "before"):
        with Journal(folder) as journal, Drainer(journal, lambda: database) as drainer:
            assert drainer.flush(SECONDS)
            assert drainer.status.rows_drained == 600
    database.wait_applied("tick_prices", "tick_orderbook")
    assert database.query(TRADES, [new_session_id]) == [(500, 0, 597, 500)]
    assert database.query(BOOKS, [new_session_id]) == [(100,)]


def test_a_database_that_is_stopped_and_started_meanwhile_gets_everything(
    own_home: Path, journal: Journal, make_slice: MakeSlice
) -> None:
    with Drainer(journal, partial(revive_database, own_home, None), longest_pause=0.2) as drainer:
        journal.append(make_slice(0))
        assert drainer.flush(SECONDS)
        stop_server(own_home)
        before = time.time_ns() // 1000
        for number in range(1, 30):
            journal.append(make_slice(number))
        # stopped on purpose: it is not started again, and nothing is lost meanwhile
        wait_until(lambda: drainer.status.unavailable_since_us is not None)
        assert not drainer.flush(0.5)
        status = drainer.status
        assert status.rows_waiting == 29 * 12
        assert status.bytes_waiting == journal.bytes > 0
        assert status.outages == 1
        assert before <= (status.unavailable_since_us or 0) <= time.time_ns() // 1000
        assert "stopped" in (status.unavailable_cause or "")
        assert not server_status(own_home).running
        database = open_database(own_home, None)
        assert drainer.flush(SECONDS)
        assert drainer.status.unavailable_since_us is None
    database.wait_applied("tick_prices")
    assert database.query(TRADES, ["s"]) == [(300, 0, 357, 300)]


def test_a_database_that_was_killed_is_started_again(
    own_home: Path, new_session_id: str, journal: Journal, make_slice: MakeSlice
) -> None:
    pid = server_status(own_home).pid
    assert pid is not None
    with Drainer(journal, partial(revive_database, own_home, None), longest_pause=0.2) as drainer:
        for number in range(60):
            journal.append(make_slice(number, new_session_id))
            if number == 30:
                psutil.Process(pid).kill()
            time.sleep(0.01)
        assert drainer.flush(SECONDS)
        assert drainer.status.outages == 1
    database = locate_database(own_home, None)
    database.wait_applied("tick_prices")
    assert database.query(TRADES, [new_session_id]) == [(600, 0, 717, 600)]


def test_a_database_counts_as_back_when_it_answers_though_nothing_waits_for_it(
    database: Database, journal: Journal
) -> None:
    answers = threading.Event()

    def sometimes() -> Database:
        if not answers.is_set():
            raise StorageUnavailable("nobody there")
        return database

    with Drainer(journal, sometimes, longest_pause=0.2) as drainer:
        journal.append(Entry({}, 1, 2, 3))
        wait_until(lambda: drainer.status.unavailable_since_us is not None)
        answers.set()
        wait_until(lambda: drainer.status.unavailable_since_us is None)
        assert (drainer.status.outages, drainer.status.unavailable_cause) == (1, None)


def test_ending_while_the_database_is_away_is_quick_and_keeps_the_rows(journal: Journal, make_slice: MakeSlice) -> None:
    def nobody() -> Database:
        raise StorageUnavailable("nobody there")

    drainer = Drainer(journal, nobody)
    drainer.start()
    journal.append(make_slice(0))
    wait_until(lambda: drainer.status.unavailable_cause == "nobody there")
    closing = threading.Thread(target=drainer.close)
    closing.start()
    closing.join(SECONDS)
    assert not closing.is_alive(), "the pause until the next attempt is not waited out"
    assert journal.rows == 12
    drainer.check()
    assert not drainer.flush(SECONDS)


def test_rows_that_are_refused_stop_the_drainer_in_front_of_them(database: Database, journal: Journal) -> None:
    table = f"test_journal_{uuid.uuid4().hex[:8]}"
    database.execute(
        f"CREATE TABLE {table} (timestamp TIMESTAMP, x LONG) TIMESTAMP(timestamp) PARTITION BY DAY WAL "
        "DEDUP UPSERT KEYS(timestamp)"
    )
    try:
        for number in range(6):
            more = {"colour": ["red"]} if number == 3 else {}
            rows: Columns = {"timestamp": [number], "x": [number], **more}
            journal.append(Entry({table: rows}, number, number + 1, number))
        with Drainer(journal, lambda: database) as drainer:
            with pytest.raises(StorageRejected, match=rf"{table} has no column 'colour'.*segment 1, up to byte \d+"):
                drainer.flush(SECONDS)
            with pytest.raises(StorageRejected, match="nothing is dropped"):
                drainer.check()
            journal.append(Entry({table: {"timestamp": [6], "x": [6]}}, 6, 7, 6))
            assert drainer.status.rows_drained == 3
            assert drainer.status.rows_waiting == 4
        assert [entry.last_seq for entry in journal.entries_after(2)] == [3, 4, 5, 6]
        database.execute(f"ALTER TABLE {table} ADD COLUMN colour SYMBOL")
        database.wait_applied(table)
        with Drainer(journal, lambda: database) as drainer:
            assert drainer.flush(SECONDS)
        database.wait_applied(table)
        assert database.query(f"SELECT x, colour FROM {table}") == [
            (number, "red" if number == 3 else None) for number in range(7)
        ]
    finally:
        database.execute(f"DROP TABLE {table}")


def test_a_failure_that_nobody_foresaw_is_told_too(journal: Journal) -> None:
    def broken() -> Database:
        raise ZeroDivisionError("a bug")

    journal.append_rows({"equity": {"timestamp": [1]}})
    with Drainer(journal, broken) as drainer, pytest.raises(ZeroDivisionError):
        drainer.flush(SECONDS)


def test_an_empty_slice_asks_nothing_of_the_database(journal: Journal) -> None:
    nowhere = Database("127.0.0.1", 1, 1, "nobody", SecretStr(""), None)
    with Drainer(journal, lambda: nowhere) as drainer:
        journal.append(Entry({}, 1, 2, 3))
        assert drainer.flush(SECONDS)
    assert journal.bytes == 0
