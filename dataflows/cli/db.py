"""`tapeflow db`: the managed database server."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from connectors.questdb.server import ServerStatus

commands = typer.Typer(
    no_args_is_help=True,
    help="Start, stop and look at the managed QuestDB server.\n\nExample: tapeflow db status",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(commands, name="db")


@commands.command()
def start(
    http_port: Annotated[int | None, typer.Option(min=1, max=65535, help="HTTP port; by default a free one.")] = None,
    pg_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="PostgreSQL port; by default a free one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the database of this project, if it does not run, and bring its schema up to date.

    Every command that needs the database does this by itself. The server listens on this machine only.

    Example: tapeflow db start --http-port 9000 --pg-port 8812
    """
    from connectors.questdb.migrate import migrate
    from connectors.questdb.server import server_status, start_server
    from dataflows.cli.project import announce_project, has_project
    from dataflows.settings import home

    _refuse_external("start")
    if not has_project():
        announce_project()
    with messages.status("starting the database"):
        migrate(start_server(home(), http_port, pg_port))
    _print(server_status(home()), as_json)


@commands.command()
def stop(
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Even while sessions run on it: recordings go on in their journals, backtests fail."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop the database of this project in an orderly way. What is stored stays.

    Refused while sessions run on it.

    Example: tapeflow db stop
    """
    from connectors.questdb.server import root_of, stop_server
    from dataflows.sessions.control import running_sessions
    from dataflows.settings import home
    from operators.errors import UsageError

    running = running_sessions(home())
    if running and not force:
        raise UsageError(
            f"{', '.join(running)} {'runs' if len(running) == 1 else 'run'} on this database; end "
            f"{'it' if len(running) == 1 else 'them'} first (tapeflow stop {running[0]}), or use --force: "
            "recordings go on in their journals, backtests fail"
        )
    with messages.status("stopping the database"):
        stopped = stop_server(home())
    if as_json:
        print_json("finished", stopped=stopped, root=str(root_of(home())))
    else:
        console.print("The database is stopped." if stopped else "No database was running.", soft_wrap=True)


@commands.command()
def status(
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Json = False,
) -> None:
    """Show whether the database runs, where, and how to log in. Starts nothing.

    Example: tapeflow db status --json
    """
    from connectors.questdb.server import external_status, server_status
    from dataflows.settings import database_configuration, home

    configuration = database_configuration(db)
    _print(external_status(configuration) if configuration else server_status(home()), as_json)


def _refuse_external(verb: str) -> None:
    from dataflows.settings import database_configuration
    from operators.errors import UsageError

    if database_configuration():
        raise UsageError(f"QUESTDB_CONF names an external database, which is not ours to {verb}; unset it first")


def _print(status: ServerStatus, as_json: bool) -> None:
    if as_json:
        print_json("finished", **dataclasses.asdict(status))
        return
    from rich.markup import escape

    def tell(label: str, fact: str) -> None:
        # plain lines: a path that is wider than the terminal is neither cut off nor broken
        console.print(f"[bold]{label:<12}[/bold]{fact}", soft_wrap=True)

    state = "[green]running[/green]" if status.running else "[yellow]not running[/yellow]"
    tell("database", state + (f" (process {status.pid})" if status.pid else ""))
    if status.version:
        tell("version", f"QuestDB {status.version}")
    if status.http_port:
        tell("HTTP", f"http://{status.host}:{status.http_port}")
        tell("PostgreSQL", f"{status.host}:{status.pg_port}, database qdb")
    tell("user", status.user)
    if status.password_file and Path(status.password_file).is_file():
        tell("password", escape(f"in {status.password_file}"))
    if status.root:
        tell("folder", escape(status.root))
    if not status.running:
        console.print("\nNext: tapeflow db start" if status.root else "\nNext: tapeflow doctor")
