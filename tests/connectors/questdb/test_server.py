"""The managed server's life: started once, found again, restarted after a crash."""

from __future__ import annotations

import dataclasses
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import urllib3

from connectors.questdb.database import Database
from connectors.questdb.errors import PortTaken, ServerNotStarted, StorageRejected, StorageUnavailable
from connectors.questdb.server import (
    locate_database,
    open_database,
    revive_database,
    root_of,
    running_database,
    server_status,
    start_server,
    stop_server,
)
from connectors.questdb.state import read_state, write_state
from connectors.questdb.writer import TableWriter

pytestmark = pytest.mark.database


def test_concurrent_callers_share_one_server_and_stop_it_once(fresh_home: Path) -> None:
    with ThreadPoolExecutor(4) as callers:
        databases = list(callers.map(lambda _: open_database(fresh_home, None), range(4)))
    assert len(set(databases)) == 1
    status = server_status(fresh_home)
    assert status.running
    assert status.version == "9.3.4"

    with pytest.raises(PortTaken, match="runs already on the ports"):
        start_server(fresh_home, http_port=1)

    assert stop_server(fresh_home)
    assert not stop_server(fresh_home)
    assert status.pid is not None
    assert not psutil.pid_exists(status.pid)
    after = server_status(fresh_home)
    assert (after.running, after.pid) == (False, None)
    assert (after.http_port, after.pg_port) == (status.http_port, status.pg_port)
    with pytest.raises(StorageUnavailable, match="tapeflow db start"):
        databases[0].query("SELECT 1")
    assert running_database(fresh_home) is None
    # it is remembered where it was, and that somebody wanted it stopped
    assert locate_database(fresh_home, None) == databases[0]
    with pytest.raises(StorageUnavailable, match="has been stopped"):
        revive_database(fresh_home, None)
    with pytest.raises(StorageUnavailable, match="no database has ever run"):
        locate_database(fresh_home / "elsewhere", None)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and process groups")
def test_only_its_owner_can_use_it_and_ctrl_c_does_not_reach_it(database: Database, database_home: Path) -> None:
    status = server_status(database_home)
    assert status.password_file is not None
    assert stat.S_IMODE(os.stat(status.password_file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(root_of(database_home)).st_mode) == 0o700
    assert status.pid is not None
    assert os.getsid(status.pid) != os.getsid(0)
    answer = urllib3.request("GET", f"http://127.0.0.1:{status.http_port}/exec?query=SELECT%201", retries=False)
    assert answer.status == 401
    listening = {c.laddr.ip for c in psutil.Process(status.pid).net_connections() if c.status == "LISTEN"}
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    stranger = dataclasses.replace(database, user="stranger")
    for ask in (stranger.query, stranger.export):
        with pytest.raises(StorageRejected, match="refuses the user 'stranger'"):
            ask("SELECT 1")


def test_a_killed_server_comes_back_with_all_rows_and_its_ports(
    database: Database, fresh_home: Path, new_session_id: str
) -> None:
    own = open_database(fresh_home, None)
    assert {own.http_port, own.pg_port}.isdisjoint({database.http_port, database.pg_port})
    row = {"timestamp": [1_700_000_000_000_000], "session_id": [new_session_id], "account": ["main"], "equity": [1.0]}
    with TableWriter(own, "equity") as writer:
        writer.write(row)
    pid = server_status(fresh_home).pid
    assert pid is not None
    psutil.Process(pid).kill()
    _wait_until_dead(pid)
    assert not server_status(fresh_home).running

    again = revive_database(fresh_home, None)

    assert again == own
    again.wait_applied("equity")
    count = "SELECT count() FROM equity WHERE session_id = %s"
    assert again.query(count, [new_session_id]) == [(1,)]
    assert database.query(count, [new_session_id]) == [(0,)]

    # A process id that is used again by a stranger, and a state file that is lost, do not mislead.
    root = root_of(fresh_home)
    running = server_status(fresh_home)
    state = read_state(root)
    assert state is not None
    write_state(root, dataclasses.replace(state, pid=os.getpid(), created=psutil.Process().create_time()))
    assert server_status(fresh_home) == running
    (root / "server.json").unlink()
    assert server_status(fresh_home).pid == running.pid
    assert open_database(fresh_home, None) == own

    if sys.platform != "win32":
        # A server that hangs is named, and stopped by force.
        assert running.pid is not None
        os.kill(running.pid, signal.SIGSTOP)
        while psutil.Process(running.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        with pytest.raises(ServerNotStarted, match="has not become healthy"):
            start_server(fresh_home, timeout=0.1)
        assert stop_server(fresh_home, timeout=0.2)
        assert not server_status(fresh_home).running


def test_one_process_stops_the_server_that_another_one_started_and_still_lives(fresh_home: Path) -> None:
    starter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys, time; from connectors.questdb.server import start_server;"
            "start_server(pathlib.Path(sys.argv[1])); print('started', flush=True); time.sleep(60)",
            str(fresh_home),
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert starter.stdout is not None
        assert starter.stdout.readline().strip() == b"started"
        start = time.monotonic()
        assert stop_server(fresh_home)
        assert time.monotonic() - start < 10
        assert not server_status(fresh_home).running
    finally:
        starter.kill()
        starter.wait()
        assert starter.stdout is not None
        starter.stdout.close()


def _wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
