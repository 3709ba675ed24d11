"""What all commands do that follow a session: JSON lines for machines, Ctrl-C, and how it ended where it failed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from dataflows.cli.output import messages, print_json
from dataflows.sessions.control import StopRequest, requested_stop
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow
from dataflows.sessions.plan import BacktestPlan, Plan
from dataflows.sessions.progress import SessionProgress
from operators.errors import TapeflowError

_JSON_SECONDS: Final = 1.0


class SessionFailed(TapeflowError):
    """The session ended as FAILED."""


def follow_json(
    folder: SessionFolder, supervisor: subprocess.Popen[bytes], fields: Callable[[SessionProgress], dict[str, Any]]
) -> SessionProgress:
    """Follow the session to its end with a JSON line per second."""
    printed = 0.0

    def on_progress(progress: SessionProgress) -> None:
        nonlocal printed
        if progress.done or time.monotonic() - printed < _JSON_SECONDS:
            return
        printed = time.monotonic()
        print_json("progress", session_id=folder.path.name, **fields(progress))

    return follow(folder, supervisor, on_progress, tell_stop)


def tell_stop(request: StopRequest) -> None:
    """Say what Ctrl-C has done."""
    if request is StopRequest.CLEAN:
        messages.print("Ending the session; a second Ctrl-C within 5 s ends it at once.")
    else:
        messages.print("Ending it at once.")


def failed(folder: SessionFolder, plan: Plan, final: SessionProgress) -> SessionFailed:
    """The error of a session that has FAILED: why, and what becomes of what it had."""
    session_id = plan.session_id
    said = f"session {session_id} FAILED: {final.error}"
    if requested_stop(folder) is not StopRequest.NOW:
        return SessionFailed(said)
    again = f"`tapeflow resume {session_id}`"
    if isinstance(plan, BacktestPlan):
        return SessionFailed(f"{said}; {again} runs the rest")
    return SessionFailed(f"{said}: the rest waits in its journal; {again} goes on, `tapeflow db drain` writes the rest")
