"""Session versions that wait for the database: one file each in the session's folder, written later, in order."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Final

import msgspec

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from dataflows.sessions.control import supervisor_of
from dataflows.sessions.folder import SessionFolder
from operators.errors import TapeflowError
from operators.session import SessionRecord

_FOLDER: Final = "versions"


class VersionSpool:
    """The versions of one session that the database does not have yet.

    A file per version, made and removed as a whole, so that the supervisor and `tapeflow db drain` may work side by
    side; a version that is written twice is one row. The files survive the death of any process.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._path = folder.path / _FOLDER

    def keep(self, version: SessionRecord) -> None:
        """Keep a numbered version until it has been written."""
        self._path.mkdir(parents=True, exist_ok=True)
        self._folder.write(_name(version), version)

    def forget(self, version: SessionRecord) -> None:
        """Do not keep it any longer."""
        self._folder.clear(_name(version))

    def waiting(self) -> list[SessionRecord]:
        """The versions that wait, oldest first."""
        files = sorted(self._path.glob("[0-9]*.json"))
        contents = (self._folder.read(f"{_FOLDER}/{file.name}") for file in files)
        return [msgspec.json.decode(content, type=SessionRecord) for content in contents if content]

    def write(self, database: Database) -> int:
        """Write what waits, in order, and return how many versions that were. Raises `StorageError`; the rest waits."""
        store = SessionStore(database)
        versions = self.waiting()
        for version in versions:
            store.write(version)
            self.forget(version)
        return len(versions)


def _name(version: SessionRecord) -> str:
    return f"{_FOLDER}/{version.version:08}.json"


def write_waiting_versions(home: Path, configuration: str | None, database: Database) -> dict[str, int]:
    """Write what ended sessions of `home` could not say to this database: session id → number of versions.

    `configuration` is that of `database`, None = the managed server; sessions of another database are left alone, as
    are those that run: their supervisors write by themselves. A folder that cannot be read is named and passed over.
    """
    written: dict[str, int] = {}
    for path in sorted({file.parent.parent for file in (home / "sessions").glob(f"*/{_FOLDER}/[0-9]*.json")}):
        folder = SessionFolder(path)
        try:
            if supervisor_of(folder) is None and folder.plan.database == configuration:
                written[path.name] = VersionSpool(folder).write(database)
        except (TapeflowError, msgspec.MsgspecError) as error:
            print(f"versions of session {path.name} stay in {path / _FOLDER}: {error}", file=sys.stderr)
    return written


def tell_drained(database: Database, session_id: str, rows: int) -> None:
    """Add a version to an ended session that says that its journal has been written meanwhile: `rows` of it.

    To be called after `write_waiting_versions`, so that the versions stay in order.
    """
    store = SessionStore(database)
    if (latest := store.latest(session_id)) is not None:
        store.append(dataclasses.replace(latest, cause=f"journal drained: {rows:,} rows written"), latest)
