"""Starting a session's supervisor and following what it does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import msgspec

from connectors.processes import ProcessIdentity, spawn
from dataflows.sessions import control
from dataflows.sessions.control import StopRequest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.progress import PROGRESS_FILE, SessionProgress
from dataflows.sessions.worker_report import symbols_file
from operators.errors import TapeflowError, UsageError

_LOOK_SECONDS: Final = 0.1
_SECOND_INTERRUPT_SECONDS: Final = 5.0
_END_SECONDS: Final = 10.0


class SupervisorGone(TapeflowError):
    """The supervisor ended without saying how the session ended."""


def launch(folder: SessionFolder) -> subprocess.Popen[bytes]:
    """Start the supervisor, detached: neither Ctrl-C nor a closing terminal of the caller reaches it."""
    if (running := control.supervisor_of(folder)) is not None:
        raise UsageError(f"session {folder.path.name} is already running (process {running.pid})")
    symbols = (symbols_file(process) for process in range(folder.plan.workers))
    folder.clear(PROGRESS_FILE, control.STOP_FILE, control.SUPERVISOR_FILE, *symbols)
    command = [sys.executable, "-P", "-m", "dataflows.sessions.supervisor", str(folder.path)]
    supervisor = spawn(command, folder.path / "supervisor.log")
    # at once, so that it can be stopped and is not started twice while it is still loading
    folder.write(control.SUPERVISOR_FILE, ProcessIdentity.of(supervisor.pid))
    return supervisor


def follow(
    folder: SessionFolder,
    supervisor: subprocess.Popen[bytes],
    on_progress: Callable[[SessionProgress], None],
    on_stop: Callable[[StopRequest], None] = lambda request: None,
) -> SessionProgress:
    """Wait for the end of the session and return its final progress. Raises `SupervisorGone`.

    Ctrl-C or SIGTERM asks for a clean end and goes on waiting; a second one within 5 s ends the session at once.
    `on_stop` is told of each.
    """
    interrupted_at: float | None = None
    with _interrupts() as interrupts:
        while True:
            while interrupts:
                at = interrupts.popleft()
                again = interrupted_at is not None and at - interrupted_at < _SECOND_INTERRUPT_SECONDS
                interrupted_at = at
                request = StopRequest.NOW if again else StopRequest.CLEAN
                control.request_stop(folder, request)
                on_stop(request)
            gone = supervisor.poll() is not None
            progress = read_progress(folder)
            if progress is not None:
                on_progress(progress)
                if progress.done:
                    # its last word is a moment before its end; who resumes or stops the database next finds it gone
                    with suppress(subprocess.TimeoutExpired):
                        supervisor.wait(_END_SECONDS)
                    return progress
            if gone:
                raise SupervisorGone(
                    f"the supervisor of {folder.path.name} is gone; see {folder.path / 'supervisor.log'}; "
                    f"`tapeflow resume {folder.path.name}` goes on where recovery was on"
                )
            time.sleep(_LOOK_SECONDS)


@contextmanager
def _interrupts() -> Iterator[deque[float]]:
    """When Ctrl-C or SIGTERM came: noted instead of raised, so that the second one cannot come in the middle of what
    the first one does, and nobody goes without a word and leaves a session behind that nobody sees."""
    came: deque[float] = deque()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        came.append(time.monotonic())

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_progress(folder: SessionFolder) -> SessionProgress | None:
    """What the supervisor said last, None before its first word."""
    content = folder.read(PROGRESS_FILE)
    return msgspec.json.decode(content, type=SessionProgress) if content else None
