"""`tapeflow sessions …`, `stop` and `resume`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dataflows.cli.output import console, messages, print_json

_WIDE = 90
"""Columns of a terminal from which on the list says how many symbols a session has."""

sessions = typer.Typer(help="What has been recorded and run.", no_args_is_help=True)

DatabaseOption = Annotated[
    str | None, typer.Option("--db", help="An external database: `http::addr=host:port;username=…;password=…;`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(sessions, name="sessions")
    app.command("stop")(stop)
    app.command("resume")(resume)


@sessions.command("list")
def list_sessions(
    mode: Annotated[str | None, typer.Option(help="Only this mode: collect, import, generate, backtest, …")] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """All sessions, newest last.

    Example: tapeflow sessions list --mode backtest
    """
    from rich.table import Table

    from connectors.questdb.server import open_database
    from connectors.questdb.sessions import SessionStore
    from dataflows.sessions.describe import as_columns, instant, short_count
    from dataflows.settings import database_configuration, home
    from operators.errors import UsageError
    from operators.session import MODES

    if mode is not None and mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}; allowed: {', '.join(MODES)}")
    database = open_database(home(), database_configuration(db))
    records = [record for record in SessionStore(database).newest() if mode in (None, record.mode)]
    if as_json:
        print_json("finished", sessions=[as_columns(record) for record in records])
        return
    if not records:
        console.print("No sessions yet. `tapeflow demo` or `tapeflow generate` makes one.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("session", "status", "tape from"):
        table.add_column(column, no_wrap=True)
    for column in ("hours", "symbols", "trades", "books") if console.width >= _WIDE else ("hours", "trades", "books"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in records:
        colour = {"FAILED": "red", "STOPPED": "green"}.get(record.status, "yellow")
        table.add_row(
            record.session_id,
            f"[{colour}]{record.status}[/{colour}]",
            instant(record.tape_from)[:10],
            f"{(record.tape_to - record.tape_from) / 3.6e9:.1f}"
            if record.tape_from is not None and record.tape_to is not None
            else "",
            *([str(len(record.symbols))] if console.width >= _WIDE else []),
            short_count(record.prices_count),
            short_count(record.orderbook_count),
        )
    console.print(table)


@sessions.command("show")
def show_session(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """One session: its settings, its life, and the report where it was a backtest.

    Example: tapeflow sessions show backtest_20261122_153000_ab12cd34
    """
    from rich.table import Table

    from connectors.questdb.server import open_database
    from connectors.questdb.sessions import SessionStore
    from dataflows.report import render_report
    from dataflows.sessions.describe import as_columns, instant
    from dataflows.sessions.results import load_report
    from dataflows.settings import database_configuration, home
    from dataflows.tapes import find_session
    from operators.session import Status

    database = open_database(home(), database_configuration(db))
    record = find_session(database, session_id)
    versions = SessionStore(database).versions(session_id)
    if as_json:
        print_json("finished", session=as_columns(record), versions=[as_columns(version) for version in versions])
        return
    facts = Table.grid(padding=(0, 2))
    for label, value in _facts(as_columns(record)):
        facts.add_row(f"[bold]{label}[/bold]", value)
    console.print(facts)
    life = Table(box=None, header_style="bold", pad_edge=False, title_justify="left")
    for column in ("changed at", "status", "cause", "error"):
        life.add_column(column)
    for version in versions:
        life.add_row(instant(version.changed_at), version.status, version.cause or "", version.error or "")
    console.print()
    console.print(life)
    if record.mode == "backtest" and record.status is Status.STOPPED and record.result_hash:
        console.print()
        render_report(console, load_report(database, record))


def _facts(columns: dict[str, Any]) -> list[tuple[str, str]]:
    from dataflows.sessions.describe import TIME_FIELDS, instant

    hidden = {"changed_at", "version", "config", "cause"}
    facts = []
    for name, value in columns.items():
        if name in hidden or value in (None, "", [], 0):
            continue
        if name in TIME_FIELDS:
            value = instant(value)
        elif isinstance(value, list):
            value = ", ".join(map(str, value[:20])) + (f", … ({len(value)})" if len(value) > 20 else "")
        elif isinstance(value, int):
            value = f"{value:,}"
        facts.append((name.replace("_", " "), str(value)))
    config = json.loads(columns["config"] or "{}")
    told = {"accounts", "home", *columns}
    shown = {
        key: value
        for key, value in config.items()
        if not isinstance(value, dict | list) and value is not None and key not in told and not key.endswith("_ts")
    }
    facts.append(("settings", ", ".join(f"{key} {_short(value)}" for key, value in shown.items())))
    return facts


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def stop(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    now: Annotated[bool, typer.Option("--now", help="End at once, without writing the rest.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the end.")] = 60.0,
) -> None:
    """Stop a running session cleanly and wait for its end. Works without the database.

    Example: tapeflow stop backtest_20261122_153000_ab12cd34
    """
    import time

    from dataflows.sessions.control import StopRequest, request_stop, supervisor_of
    from dataflows.sessions.launcher import read_progress
    from dataflows.sessions.plan import SessionFolder
    from dataflows.settings import home
    from operators.errors import TapeflowError, UsageError

    folder = SessionFolder.of(home(), session_id)
    if supervisor_of(folder) is None:
        raise UsageError(f"session {session_id} is not running here; `tapeflow sessions list` shows what there is")
    request_stop(folder, StopRequest.NOW if now else StopRequest.CLEAN)
    deadline = time.monotonic() + timeout
    while supervisor_of(folder) is not None:
        if time.monotonic() > deadline:
            raise TapeflowError(f"session {session_id} has not ended after {timeout:g} s; --now ends it at once")
        time.sleep(0.05)
    progress = read_progress(folder)
    console.print(f"{session_id}: {progress.status if progress else 'ended'}")


def resume(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a stopped or failed backtest from its last snapshot (recovery has to be on), or from the start.

    Example: tapeflow resume backtest_20261122_153000_ab12cd34
    """
    from connectors.questdb.server import open_database
    from dataflows.cli.running import run_backtest
    from dataflows.sessions.plan import SessionFolder
    from dataflows.settings import database_configuration, home
    from dataflows.tapes import find_session
    from operators.errors import UsageError
    from operators.session import RESUMABLE_MODES

    database = open_database(home(), database_configuration(db))
    record = find_session(database, session_id)
    if record.mode not in RESUMABLE_MODES:
        raise UsageError(
            f"a session of mode {record.mode} cannot be resumed; allowed: {', '.join(sorted(RESUMABLE_MODES))}"
        )
    if record.result_hash and record.error is None and record.cause == "finished":
        raise UsageError(f"session {session_id} has reached the end of its tape; there is nothing to resume")
    folder = SessionFolder.of(home(), session_id)
    if not folder.plan.recovery:
        messages.print("Recovery was off: starting again from the beginning of the tape (the rows are the same).")
    run_backtest(database, folder, as_json=as_json)
