"""Tables that take no rows, views that are not kept up to date, and what is done about them."""

from __future__ import annotations

from connectors.questdb.database import Database
from connectors.questdb.literals import name


def suspended_tables(database: Database) -> dict[str, str]:
    """The suspended tables and why: rows written to them are logged but not applied."""
    rows = database.query("SELECT name, errorTag, errorMessage FROM wal_tables() WHERE suspended")
    return {table: " ".join(filter(None, (tag, message))) or "no reason given" for table, tag, message in rows}


def resume_table(database: Database, table: str) -> None:
    """Let the server apply what a suspended table's log holds; if the cause is still there, it suspends it again."""
    database.execute(f"ALTER TABLE {name(table)} RESUME WAL")


def invalid_views(database: Database) -> dict[str, str]:
    """The materialized views that the server has given up, and why."""
    rows = database.query(
        "SELECT view_name, view_status, invalidation_reason FROM materialized_views() WHERE view_status = 'invalid'"
    )
    return {view: reason or status for view, status, reason in rows}
