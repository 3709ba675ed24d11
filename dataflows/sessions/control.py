"""Stopping a session and knowing its processes: files in the session's folder, so that it works without a database."""

from __future__ import annotations

import enum
from typing import Final

import msgspec
import psutil

from connectors.questdb.state import CLOCK_TOLERANCE, is_alive
from dataflows.sessions.plan import SessionFolder

STOP_FILE: Final = "stop"
SUPERVISOR_FILE: Final = "supervisor.json"


class StopRequest(enum.StrEnum):
    """How to end: `clean` finishes the slice, writes everything and a snapshot; `now` ends at once."""

    CLEAN = "clean"
    NOW = "now"


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process that a reused pid cannot be mistaken for."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The identity of a running process."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The running process, None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_TOLERANCE
        except psutil.NoSuchProcess:
            return None
        return process if same and is_alive(process) else None


def request_stop(folder: SessionFolder, how: StopRequest = StopRequest.CLEAN) -> None:
    """Ask the session's processes to end; they look several times a second."""
    folder.write(STOP_FILE, how)


def requested_stop(folder: SessionFolder) -> StopRequest | None:
    """What has been asked for, if anything."""
    content = folder.read(STOP_FILE)
    return msgspec.json.decode(content, type=StopRequest) if content else None


def supervisor_of(folder: SessionFolder) -> psutil.Process | None:
    """The running supervisor of a session, None when there is none."""
    content = folder.read(SUPERVISOR_FILE)
    return msgspec.json.decode(content, type=ProcessIdentity).process() if content else None
