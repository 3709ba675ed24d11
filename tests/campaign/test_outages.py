"""What becomes of a collection while its database is away, and how it ends, goes on and leaves nothing behind.

`TAPEFLOW_SOAK_OUTAGE` is the length of the long outage in seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from connectors.processes import is_alive
from connectors.questdb.database import Database
from connectors.questdb.server import open_database, stop_server
from connectors.questdb.sessions import SessionStore
from dataflows.collecting import CollectRequest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch
from dataflows.sessions.progress import SessionProgress
from operators.session import Status
from tests.campaign.comparison import Comparison, compare
from tests.campaign.programs import (
    END_SECONDS,
    Collection,
    Exchange,
    collection,
    exchange,
    planned_collection,
    run_tapeflow,
    wait_until,
)

NAMES = ("AAA_USDT", "BBB_USDT", "CCC_USDT", "DDD_USDT")
SPEED = 2.0
TAPE_TABLES = ("tick_prices", "tick_orderbook", "tape_events", "funding_rates", "mark_prices")


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Exchange]:
    """An exchange on which much happens, twice as fast as in reality."""
    with exchange(tmp_path, NAMES, "--speed", f"{SPEED:g}", "--tempo", "10") as running:
        yield running


def options(venue: Exchange) -> tuple[str, ...]:
    return ("--exchange", venue.address, "--symbols", ",".join(NAMES), "--speed", f"{SPEED:g}")


def rows_waiting(session: Collection) -> int:
    collected = session.progress.collected
    return 0 if collected is None else collected.journal_rows


def compared(session: Collection, venue: Exchange) -> Comparison:
    database = open_database(session.home, None)
    found = compare(database, session.session_id, venue.truth, book_delay_us=round(SPEED * 5e6))
    assert not found.faults, (found.faults, found.summary())
    return found


class PrefixWatch:
    """Looks at the tape's tables while a journal is emptied into them. Rows are in the journal in the order of their
    numbers, so each look at a table must find all of its rows up to the largest number that is there."""

    def __init__(self, session: Collection) -> None:
        self._session = session
        self.looks: set[tuple[str, int, int]] = set()

    def look(self) -> None:
        database = open_database(self._session.home, None)
        for table in TAPE_TABLES:
            count, largest = self._query(database, table, 1 << 62)
            if largest is not None:
                self.looks.add((table, count, largest))

    def check(self) -> None:
        """After everything has been stored."""
        database = open_database(self._session.home, None)
        for table, count, largest in sorted(self.looks):
            assert self._query(database, table, largest) == (count, largest), table

    def _query(self, database: Database, table: str, until: int) -> tuple[Any, ...]:
        return database.query(
            f"SELECT count(), max(seq) FROM {table} WHERE session_id = %s AND seq <= %s",
            (self._session.session_id, until),
        )[0]


def outage(home: Path, venue: Exchange, seconds: float) -> dict[str, Any]:
    """Stop the database for so many seconds while something is recorded; nothing may be missing."""
    with collection(home, *options(venue)) as session:
        session.wait_recording(200)
        watch = PrefixWatch(session)
        watch.look()
        stop_server(home)
        began = session.progress.trades
        noticed = session.wait_for(lambda progress: progress.database_away)
        waiting = rows_waiting(session)
        time.sleep(seconds)
        session.wait_for(lambda progress: progress.trades > began and rows_waiting(session) > waiting + 100)
        during = session.progress
        assert during.collected is not None
        assert during.collected.database_away
        open_database(home, None)

        def is_drained(progress: SessionProgress) -> bool:
            watch.look()
            return not progress.database_away and rows_waiting(session) < 1_000

        drained = session.wait_for(is_drained)
        watch.look()
        final = session.stop()
        found = compared(session, venue)
        watch.look()
        watch.check()
    assert final.collected is not None
    assert (found.gaps, found.late, found.in_gaps) == (0, 0, 0)
    assert found.recorded == found.true_trades
    assert (final.trades, final.books) == (found.on_time, found.books)
    assert (final.collected.journal_rows, final.restarts) == (0, 0)
    return {
        "noticed after": noticed,
        "rows in the journal": during.collected.journal_rows,
        "MiB": during.collected.journal_bytes / 2**20,
        "drained after": drained,
        "looks": len(watch.looks),
        "found": found.summary(),
    }


def test_nothing_is_lost_while_the_database_is_stopped(fresh_home, venue):
    outage(fresh_home, venue, 10.0)


@pytest.mark.soak
def test_nothing_is_lost_while_the_database_is_stopped_for_long(fresh_home, venue):
    print(outage(fresh_home, venue, float(os.environ.get("TAPEFLOW_SOAK_OUTAGE", "120"))))


def test_a_killed_worker_goes_on_from_the_journal_alone(fresh_home, venue):
    with collection(fresh_home, *options(venue)) as session:
        session.wait_recording(200)
        stop_server(fresh_home)
        session.wait_for(lambda progress: progress.database_away)
        session.kill_worker()
        away = session.progress
        assert away.database_away
        session.wait_recording(away.trades + 50)
        open_database(fresh_home, None)
        session.wait_for(lambda progress: not progress.database_away)
        final = session.stop()
        found = compared(session, venue)
        assert found.causes == {"restart of the collector": 2 * len(NAMES)}
        assert (final.trades, final.books) == (found.on_time, found.books)
        record = SessionStore(open_database(fresh_home, None)).latest(session.session_id)
        assert record is not None
        assert (record.status, record.prices_count) == (Status.STOPPED, found.on_time)


def test_a_full_journal_ends_the_session_and_drain_writes_what_is_in_it(fresh_home, venue):
    request = CollectRequest(exchange=venue.address, symbols=NAMES, clock_rate=SPEED)
    open_database(fresh_home, None)
    with planned_collection(fresh_home, request, journal_bytes=200_000) as session:
        session.wait_recording(100)
        stop_server(fresh_home)
        final = session.wait_end()
        assert final.status == "FAILED"
        assert final.error is not None
        assert "journal" in final.error
        assert "is full" in final.error
        assert final.restarts == 0
        rows = final.collected.journal_rows if final.collected else 0
        assert rows > 100

        drained = json.loads(run_tapeflow(fresh_home, "db", "drain", "--json").splitlines()[0])
        assert drained["rows_written"] >= rows
        assert drained["rows_left"] == 0
        found = compared(session, venue)
        assert found.recorded == found.true_trades > 100
        versions = SessionStore(open_database(fresh_home, None)).versions(session.session_id)
        assert versions[-1].status is Status.FAILED
        assert "is full" in (versions[-1].error or "")
        assert "journal drained" in (versions[-1].cause or "")

        # and it can go on
        following = session.resume()
        session.wait_for(lambda progress: progress.trades > found.on_time + 50)
        session.stop()
        following.wait(END_SECONDS)
        again = compared(session, venue)
        assert again.causes == {"restart of the collector": 2 * len(NAMES)}
        assert again.recorded > found.recorded


def test_a_stopped_session_goes_on_with_a_gap_for_the_time_between(database_home, venue):
    with collection(database_home, *options(venue)) as session:
        session.wait_recording(100)
        first = session.stop()
        time.sleep(2.0)
        following = session.resume()
        session.wait_for(lambda progress: progress.trades > first.trades + 50)
        assert first.tape_ts is not None
        final = session.stop()
        assert following.wait(END_SECONDS) == 0
        found = compared(session, venue)
        # a stream that had not begun when the session was stopped has no gap
        assert list(found.causes) == ["the session was stopped"]
        assert len(NAMES) < found.causes.total() <= 2 * len(NAMES)
        assert (final.trades, final.books) == (found.on_time, found.books)
        assert found.in_gaps > 0 or found.late > 0


def test_a_session_whose_duration_is_over_is_not_resumed(database_home):
    asked = ("--exchange", "simulated", "--symbols", "AAA_USDT", "--speed", "10", "--duration", "20s")
    with collection(database_home, *asked) as session:
        final = session.wait_end()
        assert (final.status, final.ended) == ("STOPPED", "complete")
        run_tapeflow(database_home, "resume", session.session_id, expect=2)
        # a worker that is started all the same finds nothing to do, and no gap is opened for that
        folder = SessionFolder.of(database_home, session.session_id)
        again = follow(folder, launch(folder), lambda _: None)
        assert (again.status, again.ended, again.error) == ("STOPPED", "complete", None)
        assert (again.tape_ts, again.trades, again.books) == (final.tape_ts, final.trades, final.books)
        assert again.collected is not None
        assert final.collected is not None
        assert again.collected.gaps == final.collected.gaps == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_terminated_supervisor_ends_everything_that_it_has_started(database_home):
    asked = ("--exchange", "simulated", "--symbols", "AAA_USDT,BBB_USDT", "--speed", "10")
    with collection(database_home, *asked) as session:
        session.wait_recording(20)
        processes = session.processes()
        names = {name for process in processes for name in process.cmdline() if name.startswith("dataflows.sessions.")}
        assert names == {"dataflows.sessions.supervisor", "dataflows.sessions.worker", "dataflows.sessions.companion"}
        processes[0].send_signal(signal.SIGTERM)
        first = session.wait_end()
        assert (first.status, first.ended) == ("STOPPED", "stopped")
        wait_until(lambda: not any(map(is_alive, processes)), END_SECONDS, "end of all processes")

        # its exchange, which had run ahead of our time, goes on from there
        following = session.resume()
        session.wait_for(lambda progress: progress.trades > first.trades + 20)
        final = session.stop()
        assert following.wait(END_SECONDS) == 0
        assert final.collected is not None
        assert final.collected.duplicates == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_nothing_outlives_a_killed_supervisor(database_home):
    with collection(database_home, "--exchange", "simulated", "--symbols", "AAA_USDT") as session:
        session.wait_recording()
        processes = session.processes()
        assert len(processes) == 3
        processes[0].kill()
        wait_until(lambda: not any(map(is_alive, processes)), END_SECONDS, "end of all processes")
        assert not [each for each in psutil.Process().children() if session.session_id in " ".join(each.cmdline())]
