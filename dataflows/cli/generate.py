"""`tapeflow generate`: a session of the generated market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from connectors.questdb.database import Database
    from connectors.simulated.parameters import MarketParameters
    from dataflows.generating import GeneratedSession

_SHOWN_PUMPS = 8


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("generate")(generate)


def generate(
    symbols: Annotated[int, typer.Option(help="Number of symbols.")] = 20,
    trades: Annotated[int, typer.Option(help="Trades over all symbols.")] = 5_000_000,
    hours: Annotated[float, typer.Option(help="Length of the tape.")] = 24.0,
    pumps: Annotated[
        int | None, typer.Option(help="Pumps over all symbols.", show_default="two per symbol, as far as they fit")
    ] = None,
    books: Annotated[bool, typer.Option("--books/--no-books", help="Order books too.")] = False,
    levels: Annotated[int, typer.Option(help="Levels per side of a book.")] = 10,
    seed: Annotated[int, typer.Option(help="Where all randomness comes from; also chooses the days of the tape.")] = 7,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")] = False,
) -> None:
    """Make up a market with known pumps and store it as a session.

    The same options give the same tape; a tape that is there already is found, not written again.

    Example: tapeflow generate --symbols 20 --trades 5000000 --hours 24 --pumps 40 --books --seed 7
    """
    from connectors.simulated.parameters import MarketParameters, usual_pumps
    from dataflows.cli.project import alone, open_project
    from dataflows.generating import generated_session_id

    parameters = MarketParameters(
        symbols=symbols,
        trades=trades,
        hours=hours,
        pumps=usual_pumps(symbols, hours) if pumps is None else pumps,
        books=books,
        levels=levels,
        seed=seed,
    )
    database = open_project(db)
    with alone(generated_session_id(parameters)):
        session = _run(database, parameters)
    if as_json:
        print_json(
            "finished",
            session_id=session.session_id,
            trades=session.trades,
            books=session.books,
            pumps=session.pumps,
            seconds=session.seconds,
            found=session.found,
            tape_from=session.tape_from,
            tape_to=session.tape_to,
        )
    else:
        _print(session)


def _run(database: Database, parameters: MarketParameters) -> GeneratedSession:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from dataflows.generating import generate as record

    columns = (
        TextColumn("generating"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[facts]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=1.0, facts="")

        def on_progress(share: float, trades: int, books: int) -> None:
            facts = f"{trades:,} trades" + (f", {books:,} books" if parameters.books else "")
            bar.update(task, completed=share, facts=facts)

        return record(database, parameters, on_progress)


def _print(session: GeneratedSession) -> None:
    from rich.table import Table

    from dataflows.sessions.describe import instant

    facts = Table.grid(padding=(0, 2))
    facts.add_row("[bold]session[/bold]", session.session_id)
    facts.add_row("[bold]period[/bold]", f"{instant(session.tape_from + 1)} … {instant(session.tape_to)} UTC")
    facts.add_row("[bold]symbols[/bold]", f"{len(session.symbols):,}")
    facts.add_row("[bold]trades[/bold]", f"{session.trades:,}")
    facts.add_row("[bold]books[/bold]", f"{session.books:,}")
    facts.add_row("[bold]pumps[/bold]", f"{len(session.pumps):,}")
    rate = session.trades / session.seconds if session.seconds else 0.0
    time_spent = f"{session.seconds:.1f} s ({rate:,.0f} trades/s, stored)"
    facts.add_row("[bold]time[/bold]", "generated before: found, nothing written" if session.found else time_spent)
    facts.add_row("[bold]stored in[/bold]", "QuestDB: tick_prices, tick_orderbook, tape_events")
    console.print(facts)
    if session.pumps:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("pump in", "onset (UTC)", "peak after", "multiple"):
            table.add_column(column, justify="left" if column in ("pump in", "onset (UTC)") else "right")
        for pump in session.pumps[:_SHOWN_PUMPS]:
            rise = (pump["peak"] - pump["onset"]) / 1e6
            table.add_row(pump["symbol"], instant(pump["onset"]), f"{rise:.0f} s", f"× {pump['peak_multiple']:.2f}")
        console.print()
        console.print(table)
        if len(session.pumps) > _SHOWN_PUMPS:
            console.print(f"… and {len(session.pumps) - _SHOWN_PUMPS:,} more (`--json` lists all)")
    console.print()
    console.print(f"Next: tapeflow backtest {session.session_id} --strategy peak_fade_short", soft_wrap=True)
