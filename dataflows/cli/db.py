"""`tapeflow db`: the managed database server."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import console, messages, print_json

if TYPE_CHECKING:
    from connectors.questdb.server import ServerStatus

commands = typer.Typer(no_args_is_help=True, help="Start, stop and look at the managed QuestDB server.")

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
    from dataflows.settings import home

    _refuse_external("start")
    with messages.status("starting the database"):
        migrate(start_server(home(), http_port, pg_port))
    _print(server_status(home()), as_json)


@commands.command()
def stop(as_json: Json = False) -> None:
    """Stop the database of this project in an orderly way. What is stored stays.

    Example: tapeflow db stop
    """
    from connectors.questdb.server import root_of, stop_server
    from dataflows.settings import home

    with messages.status("stopping the database"):
        stopped = stop_server(home())
    if as_json:
        print_json("finished", stopped=stopped, root=str(root_of(home())))
    else:
        console.print("The database is stopped." if stopped else "No database was running.", soft_wrap=True)


@commands.command()
def status(
    db: Annotated[
        str | None, typer.Option("--db", help="An external database: `http::addr=host:port;username=…;password=…;`.")
    ] = None,
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
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    state = "[green]running[/green]" if status.running else "[yellow]not running[/yellow]"
    facts.add_row("[bold]database[/bold]", state + (f" (process {status.pid})" if status.pid else ""))
    if status.version:
        facts.add_row("[bold]version[/bold]", f"QuestDB {status.version}")
    if status.http_port:
        facts.add_row("[bold]HTTP[/bold]", f"http://{status.host}:{status.http_port}")
        facts.add_row("[bold]PostgreSQL[/bold]", f"{status.host}:{status.pg_port}, database qdb")
    facts.add_row("[bold]user[/bold]", status.user)
    if status.password_file and Path(status.password_file).is_file():
        facts.add_row("[bold]password[/bold]", f"in {status.password_file}")
    if status.root:
        facts.add_row("[bold]folder[/bold]", status.root)
    console.print(facts, soft_wrap=True)
    if not status.running:
        console.print("\nNext: tapeflow db start" if status.root else "\nNext: tapeflow doctor")
