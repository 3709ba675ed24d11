"""`tapeflow import` and `tapeflow export`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json
from dataflows.cli.times import parse_instant

DatabaseOption = Annotated[str | None, typer.Option("--db", help=DB_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_command)
    app.command("export")(export_command)


def import_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="csv, csv.gz, zip, parquet or log, in time order.")
    ],
    format_name: Annotated[
        str,
        typer.Option("--format", help="auto, binance-trades, binance-ws, ccxt-trades, tardis or generic."),
    ] = "auto",
    symbol: Annotated[
        str | None, typer.Option(help="The name of the market; needed where the files do not say.")
    ] = None,
    from_time: Annotated[
        str | None, typer.Option("--from", help="Leave out earlier rows: 2020-05-28T16:00 (UTC).")
    ] = None,
    to_time: Annotated[str | None, typer.Option("--to", help="Leave out later rows.")] = None,
    sort: Annotated[
        bool, typer.Option("--sort", help="Sort all rows by time (takes the memory for all of them).")
    ] = False,
    contract_size: Annotated[
        float, typer.Option(help="Base coins per contract, where quantities are contracts.")
    ] = 1.0,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLE=NAME of a column: timestamp, price, volume, side, trade_id, symbol …; may be repeated."
        ),
    ] = None,
    time_unit: Annotated[str, typer.Option(help="auto, s, ms, us, ns or iso (format generic).")] = "auto",
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring trades or order books from files onto a tape that can be replayed.

    Rows that cannot be read are listed and kept as dead letters; the rest is imported.
    Importing the same files again finds the finished session and writes nothing.

    Example: tapeflow import NASBTC_2020-05-30.csv.gz

    Example: tapeflow import trades.parquet --symbol BTC_USDT --column price=px --column timestamp=time
    """
    from dataflows.cli.import_report import ImportBar, import_fields, print_import
    from dataflows.cli.project import alone, open_project
    from dataflows.importing import ImportRequest, import_files, open_files

    request = ImportRequest(
        files=files,
        format=format_name,
        symbol=symbol,
        from_ts=None if from_time is None else parse_instant("--from", from_time),
        to_ts=None if to_time is None else parse_instant("--to", to_time),
        sort=sort,
        contract_size=contract_size,
        columns=_columns(column or []),
        time_unit=_unit(time_unit),
    )
    opened = open_files(request)
    database = open_project(db)
    with nullcontext() if as_json or not sys.stderr.isatty() else ImportBar() as bar:
        on_progress = bar.show if bar is not None else None
        outcome = import_files(database, request, on_progress, opened=opened, alone=alone)
    if as_json:
        print_json("finished", **import_fields(outcome))
    else:
        print_import(outcome, database.address)


def export_command(
    session_id: Annotated[str, typer.Argument(metavar="SESSION")],
    to: Annotated[Path, typer.Option("--to", help="The file: .parquet, .csv.gz or .csv.")],
    books: Annotated[
        bool, typer.Option("--books", help="Order books (bid_px_1, bid_qty_1 …) instead of trades.")
    ] = False,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this symbol; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a session's tape to a file; `tapeflow import` reads it back.

    Example: tapeflow export import_20200528_160058_ab12cd34 --to nas.parquet
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dataflows.cli.project import open_project
    from dataflows.exporting import ExportRequest, export_session

    request = ExportRequest(session_id, to, books, tuple(symbol or ()), force)
    database = open_project(db, session_id)
    bar = Progress(
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
        disable=as_json or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("", total=None)
        outcome = export_session(
            database, request, lambda written, total: bar.update(task, completed=written, total=total)
        )
    if as_json:
        print_json(
            "finished",
            session_id=outcome.session_id,
            file=str(outcome.target),
            rows=outcome.rows,
            bytes=outcome.bytes,
            seconds=outcome.seconds,
        )
    else:
        what = "books" if books else "trades"
        size = outcome.bytes / 1e6
        rate = outcome.rows / outcome.seconds if outcome.seconds else 0.0
        console.print(
            f"{outcome.rows:,} {what} written to {outcome.target} ({size:,.1f} MB) "
            f"in {outcome.seconds:.1f} s ({rate:,.0f} rows/s)",
            soft_wrap=True,
        )


def _columns(pairs: list[str]) -> dict[str, str]:
    from connectors.files.generic import role_name
    from operators.errors import UsageError

    columns: dict[str, str] = {}
    for pair in pairs:
        role, equals, name = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--column {pair!r} is not ROLE=NAME, as in --column price=px")
        if role_name(role) in columns:
            raise UsageError(f"--column names a column for {role_name(role)} twice")
        columns[role_name(role)] = name
    return columns


def _unit(name: str) -> str:
    from connectors.files.times import UNITS
    from operators.errors import UsageError

    if name not in ("auto", *UNITS):
        raise UsageError(f"there is no time unit {name!r}; allowed: auto, {', '.join(UNITS)}")
    return name
