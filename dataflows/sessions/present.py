"""A session as it is at this moment: what its own folder knows beyond its newest version in the database."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from connectors.questdb.lock import is_held
from dataflows.sessions.control import LOCK_FILE, supervisor_of
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import read_progress
from dataflows.sessions.outcome import measured
from operators.session import RESUMABLE_MODES, SessionRecord, Status

_OVER: Final = frozenset({Status.IDLE, Status.STOPPED, Status.FAILED})


@dataclasses.dataclass(frozen=True, slots=True)
class PresentSession:
    """A session with what it has counted so far.

    `alive` tells whether its processes are there; None where it is over, or where it was started elsewhere and nobody
    here can know. `journal_rows` wait for the database.
    """

    record: SessionRecord
    alive: bool | None = None
    journal_rows: int = 0

    @property
    def hints(self) -> tuple[str, ...]:
        """What is wrong with it, and the command that helps."""
        session_id, hints = self.record.session_id, []
        if self.alive is False:
            again = (
                f"`tapeflow resume {session_id}`" if self.record.mode in RESUMABLE_MODES else "the same command again"
            )
            hints.append(f"{session_id} is {self.record.status}, but its processes are gone; {again} goes on")
        if self.journal_rows and not self.alive:
            hints.append(
                f"{self.journal_rows:,} rows of {session_id} wait in its journal; `tapeflow db drain` writes them"
            )
        return tuple(hints)


def as_it_is(record: SessionRecord, home: Path, journal_rows: int = 0) -> PresentSession:
    """The newest version of a session, brought up to date by what its processes told last in `home`."""
    folder = SessionFolder.of(home, record.session_id)
    if record.status in _OVER or not folder.path.is_dir():
        return PresentSession(record, None, journal_rows)
    # first: of a session that ends meanwhile the last word is read
    alive = supervisor_of(folder) is not None or is_held(folder.path / LOCK_FILE)
    progress = read_progress(folder)
    if progress is None:
        return PresentSession(record, alive, journal_rows)
    known = {name: value for name, value in measured(progress).items() if value is not None}
    if progress.done:
        # its last versions are still on their way, or wait for the database
        known |= {"status": Status(progress.status), "cause": progress.cause, "error": progress.error}
    return PresentSession(dataclasses.replace(record, **known), None if progress.done else alive, journal_rows)
