"""`tapeflow collect`."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli.output import DB_HELP, messages, print_json


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("collect")(collect)


def collect(
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbols", "-s", help="Symbols and @lists, separated by commas; default @thin_coins."),
    ] = None,
    top: Annotated[int | None, typer.Option(help="The N symbols with the highest turnover of 24 hours.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every USDT perpetual that is traded.")] = False,
    duration: Annotated[str, typer.Option(help="30s, 5m, 2h, 1d of market time, or continuous.")] = "continuous",
    exchange: Annotated[
        str,
        typer.Option(help="mexc, simulated (runs beside the session), or an address such as http://127.0.0.1:8080."),
    ] = "mexc",
    speed: Annotated[
        float, typer.Option(help="How many times as fast as real time the clock of a simulated exchange runs.")
    ] = 1.0,
    books: Annotated[
        str, typer.Option(help="merged: kept from changes; full: whole best levels; auto: merged up to 150 symbols.")
    ] = "auto",
    levels: Annotated[int, typer.Option(help="Levels per side that are stored: 1 to 50, of whole books 1 to 20.")] = 10,
    book_interval: Annotated[int, typer.Option(help="Least milliseconds between two stored books of a symbol.")] = 100,
    background: Annotated[
        bool, typer.Option("--background", help="Start it and return; `tapeflow stop` ends it.")
    ] = False,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")] = False,
) -> None:
    """Record every trade and order-book change of an exchange.

    Goes on through lost connections, crashes and an absent database; what could not be received is recorded as a gap.

    Example: tapeflow collect --symbols AEVO_USDT,W_USDT --duration 2h
    """
    from dataflows.cli.live_view import follow_collection
    from dataflows.cli.project import open_project
    from dataflows.collecting import CollectRequest, parse_duration, prepare_collection
    from dataflows.report.formats import count
    from dataflows.sessions.folder import SessionFolder
    from dataflows.sessions.launcher import launch
    from dataflows.settings import database_configuration, home

    configuration = database_configuration(db)
    request = CollectRequest(
        exchange=exchange,
        symbols=tuple(symbols or ()),
        top=top,
        every=every,
        duration_us=parse_duration(duration),
        books=books,
        levels=levels,
        book_interval_ms=book_interval,
        clock_rate=speed,
    )
    # the session needs it to start with
    open_project(db)
    plan, notes = prepare_collection(home(), configuration, request)
    folder = SessionFolder.of(home(), plan.session_id)
    folder.write_plan(plan)
    if as_json:
        print_json("started", session_id=plan.session_id, symbols=plan.symbols, notes=notes)
    else:
        messages.print(f"{plan.session_id}: {count(len(plan.symbols), 'symbol')} of {exchange}", soft_wrap=True)
        for note in notes:
            messages.print(f"  [yellow]note:[/yellow] {note}", soft_wrap=True)
    supervisor = launch(folder)
    if background:
        if not as_json:
            messages.print(f"It goes on in the background; `tapeflow stop {plan.session_id}` ends it.", soft_wrap=True)
        return
    follow_collection(folder, supervisor, plan, as_json=as_json)
