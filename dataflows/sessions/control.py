"""Stopping a session and knowing its processes: files in the session's folder, so that it works without a database."""

from __future__ import annotations

import enum
import os
from typing import Final

import msgspec
import psutil

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
    def of_this_process(cls) -> ProcessIdentity:
        return cls(os.getpid(), psutil.Process().create_time())

    def process(self) -> psutil.Process | None:
        """The running process, None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


def request_stop(folder: SessionFolder, how: StopRequest = StopRequest.CLEAN) -> None:
    """Ask the session's processes to end; they look several times a second."""
    scratch = folder.path / f".{STOP_FILE}.new"
    scratch.write_text(how, encoding="utf-8")
    scratch.replace(folder.path / STOP_FILE)


def requested_stop(folder: SessionFolder) -> StopRequest | None:
    """What has been asked for, if anything."""
    try:
        return StopRequest((folder.path / STOP_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def supervisor_of(folder: SessionFolder) -> psutil.Process | None:
    """The running supervisor of a session, None when there is none."""
    content = folder.read(SUPERVISOR_FILE)
    return msgspec.json.decode(content, type=ProcessIdentity).process() if content else None
