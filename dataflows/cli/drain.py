"""`tapeflow db drain`: rows that sessions could not write while the database was away."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.db import commands
from dataflows.cli.output import console, messages, print_json

if TYPE_CHECKING:
    from dataflows.draining import DrainedJournal


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    commands.command()(drain)


def drain(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="SESSION", help="Sessions; by default all that left rows.")
    ] = None,
    db: Annotated[
        str | None, typer.Option("--db", help="The database to write to, if not the one of the session's plan.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per session, for machines.")] = False,
) -> None:
    """Write what is left in the journals of sessions that have ended.

    A session journals what it records until the database has acknowledged it. If it ended while the database was
    away, this writes the rest. Rows that are there already are not stored twice. Sessions that run are left alone:
    they write their journals themselves.

    Example: tapeflow db drain
    """
    from dataflows.draining import drain_journals, undrained_journals
    from dataflows.settings import home

    folder = home()
    if sessions:
        chosen = list(dict.fromkeys(sessions))
    else:
        found = undrained_journals(folder)
        chosen = [journal.session_id for journal in found if not journal.running]
        for journal in found:
            if journal.running:
                messages.print(f"{journal.session_id} is running and writes its {journal.rows:,} rows itself")
    with messages.status("looking for the database") as status:

        def tell(session_id: str, written: int, left: int) -> None:
            status.update(f"{session_id}: {written:,} rows written, {left:,} left")

        results = list(drain_journals(folder, chosen, db, tell))
    if as_json:
        for result in results:
            print_json("session", **dataclasses.asdict(result))
        print_json(
            "finished",
            sessions=len(results),
            rows_written=sum(result.rows_written for result in results),
            rows_left=sum(result.rows_left for result in results),
        )
    else:
        _print(results)
    if any(result.error for result in results):
        raise typer.Exit(1)


def _print(results: list[DrainedJournal]) -> None:
    if not results:
        console.print("Nothing is left to write: every journal is empty.")
        return
    for result in results:
        torn = f", {result.torn_bytes} bytes of a record that was never finished" if result.torn_bytes else ""
        console.print(f"{result.session_id}: {result.rows_written:,} rows written, {result.rows_left:,} left{torn}")
        if result.error:
            messages.print(f"error: {result.session_id}: {result.error}", style="red", markup=False, soft_wrap=True)
