"""Processes of this machine, for the database server and the sessions alike: start, recognise, find a port for them."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil

CLOCK_TOLERANCE: Final = 3.0
"""Seconds by which a process's creation time may seem to move when the machine's clock is set."""
_PORTS: Final = range(15_000, 32_000)


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that a reused pid cannot be mistaken for: its id and when it was created (seconds since 1970)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The identity of a running process. Raises `psutil.NoSuchProcess`.

        >>> ProcessIdentity.of(os.getpid()).process().pid == os.getpid()
        True
        """
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The running process, None when it has ended or cannot be looked at."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_TOLERANCE
        except psutil.Error:
            return None
        return process if same and is_alive(process) else None


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs. One that ended counts as dead even while whoever started it has not noticed."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def spawn(
    command: list[str], output: Path, environment: Mapping[str, str] = os.environ, *, append: bool = True
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: Ctrl-C and a closing terminal do not reach it.

    What it says goes to the end of `output`, or replaces what is there where `append` is False.
    """
    with output.open("ab" if append else "wb") as file:
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, creationflags=flags
            )
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, start_new_session=True
        )


def free_port() -> int:
    """A port of the loopback interface that nobody has at the moment.

    From below the range out of which systems take ports for outgoing connections, so that it stays free meanwhile.
    """
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        if port_is_free(port):
            return port


def port_is_free(port: int) -> bool:
    """Whether the loopback port could be bound now."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            # As servers do: a port whose old connections linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
