"""`tapeflow indicators …`: the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.questdb.database import Database
    from operators.indicators.kind import Kind

_WIDE = 140
"""Columns of a terminal from which on the list has a column for everything."""

indicators = typer.Typer(
    help="What can be computed from a tape.\n\nExample: tapeflow indicators describe PUMP_MAGNITUDE_PCT",
    no_args_is_help=True,
)

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(indicators, name="indicators")


@indicators.command("list")
def list_kinds(as_json: JsonOption = False) -> None:
    """All kinds of indicators: category, unit, inputs, parameters with their defaults, formula.

    Example: tapeflow indicators list
    """
    from rich.table import Table

    from operators.indicators.registry import CATALOGUE

    if as_json:
        for kind in CATALOGUE.values():
            print_json("indicator", **_fields(kind))
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
        if wide:
            table.add_row(kind.name, kind.category, kind.unit, _inputs(kind), _defaults(kind), kind.formula)
        else:
            about = f"[dim]{kind.category}, {kind.unit}, {_inputs(kind)}[/dim]"
            table.add_row(kind.name, "\n".join(filter(None, (about, _defaults(kind), kind.formula))))
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
    from operators.indicators.errors import InvalidIndicator
    from operators.indicators.ids import unknown_kind
    from operators.indicators.registry import find_kind

    kind = find_kind(name)
    if kind is None:
        raise InvalidIndicator(name, [unknown_kind(name)])
    if as_json:
        print_json("indicator", **_fields(kind))
        print_json("finished")
        return
    _print_kind(kind)


def _print_kind(kind: Kind) -> None:
    from rich.table import Table

    from operators.indicators.parameters import canonical_number

    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("formula", kind.formula)
    facts.add_row("category", kind.category)
    facts.add_row("unit", kind.unit)
    facts.add_row("inputs", _inputs(kind))
    facts.add_row("chart", kind.chart)
    if kind.aliases:
        facts.add_row("also named", ", ".join(kind.aliases))
    if not kind.on_position:
        facts.add_row("warm-up", f"{canonical_number(kind.warm_up_seconds(kind.defaults))} s with its defaults")
    facts.add_row("canonical id", _default_id(kind))
    console.print(f"[bold]{kind.name}[/bold]")
    console.print(facts)
    if kind.all_parameters:
        parameters = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("parameter", "type"):
            parameters.add_column(column, no_wrap=True)
        for column in ("default", "min", "max"):
            parameters.add_column(column, justify="right", no_wrap=True)
        parameters.add_column("meaning", overflow="fold")
        for parameter in kind.all_parameters:
            numbers = (parameter.default, parameter.minimum, parameter.maximum)
            parameters.add_row(parameter.name, parameter.type, *map(canonical_number, numbers), parameter.meaning)
        console.print()
        console.print(parameters)
    console.print("\nIn a condition of a strategy:")
    console.print(f"  {_example(kind)}", soft_wrap=True, markup=False)
    if kind.on_position:
        console.print("The desk computes it from its position.")


def _inputs(kind: Kind) -> str:
    return ", ".join(sorted(kind.inputs, reverse=True))


def _defaults(kind: Kind) -> str:
    from operators.indicators.parameters import canonical_number

    return ", ".join(f"{parameter.name}={canonical_number(parameter.default)}" for parameter in kind.parameters)


def _default_id(kind: Kind) -> str:
    from operators.indicators.ids import parse_indicator

    return parse_indicator(kind.name).id


def _example(kind: Kind) -> str:
    import json

    indicator = _default_id(kind).removesuffix("()")
    return json.dumps({"indicator": indicator, "op": ">=", "value": 1.0})


def _fields(kind: Kind) -> dict[str, Any]:
    """A kind for machines."""
    return {
        "kind": kind.name,
        "aliases": kind.aliases,
        "category": kind.category,
        "unit": kind.unit,
        "inputs": sorted(kind.inputs),
        "chart": kind.chart,
        "formula": kind.formula,
        "warm_up_seconds": kind.warm_up_seconds(kind.defaults),
        "id": _default_id(kind),
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "default": parameter.default,
                "min": parameter.minimum,
                "max": parameter.maximum,
                "meaning": parameter.meaning,
            }
            for parameter in kind.all_parameters
        ],
    }


@indicators.command("compute")
def compute(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session with a tape.")],
    symbol: Annotated[str, typer.Option(help="The symbol to compute for.")],
    indicator: Annotated[list[str], typer.Option(help='"KIND(p=v,…)" or a bare KIND; may be repeated.')],
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
    notes = _without_stream(database, session, symbol, computed.indicator_ids)
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


def _without_stream(database: Database, session: str, symbol: str, indicator_ids: Sequence[str]) -> list[str]:
    """Sentences about indicators that have no value because the tape lacks what they read."""
    from dataflows.tapes import summarise_tape
    from operators.indicators.ids import parse_indicator

    [tape] = [one for one in summarise_tape(database, session).symbols if one.symbol == symbol]
    return [
        f"{name} has no value anywhere: the tape has no {stream} of {symbol}"
        for name in indicator_ids
        for stream in sorted((parse_indicator(name).kind.inputs & {"trades", "books"}) - tape.streams)
    ]
