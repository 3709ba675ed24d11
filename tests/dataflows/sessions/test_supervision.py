"""A recording goes on by itself: crashed workers, an absent database, a stop at any time."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import psutil

from connectors.questdb.server import open_database, root_of, running_database, server_status, stop_server
from connectors.questdb.sessions import SessionStore
from connectors.questdb.state import find_server
from dataflows.sessions.control import StopRequest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import read_progress
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.restarts import RestartPolicy
from dataflows.sessions.versions import VersionSpool, tell_drained, write_waiting_versions
from dataflows.sessions.worker_report import read_symbols

TAPE_FROM = 1_800_000_000_000_000


def told(database, session_id):
    """The stored versions as (status, cause), checked to be in order."""
    versions = SessionStore(database).versions(session_id)
    assert [version.version for version in versions] == list(range(len(versions)))
    assert all(before.changed_at < after.changed_at for before, after in pairwise(versions))
    return [(str(version.status), version.cause) for version in versions]


def test_a_recording_whose_time_is_over_is_finished_with_its_counts(database, database_home, record):
    recording = record(database_home, duration_us=500_000)
    final = recording.end()
    assert (final.status, final.ended, final.cause, final.trades) == ("STOPPED", "complete", "finished", 50)
    assert told(database, recording.session_id) == [
        ("STARTING", "started"),
        ("RUNNING", "running"),
        ("STOPPING", "the duration is over"),
        ("STOPPED", "finished"),
    ]
    stored = SessionStore(database).latest(recording.session_id)
    assert (stored.mode, stored.prices_count, stored.orderbook_count, stored.records_collected) == (
        "collect",
        50,
        0,
        50,
    )
    assert (stored.tape_from, stored.tape_to) == (TAPE_FROM, TAPE_FROM + 500_000)
    assert (stored.gaps, stored.errors_count, stored.result_hash) == (2, 3, None)
    assert [row["symbol"] for row in read_symbols(recording.folder)] == ["A_USDT", "B_USDT"]
    assert list(recording.folder.path.glob("versions/*")) == []


def test_a_worker_that_keeps_dying_is_started_again_until_it_is_too_often(database, database_home, record, capfd):
    recording = record(database_home, policy=RestartPolicy(most=2, first_seconds=0.05))
    for _ in range(3):
        recording.kill_worker()
    final = recording.end()
    assert final.status == "FAILED"
    assert "3 crashes in 10 minutes; the last: a worker process was killed by signal 9" in final.error
    assert [status for status, _ in told(database, recording.session_id)] == [
        *("STARTING", "RUNNING", "RECOVERING", "RUNNING", "RECOVERING", "RUNNING", "FAILED"),
    ]
    stored = SessionStore(database).latest(recording.session_id)
    assert stored.error == final.error
    assert (stored.prices_count, stored.tape_from) == (final.trades, TAPE_FROM)
    assert stored.prices_count > 0
    said = capfd.readouterr().err
    assert f"CRITICAL session {recording.session_id} FAILED: 3 crashes" in said
    assert "started again in 0.05 s" in said
    assert "started again in 0.1 s" in said
    assert recording.workers() == []

    # the same id goes on where it was
    again = record(database_home, session_id=recording.session_id)
    again.wait_for(lambda: again.trades() > final.trades)
    again.stop()
    assert again.end().cause == "stopped on request"
    assert told(database, recording.session_id)[7:] == [
        ("RECOVERING", "started again"),
        ("RUNNING", "running"),
        ("STOPPING", "stop requested"),
        ("STOPPED", "stopped on request"),
    ]
    assert SessionStore(database).latest(recording.session_id).tape_from == TAPE_FROM


def test_a_second_stop_request_ends_at_once(database, database_home, record):
    recording = record(database_home)
    recording.wait_for(recording.trades)
    (worker,) = recording.workers()
    worker.suspend()
    recording.stop()
    recording.stop(StopRequest.NOW)
    assert "at once on request" in recording.end(10).error
    assert recording.workers() == []


def test_without_the_database_a_recording_goes_on_restarts_and_stops_and_tells_it_later(fresh_home, record):
    database = open_database(fresh_home, None)
    recording = record(fresh_home)
    recording.wait_for(recording.trades)
    stop_server(fresh_home)
    recording.wait_for(lambda: recording.progress().database_away)
    recording.kill_worker()
    recording.wait_for(lambda: recording.progress().restarts == 1 and recording.progress().status == "RUNNING")
    trades = recording.trades()
    recording.wait_for(lambda: recording.trades() > trades)
    recording.stop()
    final = recording.end()
    assert (final.status, final.error) == ("STOPPED", None)
    assert final.cause == "stopped on request, journal not drained: `tapeflow db drain` writes its 7 rows"
    assert not server_status(fresh_home).running, "it was stopped on purpose"
    waiting = VersionSpool(recording.folder).waiting()
    assert [str(version.status) for version in waiting] == ["RECOVERING", "RUNNING", "STOPPING", "STOPPED"]

    database = open_database(fresh_home, None)
    assert told(database, recording.session_id) == [("STARTING", "started"), ("RUNNING", "running")]
    # a session of another database is left alone
    assert write_waiting_versions(fresh_home, "http::addr=127.0.0.1:1;", database) == {}
    assert write_waiting_versions(fresh_home, None, database) == {recording.session_id: 4}
    assert told(database, recording.session_id)[2:] == [
        ("RECOVERING", "crash"),
        ("RUNNING", "started again after 0.05 s"),
        ("STOPPING", "stop requested"),
        ("STOPPED", final.cause),
    ]
    assert write_waiting_versions(fresh_home, None, database) == {}
    tell_drained(database, recording.session_id, 7)
    assert told(database, recording.session_id)[6:] == [("STOPPED", "journal drained: 7 rows written")]

    # a server that dies is started again by the session's supervisor, which then tells what it has kept
    again = record(fresh_home, session_id=recording.session_id)
    again.wait_for(lambda: again.trades() > final.trades)
    process, _ = find_server(root_of(fresh_home))
    process.kill()
    psutil.wait_procs([process], timeout=180)
    again.kill_worker()
    again.wait_for(lambda: running_database(fresh_home) is not None)
    again.wait_for(lambda: not VersionSpool(again.folder).waiting())
    again.wait_for(lambda: again.progress().restarts == 1 and again.progress().status == "RUNNING")
    again.stop()
    assert again.end().cause == "stopped on request"
    database = running_database(fresh_home)
    assert told(database, recording.session_id)[7:] == [
        ("RECOVERING", "started again"),
        ("RUNNING", "running"),
        ("RECOVERING", "crash"),
        ("RUNNING", "started again after 0.05 s"),
        ("STOPPING", "stop requested"),
        ("STOPPED", "stopped on request"),
    ]
    # progress was kept too: no second is missing for long
    database.wait_applied("session_progress")
    rows = database.query(
        "SELECT count() FROM session_progress WHERE session_id = %s AND timestamp > %s::timestamp",
        (recording.session_id, waiting[0].changed_at),
    )
    assert rows[0][0] >= 2


def test_starting_needs_the_database(tmp_path):
    plan = CollectPlan(
        session_id="collect_20261122_153000_00000000",
        home=str(tmp_path),
        database="http::addr=127.0.0.1:1;pg_port=1;username=a;password=b;",
        symbols=("A_USDT",),
        exchange="simulated",
        rest_url="http://127.0.0.1:1",
        websocket_url="ws://127.0.0.1:1",
    )
    folder = SessionFolder.of(tmp_path, plan.session_id)
    folder.write_plan(plan)
    command = [sys.executable, "-P", "-m", "dataflows.sessions.supervisor", str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 1
    assert "cannot start: no database answers at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    progress = read_progress(folder)
    assert (progress.status, progress.done) == ("FAILED", True)
    assert "no database answers" in progress.error
