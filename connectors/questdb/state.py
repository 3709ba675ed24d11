"""What is remembered of a managed server between commands, and which process it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from connectors.processes import ProcessIdentity, is_alive
from connectors.questdb.launch import PORTS_MARK, SERVER_CLASS, write_private


@dataclass(frozen=True, slots=True)
class ServerState:
    """The ports of a root and the process that serves it (`pid` None: none); `stopped` where somebody wanted that."""

    http_port: int
    pg_port: int
    version: str
    pid: int | None = None
    created: float | None = None
    stopped: bool = False


def read_state(root: Path) -> ServerState | None:
    """What the last start wrote, or None where nothing readable is there."""
    try:
        fields = json.loads((root / "server.json").read_text(encoding="utf-8"))
        return ServerState(**fields)
    except (OSError, ValueError, TypeError):
        return None


def write_state(root: Path, state: ServerState) -> None:
    """Remember, whole or not at all."""
    write_private(root / "server.json", json.dumps(asdict(state)))


def find_server(root: Path) -> tuple[psutil.Process, ServerState] | None:
    """The process that serves `root`, whoever started it, or None.

    A remembered process id counts only if the process is as old as remembered and was started for this root: ids are
    used again. Where the memory is lost or wrong, the processes are searched for a server of this root.
    """
    state = read_state(root)
    if state and state.pid is not None and state.created is not None:
        process = ProcessIdentity(state.pid, state.created).process()
        if process and _command(process, root):
            return process, state
    if not (root / "conf").is_dir():
        return None
    for process in psutil.process_iter():
        if (ports := _ports(process, root)) and is_alive(process):
            try:
                created = process.create_time()
            except psutil.NoSuchProcess:
                continue
            found = ServerState(*ports, state.version if state else "", process.pid, created)
            write_state(root, found)
            return process, found
    return None


def forget_process(root: Path, *, stopped: bool = False) -> None:
    """Remember that nothing runs, and whether somebody wanted that; the ports stay remembered."""
    if state := read_state(root):
        write_state(root, replace(state, pid=None, created=None, stopped=stopped))


def _command(process: psutil.Process, root: Path) -> list[str]:
    """The command line of a server of `root`; empty for any other process."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return []
    return words if SERVER_CLASS in words and words[-2:] == ["-d", str(root)] else []


def _ports(process: psutil.Process, root: Path) -> tuple[int, int] | None:
    marks = [word for word in _command(process, root) if word.startswith(PORTS_MARK)]
    if not marks:
        return None
    http_port, pg_port = marks[0].removeprefix(PORTS_MARK).split(",")
    return int(http_port), int(pg_port)
