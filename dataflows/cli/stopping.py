"""`tapeflow stop`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import console, print_json

if TYPE_CHECKING:
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.progress import SessionProgress

_LOOK_SECONDS = 0.05


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("stop")(stop)


def stop(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    now: Annotated[bool, typer.Option("--now", help="End at once, without writing the rest.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the end.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Stop a running session cleanly and wait for its end. Works without the database.

    Ends with 1 where the session has FAILED on the way; --now makes it FAILED, which is no error then.

    Example: tapeflow stop backtest_20261122_153000_ab12cd34
    """
    from dataflows.sessions.control import StopRequest, request_stop, supervisor_of
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.launcher import read_progress
    from dataflows.settings import home
    from operators.errors import TapeflowError, UsageError
    from operators.session import Status

    folder = SessionFolder.of(home(), session_id)
    if supervisor_of(folder) is None:
        raise UsageError(f"session {session_id} is not running{_why_not(folder)}")
    request_stop(folder, StopRequest.NOW if now else StopRequest.CLEAN)
    deadline = time.monotonic() + timeout
    while supervisor_of(folder) is not None:
        if time.monotonic() > deadline:
            raise TapeflowError(f"session {session_id} has not ended after {timeout:g} s; --now ends it at once")
        time.sleep(_LOOK_SECONDS)
    progress = read_progress(folder)
    if progress is None or not progress.done:
        raise TapeflowError(f"session {session_id} has ended without saying how; see {folder.path / 'supervisor.log'}")
    if progress.status != Status.STOPPED and not now:
        raise TapeflowError(f"session {session_id} FAILED: {progress.error}")
    if as_json:
        print_json("finished", session_id=session_id, status=progress.status, error=progress.error)
    else:
        console.print(f"{session_id}: {_how(progress)}", soft_wrap=True, markup=False)


def _how(progress: SessionProgress) -> str:
    if progress.error is not None:
        return f"{progress.status}, {progress.error}"
    cause = "at the end of its tape" if progress.ended == "tape" else progress.cause or progress.ended
    return f"{progress.status}, {cause}"


def _why_not(folder: SessionFolder) -> str:
    """What is known of a session that does not run, from its folder, or from the database if that runs."""
    from connectors.questdb.lock import is_held
    from connectors.questdb.server import running_database
    from connectors.questdb.sessions import SessionStore
    from dataflows.sessions.control import LOCK_FILE
    from dataflows.sessions.describe import instant
    from dataflows.sessions.launcher import read_progress
    from dataflows.sessions.progress import PROGRESS_FILE
    from dataflows.settings import home

    if is_held(folder.path / LOCK_FILE):
        return " in the background; Ctrl-C in its own terminal ends it"
    progress = read_progress(folder)
    if progress is not None and not progress.done:
        return f": its processes are gone; `tapeflow resume {folder.path.name}` goes on"
    if progress is not None:
        ended = round((folder.path / PROGRESS_FILE).stat().st_mtime * 1e6)
        return f": it ended on {instant(ended)} UTC as {_how(progress)}"
    database = running_database(home())
    record = SessionStore(database).latest(folder.path.name) if database is not None else None
    if record is None:
        return f" in the project folder {home()}; `tapeflow sessions list` shows what there is"
    cause = record.error or record.cause
    return f": it ended on {instant(record.end_time or record.changed_at)} UTC as {record.status}, {cause}"
