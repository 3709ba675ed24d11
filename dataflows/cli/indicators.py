"""`tapeflow indicators …`: the catalogue, variants, values to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import variants
from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from connectors.questdb.database import Database
    from dataflows.computing import Computed
    from operators.indicators.kind import Kind

_WIDE = 140
"""Columns of a terminal from which on the list has a column for everything."""

_ROOM_FOR_RANGES = 110
"""Columns from which on the parameters' ranges have a column."""

indicators = typer.Typer(
    help="What can be computed from a tape.\n\nExample: tapeflow indicators describe PUMP_MAGNITUDE_PCT",
    no_args_is_help=True,
)
variants.register(indicators)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(indicators, name="indicators")


@indicators.command("list")
def list_kinds(as_json: JsonOption = False) -> None:
    """All kinds of indicators: category, unit, inputs, parameters with their defaults, formula.

    Example: tapeflow indicators list
    """
    from rich.markup import escape
    from rich.table import Table

    from dataflows.indicator_pages import facts
    from operators.indicators.registry import CATALOGUE

    if as_json:
        for kind in CATALOGUE.values():
            print_json("indicator", **facts.for_machines(kind))
        print_json("finished", indicators=len(CATALOGUE))
        return
    kinds = sorted(CATALOGUE.values(), key=lambda kind: kind.category)
    wide = console.width >= _WIDE
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("kind", "category", "unit", "inputs") if wide else ("kind",):
        table.add_column(column, no_wrap=True)
    for column in ("parameters", "formula") if wide else ("category, unit, inputs; parameters; formula",):
        table.add_column(column, overflow="fold")
    for kind in kinds:
        says = escape(kind.formula)
        if kind.unavailable:
            says += f". [yellow]It {facts.no_value(kind)}.[/yellow]"
        parameters, inputs = facts.defaults(kind), facts.inputs(kind)
        if wide:
            table.add_row(kind.name, kind.category, kind.unit, inputs, parameters, says)
        else:
            about = f"[dim]{kind.category}, {kind.unit}, {inputs}[/dim]"
            table.add_row(kind.name, "\n".join(filter(None, (about, parameters, says))))
    console.print(table)
    console.print(f"\n{len(CATALOGUE)} kinds. `tapeflow indicators describe KIND` tells more about one.")


@indicators.command("describe")
def describe(
    name: Annotated[str, typer.Argument(metavar="KIND", help="The name of a kind, or one of its aliases.")],
    as_json: JsonOption = False,
) -> None:
    """One kind in full: formula, parameters with their ranges, warm-up, canonical id, how a strategy uses it.

    Example: tapeflow indicators describe PUMP_MAGNITUDE_PCT
    """
    from dataflows.indicator_pages import facts
    from operators.indicators.errors import InvalidIndicator
    from operators.indicators.ids import unknown_kind
    from operators.indicators.registry import find_kind

    kind = find_kind(name)
    if kind is None:
        raise InvalidIndicator(name, [unknown_kind(name)])
    if as_json:
        print_json("indicator", **facts.for_machines(kind))
        print_json("finished")
        return
    _print_kind(kind)
    if kind.unavailable is None:
        _print_plot(kind)


def _print_kind(kind: Kind) -> None:
    from rich.markup import escape
    from rich.table import Table

    from dataflows.indicator_pages import facts
    from dataflows.indicator_pages.example_conditions import EXAMPLES, example_text

    rows = [
        ("formula", kind.formula),
        ("category", kind.category),
        ("unit", kind.unit),
        ("inputs", facts.inputs(kind)),
        ("warm-up", facts.warm_up(kind)),
        ("drawn", facts.chart(kind)),
        ("also named", ", ".join(kind.aliases)),
        ("sections", "" if facts.sections(kind) == "all" else facts.sections(kind)),
        ("id", facts.default_id(kind)),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        if row[1]:
            table.add_row(*map(escape, row))
    console.print(f"[bold]{kind.name}[/bold]")
    if kind.unavailable:
        console.print(f"[yellow]It {facts.no_value(kind)}.[/yellow]")
    console.print(table)
    if kind.all_parameters:
        console.print()
        console.print(_parameter_table(kind))
    console.print("\nIn a condition of a strategy:")
    console.print(f"  {example_text(kind)}", soft_wrap=True, markup=False)
    console.print(f"  {EXAMPLES[kind.name].asks}", style="dim")


def _parameter_table(kind: Kind) -> Table:
    """Parameters with what they may be: in a column of its own where there is room."""
    from rich.markup import escape
    from rich.table import Table

    from dataflows.indicator_pages import facts
    from operators.indicators.parameters import canonical

    wide = console.width >= _ROOM_FOR_RANGES
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("parameter", no_wrap=True)
    table.add_column("default", overflow="fold")
    if wide:
        table.add_column("allowed", overflow="fold", ratio=1)
    table.add_column("meaning" if wide else "meaning, what is allowed", overflow="fold", ratio=1)
    for parameter in kind.all_parameters:
        default, allowed = canonical(parameter.default).replace(";", "; "), facts.allowed(parameter)
        if wide:
            table.add_row(parameter.name, default, escape(allowed), escape(parameter.meaning))
        else:
            table.add_row(parameter.name, default, f"{escape(parameter.meaning)}\n[dim]{escape(allowed)}[/dim]")
    return table


def _print_plot(kind: Kind) -> None:
    with messages.status("Computing it over a generated pump …"):
        from dataflows.indicator_pages.example_position import ABOUT
        from dataflows.indicator_pages.example_pump import curves
        from dataflows.indicator_pages.terminal import plot

        curve = curves([kind])[kind.name]
    console.print("\nIn a generated pump" + (f", {ABOUT}:" if kind.on_position else ":"))
    for line in plot(kind, curve, console.width):
        console.print(line, no_wrap=True, overflow="crop")


@indicators.command("compute")
def compute(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session with a tape.")],
    symbol: Annotated[str, typer.Option(help="The symbol to compute for.")],
    indicator: Annotated[list[str], typer.Option(help='"KIND(p=v,…)", a bare KIND or a variant; may be repeated.')],
    to: Annotated[Path, typer.Option(help="The file to write: .parquet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the values of indicators over a tape to a Parquet file, one row per evaluation instant.

    Example: tapeflow indicators compute SESSION --symbol NAS_BTC --indicator "TWPA(t1=60)" --to values.parquet
    """
    from dataflows.cli.project import open_project
    from dataflows.computing import compute_indicators
    from dataflows.exporting import check_target, whole_file

    check_target(to, (".parquet",), force=force)
    database = open_project(db, session)
    with whole_file(to) as partial:
        computed = compute_indicators(database, session, symbol, indicator, partial)
    notes = _without_values(database, session, symbol, computed, to)
    if as_json:
        print_json(
            "finished",
            session_id=session,
            instants=computed.instants,
            seconds=computed.seconds,
            file=str(to),
            notes=notes,
        )
        return
    rate = computed.instants / computed.seconds
    console.print(
        f"{computed.instants:,} instants in {computed.seconds:.1f} s ({rate:,.0f}/s) written to {to}", soft_wrap=True
    )
    for indicator_id in computed.indicator_ids:
        console.print(f"  {indicator_id}", soft_wrap=True)
    for note in notes:
        messages.print(f"  [yellow]note:[/yellow] {note}", soft_wrap=True)


def _without_values(database: Database, session: str, symbol: str, computed: Computed, file: Path) -> list[str]:
    """Sentences about the indicators that have no value in the file, and why."""
    from pyarrow.parquet import read_table

    from dataflows.indicator_pages import facts
    from dataflows.tapes import summarise_tape
    from operators.indicators.ids import parse_indicator

    [tape] = [one for one in summarise_tape(database, session).symbols if one.symbol == symbol]
    notes = []
    for name in computed.indicator_ids:
        if read_table(file, columns=[name])[name].null_count < computed.instants:
            continue
        key = parse_indicator(name)
        missing = sorted((key.kind.inputs & {"trades", "books"}) - tape.streams)
        why = [f"the tape has no {stream} of {symbol}" for stream in missing]
        if key.kind.unavailable:
            why = [f"the kind {facts.no_value(key.kind)}"]
        seconds = key.kind.warm_up_seconds(key.values)
        why = why or [f"it reads {seconds:,.15g} s of tape, and no window was observed well enough"]
        notes.append(f"{name} has no value anywhere: {', '.join(why)}")
    return notes
