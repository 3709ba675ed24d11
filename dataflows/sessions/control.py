"""Stopping a session and knowing its processes: files in the session's folder, so that it works without a database."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psutil

from connectors.processes import ProcessIdentity
from connectors.questdb.lock import exclusive, is_held
from dataflows.sessions.folder import SessionFolder
from operators.errors import UsageError

STOP_FILE: Final = "stop"
SUPERVISOR_FILE: Final = "supervisor.json"
LOCK_FILE: Final = "lock"


class StopRequest(enum.StrEnum):
    """How to end: `clean` finishes the slice, writes everything and a snapshot; `now` ends at once."""

    CLEAN = "clean"
    NOW = "now"


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


@contextmanager
def sole_worker(folder: SessionFolder, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """For sessions that have no supervisor, imports and generated markets: one process at a time works on a session.

    A second one waits for the first, whatever becomes of it; `on_wait` is told of that.
    """
    with exclusive(folder.path / LOCK_FILE, math.inf, on_wait):
        yield


def running_sessions(home: Path) -> list[str]:
    """The sessions of `home` that use its managed database now."""
    return sorted(path.name for path in (home / "sessions").glob("*") if _runs_here(SessionFolder(path)))


def _runs_here(folder: SessionFolder) -> bool:
    if is_held(folder.path / LOCK_FILE):
        return True
    if supervisor_of(folder) is None:
        return False
    try:
        return folder.plan.database is None
    except UsageError:
        # of another version of the program: better named once too often
        return True
