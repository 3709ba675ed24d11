"""The project that a command works on: its folder and its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataflows.cli.output import messages

if TYPE_CHECKING:
    from connectors.questdb.database import Database


def open_project(db: str | None = None, session_id: str | None = None) -> Database:
    """The database of this project, started where it does not run; `db` is the configuration of an external one.

    Says where the folder of a new project is made. None is made for the sake of a session that somebody looks for:
    `session_id` in a folder without a project is refused.
    """
    from connectors.questdb.server import open_database
    from dataflows.settings import database_configuration, home
    from operators.errors import UsageError

    if not has_project(db):
        if session_id is not None:
            raise UsageError(
                f"there is no session {session_id!r}: {home()} holds no project yet; `tapeflow demo` makes one, "
                "TAPEFLOW_HOME names another folder"
            )
        announce_project()
    return open_database(home(), database_configuration(db))


def has_project(db: str | None = None) -> bool:
    """Whether there is anything to look into: an external database, or the folder of a managed one.

    Raises `UsageError` where a file is in the way of the project's folder.
    """
    from connectors.questdb.server import root_of
    from dataflows.settings import database_configuration, home
    from operators.errors import UsageError

    if database_configuration(db) is not None:
        return True
    nearest = next(path for path in (home(), *home().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(f"{home()} cannot be a project folder: {nearest} is a file; TAPEFLOW_HOME names another one")
    return root_of(home()).is_dir()


def announce_project() -> None:
    """Make the folder of a new project and say so."""
    from dataflows.settings import home

    home().mkdir(parents=True, exist_ok=True)
    messages.print(f"New project folder: {home()}", soft_wrap=True)


def place(db: str | None = None) -> str:
    """Where sessions are looked for, for messages."""
    from dataflows.settings import database_configuration, home

    return "the external database" if database_configuration(db) is not None else f"the project folder {home()}"


@contextmanager
def alone(session_id: str) -> Iterator[None]:
    """Work on a session that has no supervisor; waits for another process that does, and says so."""
    from dataflows.sessions.control import sole_worker
    from dataflows.sessions.folder import SessionFolder
    from dataflows.settings import home

    def on_wait() -> None:
        messages.print(f"Another process is writing {session_id}; waiting for it …", soft_wrap=True)

    if not home().is_dir():
        # with an external database the lock is the first thing that needs the folder
        announce_project()
    with sole_worker(SessionFolder.of(home(), session_id), on_wait):
        yield
