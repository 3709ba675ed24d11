"""The managed QuestDB server of a project: started when it is needed, stopped on request, found again after a crash."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from connectors.processes import free_port, is_alive, port_is_free, spawn
from connectors.questdb.configuration import parse_configuration
from connectors.questdb.database import Database
from connectors.questdb.errors import DiskTooFull, PortTaken, ServerNotStarted, StorageError, StorageUnavailable
from connectors.questdb.jar import VERSION, find_jar
from connectors.questdb.java import find_java
from connectors.questdb.launch import (
    USER,
    command_line,
    prepare_root,
    read_password,
    server_environment,
)
from connectors.questdb.lock import exclusive
from connectors.questdb.migrate import migrate
from connectors.questdb.state import ServerState, find_server, forget_process, read_state, write_state

_HOST: Final = "127.0.0.1"
NEEDED_BYTES: Final = 200 * 1024 * 1024
"""Free space below which no server is started: a full disk would suspend tables at the first import."""
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
_RELEASE_SECONDS: Final = 5.0
_STALE_IMPORT_SECONDS: Final = 3600.0

# Servers that this process started: kept so that a dead one can be reaped.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What `tapeflow db status` tells. Version and ports are None where no server has ever run; the files and the
    process are None where the server is not ours.
    """

    running: bool
    version: str | None
    host: str
    http_port: int | None
    pg_port: int | None
    user: str
    password_file: str | None
    root: str | None
    pid: int | None


def root_of(home: Path) -> Path:
    """The folder of the managed server of a state folder."""
    return (home / "questdb").absolute()


def free_bytes(folder: Path) -> int:
    """Free space for `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def open_database(home: Path, configuration: str | None) -> Database:
    """The database to use: the external one that `configuration` names, else the managed server of `home`.

    The managed server is started when it does not run (also after a crash), the schema is brought up to date.
    """
    if configuration is not None:
        database = parse_configuration(configuration)
        migrate(database)
        return database
    root = root_of(home)
    if found := find_server(root):
        database = _database(root, found[1])
        with contextlib.suppress(StorageUnavailable):
            migrate(database)
            return database
    database = start_server(home)
    migrate(database)
    return database


def locate_database(home: Path, configuration: str | None) -> Database:
    """Where the database is, or was when it last ran: asks it nothing and starts nothing.

    Raises `StorageUnavailable` where the managed server of `home` has never run.
    """
    if configuration is not None:
        return parse_configuration(configuration)
    root = root_of(home)
    found = find_server(root)
    state = found[1] if found else read_state(root)
    if state is None:
        raise StorageUnavailable(f"no database has ever run in {root}; `tapeflow db start` starts it")
    return _database(root, state)


def revive_database(home: Path, configuration: str | None) -> Database:
    """`locate_database` for those who wait for it: a managed server that died is started again first.

    One that was stopped on purpose stays stopped, which raises `StorageUnavailable`.
    """
    database = locate_database(home, configuration)
    root = root_of(home)
    if configuration is not None or find_server(root) is not None:
        return database
    state = read_state(root)
    if state is not None and state.stopped:
        raise StorageUnavailable(f"the database of {home} has been stopped; `tapeflow db start` starts it")
    return open_database(home, None)


def start_server(
    home: Path,
    http_port: int | None = None,
    pg_port: int | None = None,
    *,
    java: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    free: Callable[[Path], int] = free_bytes,
    timeout: float = START_SECONDS,
) -> Database:
    """Start the managed server of `home` and return when it is healthy; one that runs already is returned as it is.

    Among concurrent processes one starts it and the others wait. Ports that are given must be free; otherwise those
    of the last start are used again if they are free, else new ones. `java` and `free` replace what is found.
    """
    root = root_of(home)
    with exclusive(root / "server.lock"):
        if found := find_server(root):
            _check_wish(found[1], http_port, pg_port)
            return _wait_healthy(root, found[0], found[1], timeout)
        runtime = find_java(java)
        jar = find_jar(environment)
        if (space := free(root)) < NEEDED_BYTES:
            raise DiskTooFull(
                f"{space // 2**20} MiB are free for {root}; the database needs at least {NEEDED_BYTES // 2**20} MiB: "
                "free some space or set TAPEFLOW_HOME to a folder on another disk"
            )
        _remove_leftovers(root)
        last = read_state(root)
        if last and last.pid is not None:
            _await_release(last)
        ports = _choose_ports(last, http_port, pg_port)
        try:
            return _start(root, runtime, jar, ports, environment, timeout)
        except PortTaken:
            # Somebody took a port between our look and the server's bind.
            if http_port or pg_port:
                raise
            return _start(root, runtime, jar, (free_port(), free_port()), environment, timeout)


def stop_server(home: Path, timeout: float = STOP_SECONDS) -> bool:
    """End the managed server in an orderly way (after `timeout` seconds: at once); False where none runs."""
    root = root_of(home)
    if not root.is_dir():
        return False
    with exclusive(root / "server.lock"):
        found = find_server(root)
        if found is None:
            forget_process(root, stopped=True)
            return False
        process, state = found
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            if not _ends_within(process, timeout):
                process.kill()
                if not _ends_within(process, timeout):
                    raise StorageUnavailable(f"the database server (process {process.pid}) does not end, even by force")
        _await_release(state)
        forget_process(root, stopped=True)
        return True


def server_status(home: Path) -> ServerStatus:
    """Whether the managed server runs, and where; starts nothing."""
    root = root_of(home)
    found = find_server(root)
    state = found[1] if found else read_state(root)
    return ServerStatus(
        running=found is not None,
        version=(state.version or VERSION) if state else None,
        host=_HOST,
        http_port=state.http_port if state else None,
        pg_port=state.pg_port if state else None,
        user=USER,
        password_file=str(root / "password"),
        root=str(root),
        pid=found[0].pid if found else None,
    )


def external_status(configuration: str) -> ServerStatus:
    """The same of an external database: running = it answers, and to our user."""
    database = parse_configuration(configuration)
    version: str | None = None
    with contextlib.suppress(StorageUnavailable):
        build = str(database.query("SELECT build()")[0][0])
        version = found[1] if (found := re.search(r"QuestDB ([\w.-]+)", build)) else build
    return ServerStatus(
        running=version is not None,
        version=version,
        host=database.host,
        http_port=database.http_port,
        pg_port=database.pg_port,
        user=database.user,
        password_file=None,
        root=None,
        pid=None,
    )


def running_database(home: Path) -> Database | None:
    """The managed database if its server runs; starts nothing, checks nothing else."""
    root = root_of(home)
    found = find_server(root)
    return _database(root, found[1]) if found else None


def _database(root: Path, state: ServerState) -> Database:
    return Database(_HOST, state.http_port, state.pg_port, USER, read_password(root), root / "import")


def _check_wish(state: ServerState, http_port: int | None, pg_port: int | None) -> None:
    if (http_port or state.http_port, pg_port or state.pg_port) != (state.http_port, state.pg_port):
        raise PortTaken(
            f"the database runs already on the ports {state.http_port} (HTTP) and {state.pg_port} (PostgreSQL); "
            "stop it first to move it: tapeflow db stop"
        )


def _await_release(last: ServerState) -> None:
    """A killed server's process is gone a moment before its ports and files are."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while not (port_is_free(last.http_port) and port_is_free(last.pg_port)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _choose_ports(last: ServerState | None, http_port: int | None, pg_port: int | None) -> tuple[int, int]:
    chosen: list[int] = []
    for option, wish, remembered in (
        ("--http-port", http_port, last.http_port if last else None),
        ("--pg-port", pg_port, last.pg_port if last else None),
    ):
        if wish is not None and not port_is_free(wish):
            raise PortTaken(f"port {wish} is taken by another program; give {option} another number, or none")
        if wish is not None:
            chosen.append(wish)
        elif remembered is not None and remembered not in chosen and port_is_free(remembered):
            chosen.append(remembered)
        else:
            chosen.append(free_port())
    return chosen[0], chosen[1]


def _start(
    root: Path, java: Path, jar: Path, ports: tuple[int, int], environment: Mapping[str, str], timeout: float
) -> Database:
    prepare_root(root, *ports, read_password(root))
    _unreaped_children()
    command = command_line(java, jar, root, *ports)
    child = spawn(command, root / "log" / "start.log", server_environment(environment), append=False)
    _children.append(child)
    try:
        process = psutil.Process(child.pid)
        state = ServerState(*ports, VERSION, child.pid, process.create_time())
    except psutil.NoSuchProcess:
        raise ServerNotStarted(_obituary(root)) from None
    write_state(root, state)
    return _wait_healthy(root, process, state, timeout)


def _wait_healthy(root: Path, process: psutil.Process, state: ServerState, timeout: float) -> Database:
    database = _database(root, state)
    deadline = time.monotonic() + timeout
    while True:
        try:
            database.check()
            return database
        except StorageError as error:
            last = error
        if not is_alive(process):
            forget_process(root)
            reason = _obituary(root)
            raise (PortTaken if "could not bind" in reason else ServerNotStarted)(reason)
        if time.monotonic() > deadline:
            raise ServerNotStarted(
                f"the database server (process {process.pid}) has not become healthy within {timeout:g} s "
                f"({str(last).partition(';')[0]}); see {root / 'log'}, or end it: tapeflow db stop"
            )
        time.sleep(0.05)


def _ends_within(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process) or process.pid in _unreaped_children():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _unreaped_children() -> set[int]:
    _children[:] = [child for child in _children if child.poll() is None]
    return {child.pid for child in _children}


def _obituary(root: Path) -> str:
    """Why the server died, from the last thing that it said about it."""
    log = root / "log" / "start.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    telling = [line.strip() for line in lines if re.search(r"^(?!\s*at ).*(Exception|Error|[Nn]o space)", line)]
    cause = telling[-1] if telling else (lines[-1].strip() if lines else "it said nothing")
    if "cannot lock table name registry" in cause:
        return f"another database server, started elsewhere, uses {root}: stop that one, or set another TAPEFLOW_HOME"
    return f"the database server ended while starting: {cause[:300]} (log: {log})"


def _remove_leftovers(root: Path) -> None:
    """What killed processes could not remove: unpacked libraries of the server, old pieces of bulk imports."""
    before = time.time() - _STALE_IMPORT_SECONDS
    for leftover in (*(root / "tmp").glob("*"), *(root / "import").glob("tapeflow-*.parquet")):
        with contextlib.suppress(OSError):
            if leftover.parent.name == "tmp" or leftover.stat().st_mtime < before:
                leftover.unlink()
