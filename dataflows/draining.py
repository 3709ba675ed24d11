"""Journals that sessions left behind because the database was away: finding them, and writing them later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from connectors.journal.errors import JournalInUse
from connectors.journal.glance import glance
from connectors.journal.journal import Journal
from connectors.journal.sending import JournalSender
from connectors.questdb.server import open_database
from dataflows.sessions.control import supervisor_of
from dataflows.sessions.folder import PLAN_FILE, SessionFolder
from dataflows.sessions.versions import VersionSpool, tell_drained
from dataflows.settings import database_configuration
from operators.errors import TapeflowError, UsageError


@dataclass(frozen=True, slots=True)
class UndrainedJournal:
    """Rows of a session that the database does not have yet. `running`: the session is at it."""

    session_id: str
    rows: int
    bytes: int
    running: bool


@dataclass(frozen=True, slots=True)
class DrainedJournal:
    """What became of a journal. `torn_bytes` belong to a record that was never completed; `error` says why rows are
    left, None where none are.
    """

    session_id: str
    rows_written: int
    rows_left: int
    bytes_left: int
    torn_bytes: int
    error: str | None


def undrained_journals(home: Path) -> list[UndrainedJournal]:
    """The journals of `home` that hold rows, by session id. Opens none, asks no database."""
    found: list[UndrainedJournal] = []
    for path in sorted((home / "sessions").glob("*/journal")):
        folder = SessionFolder(path.parent)
        if (waiting := glance(path)).rows:
            running = supervisor_of(folder) is not None
            found.append(UndrainedJournal(folder.path.name, waiting.rows, waiting.bytes, running))
    return found


def drain_journals(
    home: Path,
    sessions: Sequence[str],
    configuration: str | None,
    tell: Callable[[str, int, int], None] = lambda session_id, written, left: None,
) -> Iterator[DrainedJournal]:
    """Write the journals of these sessions to their databases, started if need be; `configuration` names another one.

    `tell` is called with the session and its rows written and left, after every group of rows. A session that runs is
    left alone, with that as its error. Raises a usage error, before anything is written, for one without a journal.
    """
    folders = [_folder(home, session_id) for session_id in sessions]
    for folder in folders:
        yield _drain(home, folder, configuration, partial(tell, folder.path.name))


def _folder(home: Path, session_id: str) -> SessionFolder:
    folder = SessionFolder.of(home, session_id)
    if folder.path.parent != home / "sessions" or not folder.journal.is_dir():
        raise UsageError(f"session {session_id} has no journal in {home / 'sessions'}")
    return folder


def _drain(
    home: Path, folder: SessionFolder, configuration: str | None, tell: Callable[[int, int], None]
) -> DrainedJournal:
    session_id = folder.path.name
    running = f"it is running and writes its journal itself; stop it first: tapeflow stop {session_id}"
    if supervisor_of(folder) is not None:
        return _untouched(folder, running)
    try:
        journal = Journal(folder.journal)
    except JournalInUse:
        return _untouched(folder, running)
    except TapeflowError as error:
        return _untouched(folder, str(error))
    with journal:
        reason: str | None = None
        try:
            spool = VersionSpool(folder)
            if journal.rows or spool.waiting():
                database = open_database(home, configuration or _database_of(folder))
                with JournalSender(journal, database) as sender:
                    while journal.bytes:
                        sender.send_some()
                        tell(journal.acknowledged_rows, journal.rows)
                spool.write(database)
                if journal.acknowledged_rows:
                    tell_drained(database, session_id, journal.acknowledged_rows)
        except TapeflowError as error:
            reason = str(error)
        return DrainedJournal(
            session_id, journal.acknowledged_rows, journal.rows, journal.bytes, journal.torn_bytes, reason
        )


def _untouched(folder: SessionFolder, error: str) -> DrainedJournal:
    waiting = glance(folder.journal)
    return DrainedJournal(folder.path.name, 0, waiting.rows, waiting.bytes, 0, error)


class _PlannedDatabase(msgspec.Struct):
    """What every plan says of the database, whatever the mode and the program's version."""

    database: str | None


def _database_of(folder: SessionFolder) -> str | None:
    """The configuration of the database that the session was to write to; without a plan, that of all commands."""
    content = folder.read(PLAN_FILE)
    if content is None:
        return database_configuration()
    try:
        return msgspec.json.decode(content, type=_PlannedDatabase).database
    except msgspec.DecodeError as error:
        raise UsageError(
            f"the plan of session {folder.path.name} does not say which database it writes to ({error}); give --db"
        ) from error
