"""Bringing a database up to the schema of this program: numbered SQL files, applied in order, recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from connectors.questdb.database import Database
from connectors.questdb.errors import SchemaTooNew, StorageRejected
from connectors.questdb.timestamps import to_timestamp

_FILE: Final = re.compile(r"(\d{4})_([a-z_]+)\.sql")
_RECORD: Final = """
CREATE TABLE IF NOT EXISTS schema_version (applied_at TIMESTAMP, version LONG, name VARCHAR)
TIMESTAMP(applied_at) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(applied_at, version)
"""
_DAY_US: Final = 86_400_000_000
_COLUMN_IS_THERE: Final = ("statement is either no-op", "duplicate column")
"""What a WAL table answers to a column that is to be added if it does not exist, and does; the second where somebody
else adds it at the same time."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; every statement of it may be run twice without harm."""

    version: int
    name: str
    statements: tuple[str, ...]


def migrations() -> tuple[Migration, ...]:
    """All steps that this program knows, in order, numbered 1, 2, 3 …"""
    found = []
    for entry in files("connectors.questdb").joinpath("schema").iterdir():
        if match := _FILE.fullmatch(entry.name):
            script = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], split_statements(script)))
    return tuple(sorted(found, key=lambda step: step.version))


def split_statements(script: str) -> tuple[str, ...]:
    """The statements of a script, without comments. Texts in our scripts hold neither semicolons nor dashes.

    >>> split_statements("-- tables\\nCREATE TABLE a (x INT); -- one\\nCREATE TABLE b (y INT);")
    ('CREATE TABLE a (x INT)', 'CREATE TABLE b (y INT)')
    """
    bare = "\n".join(line.partition("--")[0].rstrip() for line in script.splitlines())
    return tuple(statement.strip() for statement in bare.split(";") if statement.strip())


def schema_version(database: Database) -> int:
    """The newest step that has been applied to the database, 0 for none."""
    try:
        rows = database.query("SELECT max(version) FROM schema_version")
    except StorageRejected as rejection:
        if "table does not exist" in str(rejection):
            return 0
        raise
    return int(rows[0][0] or 0)


def apply(database: Database, step: Migration) -> None:
    """Carry out the statements of a step; what is there already stays as it is."""
    for statement in step.statements:
        try:
            database.execute(statement)
        except StorageRejected as rejection:
            if not any(words in str(rejection) for words in _COLUMN_IS_THERE):
                raise


def migrate(database: Database, steps: tuple[Migration, ...] | None = None) -> int:
    """Apply what is missing and return the version reached; nothing to do costs one small query.

    Harmless when repeated or run by several processes at once: statements create what does not exist yet.
    Raises `SchemaTooNew` where the database knows steps that this program does not.
    """
    steps = migrations() if steps is None else steps
    newest = steps[-1].version
    current = schema_version(database)
    if current > newest:
        raise SchemaTooNew(
            f"the database at {database.address} has schema version {current}, this program knows up to {newest}: "
            "use the newer program, or another database"
        )
    if current == newest:
        return current
    database.execute(_RECORD)
    for step in steps:
        if step.version > current:
            apply(database, step)
            # The time is made from the number, so that concurrent migrations record one row.
            database.execute(
                "INSERT INTO schema_version VALUES (%s, %s, %s)",
                (to_timestamp(step.version * _DAY_US), step.version, step.name),
            )
    database.wait_applied("schema_version")
    return newest
