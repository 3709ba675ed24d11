"""Stopping, killing and resuming: nothing is lost and nothing is left behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from connectors.questdb.replay import ReplayProgress, ReplaySettings, ReplaySource
from connectors.questdb.sessions import SessionStore
from dataflows.sessions.control import StopRequest, request_stop, requested_stop, supervisor_of
from dataflows.sessions.describe import instant
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import read_progress
from operators.statistics import differences

PACED = ("--recovery", "--epoch-seconds", "0.1", "--speed", "1200")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


@pytest.fixture(scope="module")
def undisturbed(tapeflow, market, accounts) -> str:
    """The same backtest without any trouble."""
    return tapeflow("backtest", market.session_id, "--accounts", str(accounts), "--json").finished["session_id"]


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def started(environment, market, accounts, database_home):
    """Starts a paced backtest and waits until it flows; ends what is left of it after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], SessionFolder]:
        arguments = [sys.executable, "-P", "-m", "dataflows.cli.main", "backtest", market.session_id]
        process = subprocess.Popen(
            [*arguments, "--accounts", str(accounts), *PACED, *options, "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell's background jobs ignore Ctrl-C, and what they start does too
            preexec_fn=_heed_ctrl_c if sys.platform != "win32" else None,
        )
        running.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, SessionFolder.of(database_home, json.loads(line)["session_id"])

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(what, seconds: float = 120.0):
    """The first truthy value of `what()`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s")


def flowing(folder: SessionFolder, trades: int = 1) -> bool:
    content = folder.read("worker-0.json")
    return content is not None and json.loads(content)["trades"] >= trades


def undisturbed_trades(database, session_id: str) -> int:
    return SessionStore(database).latest(session_id).prices_count


def first_trades_after(database, session_id: str, moment: int) -> int:
    """Records that the first progress row with any after a moment (µs) tells."""
    database.wait_applied("session_progress")
    rows = database.query(
        "SELECT records FROM session_progress WHERE session_id = %s AND timestamp > %s::timestamp AND records > 0"
        " ORDER BY timestamp LIMIT 1",
        (session_id, moment),
    )
    return rows[0][0]


def workers(folder: SessionFolder) -> list[psutil.Process]:
    supervisor = supervisor_of(folder)
    return supervisor.children() if supervisor else []


@posix_only
def test_ctrl_c_ends_cleanly_and_resuming_gives_the_same_tables(
    tapeflow, database, results, approaches, started, undisturbed
):
    process, folder = started("--speed", "400")
    wait_for(lambda: flowing(folder, 2_000))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    session_id = folder.path.name
    assert json.loads(out.splitlines()[-1])["session_id"] == session_id
    stopped = SessionStore(database).latest(session_id)
    assert (stopped.status, stopped.cause) == ("STOPPED", "stopped on request")
    assert supervisor_of(folder) is None
    read_to = stopped.prices_count
    assert tapeflow("explain", session_id, "--json").finished["until"] == stopped.tape_to
    assert 2_000 <= read_to < undisturbed_trades(database, undisturbed)
    tapeflow("resume", session_id, "--json")
    assert first_trades_after(database, session_id, stopped.end_time) >= read_to, "it began anew"
    assert differences(results(undisturbed).by_table(), results(session_id).by_table()) == []
    assert approaches(undisturbed) == approaches(session_id)
    assert SessionStore(database).latest(session_id).cause == "finished"
    # the counts are those of the whole session
    told, stored = read_progress(folder), results(session_id)
    first = [event for event in stored.order_events if event.n == 0]
    assert (told.signals, told.orders, told.fills) == (len(stored.signals), len(first), len(stored.fills))
    assert min(told.signals, told.orders, told.fills) > 0


def test_a_source_that_is_stopped_before_its_first_slice_has_not_reached_the_end(database, market):
    told: list[ReplayProgress] = []
    settings = ReplaySettings(market.session_id, market.symbols, market.tape_from, market.tape_to)
    source = ReplaySource(database, settings, stop_requested=lambda: True, on_progress=told.append)
    part = source.build_part("tape", "tape", None)
    with pytest.raises(StopIteration):
        part.next_batch()
    part.close()
    assert [(progress.tape_ts, progress.trades) for progress in told] == [(market.tape_from, 0)]


def test_stop_works_by_the_session_id(tapeflow, database, market, started):
    process, folder = started("--speed", "200")
    wait_for(lambda: flowing(folder))
    session_id = folder.path.name
    refusal = tapeflow("db", "stop", expect=2).err
    assert session_id in refusal
    assert "--force" in refusal
    assert f"{session_id}: STOPPED, stopped on request" in tapeflow("stop", session_id).out
    out, _ = process.communicate(timeout=120)
    record = SessionStore(database).latest(session_id)
    assert record.status == "STOPPED"
    assert market.tape_from < record.tape_to < market.tape_to
    share = (record.tape_to - market.tape_from) / (market.tape_to - market.tape_from)
    finished = json.loads(out.splitlines()[-1])
    assert (finished["stopped_early"], finished["replayed_share"]) == (True, share)
    said = tapeflow("stop", session_id, expect=2).err
    assert "is not running: it ended on" in said
    assert "as STOPPED, stopped on request" in said
    assert (
        f"Stopped at {instant(record.tape_to)} UTC, {100 * share:.1f} %" in tapeflow("sessions", "show", session_id).out
    )
    lines = tapeflow("sessions", "list").out.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith(session_id))
    assert f"at {100 * share:.0f} %" in lines[row + 1]


@posix_only
def test_stopping_a_session_that_fails_instead_is_a_failure(environment, started):
    process, folder = started()
    wait_for(lambda: flowing(folder))
    (worker,) = workers(folder)
    worker.suspend()  # it cannot finish its slice
    command = [sys.executable, "-P", "-m", "dataflows.cli.main", "stop", folder.path.name]
    stopping = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: requested_stop(folder) is StopRequest.CLEAN)
    request_stop(folder, StopRequest.NOW)
    _, said = stopping.communicate(timeout=120)
    assert stopping.returncode == 1
    assert f"session {folder.path.name} FAILED: ended at once on request" in " ".join(said.split())
    process.communicate(timeout=120)


@posix_only
def test_a_second_ctrl_c_ends_at_once(tapeflow, database, started):
    process, folder = started()
    wait_for(lambda: flowing(folder))
    (worker,) = workers(folder)
    worker.suspend()  # it cannot finish its slice
    process.send_signal(signal.SIGINT)
    wait_for(lambda: requested_stop(folder) is StopRequest.CLEAN)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 1
    assert "at once on request" in SessionStore(database).latest(folder.path.name).error
    assert "FAILED" in tapeflow("explain", folder.path.name).out
    wait_for(lambda: not worker.is_running())


@posix_only
def test_workers_do_not_outlive_their_supervisor(tapeflow, results, approaches, started, undisturbed):
    process, folder = started()
    wait_for(lambda: flowing(folder, 2_000))
    (worker,) = workers(folder)
    supervisor_of(folder).kill()
    wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    _, err = process.communicate(timeout=120)
    assert "tapeflow resume" in err
    tapeflow("resume", folder.path.name, "--json")
    assert differences(results(undisturbed).by_table(), results(folder.path.name).by_table()) == []
    assert approaches(undisturbed) == approaches(folder.path.name)


@posix_only
def test_a_worker_that_dies_twice_of_two_processes_is_started_again(
    database, results, approaches, started, undisturbed
):
    process, folder = started("--workers", "2")
    for trades in (1_500, 3_000):
        wait_for(lambda trades=trades: flowing(folder, trades) and len(workers(folder)) == 2)
        random.choice(workers(folder)).kill()
        wait_for(lambda: len(workers(folder)) == 0)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert differences(results(undisturbed).by_table(), results(folder.path.name).by_table()) == []
    assert approaches(undisturbed) == approaches(folder.path.name)
    statuses = [version.status for version in SessionStore(database).versions(folder.path.name)]
    assert statuses.count("RECOVERING") == 2


def kill_once(started, results, approaches, undisturbed: str, seed: int) -> float:
    """Kill the flow at a random moment; the supervisor starts it again; the tables are as if nothing had happened."""
    moment = random.Random(seed).uniform(0.0, 4.0)
    # every other one with slices much shorter than the evaluation grid
    process, folder = started(*(("--slice-rows", "200") if seed % 2 else ()))
    wait_for(lambda: len(workers(folder)) == 1)
    wait_for(lambda: flowing(folder))
    time.sleep(moment)
    for worker in workers(folder):
        worker.kill()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert differences(results(undisturbed).by_table(), results(folder.path.name).by_table()) == []
    assert approaches(undisturbed) == approaches(folder.path.name)
    return moment


@posix_only
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_a_random_moment_the_tables_are_the_same(started, results, approaches, undisturbed, seed):
    kill_once(started, results, approaches, undisturbed, seed)


@posix_only
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_killed_at_twenty_random_moments_the_tables_are_the_same(started, results, approaches, undisturbed, seed):
    kill_once(started, results, approaches, undisturbed, seed)


def test_the_log_of_a_session_is_in_its_folder(database_home: Path, undisturbed: str):
    assert SessionFolder.of(database_home, undisturbed).log.is_file()
