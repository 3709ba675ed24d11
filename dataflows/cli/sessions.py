"""`tapeflow sessions …` and `resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

sessions = typer.Typer(
    help="What has been recorded and run.\n\nExample: tapeflow sessions list --mode backtest", no_args_is_help=True
)

DatabaseOption = Annotated[str | None, typer.Option("--db", help=DB_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(sessions, name="sessions")
    app.command("resume")(resume)


@sessions.command("list")
def list_sessions(
    mode: Annotated[str | None, typer.Option(help="Only this mode: collect, import, generate or backtest.")] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """All sessions, newest last.

    Example: tapeflow sessions list --mode backtest
    """
    from connectors.questdb.sessions import SessionStore
    from dataflows.cli.project import has_project, open_project, place
    from dataflows.cli.session_tables import session_fields, sessions_table
    from dataflows.draining import undrained_journals
    from dataflows.sessions.describe import MODES_HERE, Returns
    from dataflows.sessions.present import PresentSession, as_it_is
    from dataflows.sessions.results import stored_returns
    from dataflows.settings import home
    from operators.errors import UsageError

    if mode is not None and mode not in MODES_HERE:
        raise UsageError(f"there is no mode {mode!r}; allowed: {', '.join(MODES_HERE)}")
    found: list[PresentSession] = []
    returns: Returns = {}
    if has_project(db):
        database = open_project(db)
        journals = {journal.session_id: journal.rows for journal in undrained_journals(home())}
        records = [record for record in SessionStore(database).newest() if mode in (None, record.mode)]
        found = [as_it_is(record, home(), journals.get(record.session_id, 0)) for record in records]
        returns = stored_returns(database)
    if as_json:
        print_json("finished", sessions=[session_fields(present, returns) for present in found])
    elif found:
        console.print(sessions_table(found, returns, console.width))
        for hint in (hint for present in found for hint in present.hints):
            console.print(f"[yellow]note:[/yellow] {hint}", soft_wrap=True)
    else:
        console.print(f"No sessions yet in {place(db)}. `tapeflow demo` makes some.", soft_wrap=True)


@sessions.command("show")
def show_session(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """One session: its settings, its life, and the report where it was a backtest.

    Example: tapeflow sessions show backtest_20261122_153000_ab12cd34
    """
    from connectors.journal.glance import glance
    from connectors.questdb.sessions import SessionStore
    from dataflows.cli.project import open_project
    from dataflows.cli.session_tables import facts_table, life_table, session_fields
    from dataflows.recording import recorded_rows
    from dataflows.report import render_report
    from dataflows.sessions.describe import as_columns
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.present import as_it_is
    from dataflows.sessions.results import load_report, stored_returns
    from dataflows.settings import home
    from dataflows.tapes import find_session
    from operators.session import Status

    database = open_project(db, session_id)
    record = find_session(database, session_id)
    versions = SessionStore(database).versions(session_id)
    present = as_it_is(record, home(), glance(SessionFolder.of(home(), session_id).journal).rows)
    if as_json:
        fields = session_fields(present, stored_returns(database))
        fields["recorded_rows"] = recorded_rows(database, session_id)
        print_json("finished", session=fields, versions=[as_columns(version) for version in versions])
        return
    console.print(facts_table(present, recorded_rows(database, session_id)))
    for hint in present.hints:
        console.print(f"[yellow]note:[/yellow] {hint}", soft_wrap=True)
    console.print()
    console.print(life_table(versions))
    if record.mode == "backtest" and record.status is Status.STOPPED and record.result_hash:
        console.print()
        render_report(console, load_report(database, record))


def resume(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a session that was stopped or failed: a collection, or a backtest.

    A backtest goes on from its last snapshot where recovery was on, else from the start of its tape.

    Example: tapeflow resume backtest_20261122_153000_ab12cd34
    """
    from dataflows.cli.live_view import follow_collection
    from dataflows.cli.project import open_project
    from dataflows.cli.running import run_backtest
    from dataflows.sessions.describe import MODES_HERE
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.launcher import launch
    from dataflows.sessions.plan import CollectPlan
    from dataflows.settings import home
    from dataflows.tapes import find_session
    from operators.errors import UsageError
    from operators.session import RESUMABLE_MODES

    database = open_project(db, session_id)
    record = find_session(database, session_id)
    if record.mode not in RESUMABLE_MODES:
        allowed = ", ".join(mode for mode in MODES_HERE if mode in RESUMABLE_MODES)
        raise UsageError(f"a session of mode {record.mode} cannot be resumed; allowed: {allowed}")
    if record.mode == "backtest" and record.result_hash and record.error is None and record.cause == "finished":
        raise UsageError(f"session {session_id} has reached the end of its tape; there is nothing to resume")
    folder = SessionFolder.of(home(), session_id)
    plan = folder.plan
    if isinstance(plan, CollectPlan):
        if plan.is_over(record.tape_from, record.tape_to):
            raise UsageError(f"session {session_id} has recorded for all of its duration; there is nothing to resume")
        follow_collection(folder, launch(folder), plan, as_json=as_json)
        return
    if not plan.recovery:
        messages.print("Recovery was off: starting again from the beginning of the tape (the rows are the same).")
    run_backtest(database, folder, as_json=as_json)
