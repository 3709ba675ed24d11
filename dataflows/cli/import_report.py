"""What `tapeflow import` shows: the progress bar, the summary, the rows left out."""

from __future__ import annotations

import time
from typing import Any, Final, Self

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dataflows.cli.output import console, messages
from dataflows.importing import ImportOutcome, ImportProgress
from dataflows.quotes import DOLLARS, quote_currency
from dataflows.sessions.describe import instant

_MOST_SYMBOLS: Final = 10


class ImportBar:
    """The progress bar of an import, on standard error."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(),
            console=messages,
            transient=True,
        )
        self._task = self._bar.add_task("checking", total=None, counts="")
        self._started: float | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: ImportProgress) -> None:
        """Draw a state of the import."""
        if not progress.checking and self._started is None:
            self._started = time.monotonic()
        counts = ""
        if progress.rows and self._started is not None:
            rate = progress.rows / max(time.monotonic() - self._started, 1e-3)
            counts = f"{progress.rows:,} rows, {rate:,.0f}/s"
        if progress.rejected:
            counts += f", {progress.rejected:,} rejected"
        self._bar.update(
            self._task,
            description="checking" if progress.checking else "importing",
            completed=progress.bytes_read,
            total=progress.bytes_total,
            counts=counts,
        )


def import_fields(outcome: ImportOutcome) -> dict[str, Any]:
    """The outcome for machines."""
    return {
        "session_id": outcome.session_id,
        "already_imported": outcome.already_imported,
        "format": outcome.format,
        "symbols": outcome.symbols,
        "tape_from": outcome.tape_from,
        "tape_to": outcome.tape_to,
        "rows": outcome.rows,
        "trades": outcome.trades,
        "books": outcome.books,
        "rejected": outcome.rejected,
        "duplicates": outcome.duplicates,
        "stepped_back": outcome.stepped_back,
        "seconds": outcome.seconds,
        "rows_per_second": outcome.rows_per_second,
        "contracts": {symbol: contract.to_payload() for symbol, contract in outcome.contracts.items()},
        "rejections": [
            {"source": row.source, "line": row.line, "reason": row.reason, "raw": row.raw} for row in outcome.rejections
        ],
    }


def print_import(outcome: ImportOutcome, address: str) -> None:
    """The outcome for people; `address` is the database's."""
    if outcome.already_imported:
        console.print("These files have been imported before; nothing was written. The session is:")
    symbols = list(outcome.symbols)
    more = f" and {len(symbols) - _MOST_SYMBOLS} more" if len(symbols) > _MOST_SYMBOLS else ""
    table = f"tick_prices{' and tick_orderbook' if outcome.books else ''}"
    rows = [
        ("session", outcome.session_id),
        ("format", outcome.format),
        ("symbols", ", ".join(symbols[:_MOST_SYMBOLS]) + more),
        ("period", f"{instant(outcome.tape_from + 1)} to {instant(outcome.tape_to)} UTC"),
        ("trades", f"{outcome.trades:,}"),
        ("books", f"{outcome.books:,}" if outcome.books else ""),
        ("rejected", f"{outcome.rejected:,}" + (" (kept in dead_letters)" if outcome.rejected else "")),
        ("duplicates", f"{outcome.duplicates:,}" + (" (same trade id, left out)" if outcome.duplicates else "")),
        ("out of order", f"{outcome.stepped_back:,} by at most 1 s" if outcome.stepped_back else ""),
        ("time", "" if outcome.already_imported else f"{outcome.seconds:.2f} s, {outcome.rows_per_second:,.0f} rows/s"),
        ("stored in", f"{table} of the database at {address}"),
    ]
    facts = Table.grid(padding=(0, 2))
    for label, value in rows:
        if value:
            facts.add_row(f"[bold]{label}[/bold]", escape(value))
    console.print(facts)
    _print_contracts(outcome)
    _print_rejections(outcome)
    quotes = {quote_currency(symbol) for symbol in outcome.symbols}
    equity = "" if quotes <= DOLLARS else " --equity 1"
    console.print(f"\nNext: tapeflow backtest {outcome.session_id} --strategy pump_follow_long{equity}", soft_wrap=True)


def _print_contracts(outcome: ImportOutcome) -> None:
    console.print("\nAssumed contracts (steps from the most decimals seen, fees from the settings' schedule):")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("symbol", no_wrap=True)
    for column in ("contract size", "price unit", "volume unit", "least volume", "leverage up to"):
        table.add_column(column, justify="right")
    table.add_column("state")
    for symbol, contract in list(outcome.contracts.items())[:_MOST_SYMBOLS]:
        table.add_row(
            escape(symbol),
            f"{contract.contract_size:g}",
            f"{contract.price_unit:g}",
            f"{contract.vol_unit:g}",
            f"{contract.min_vol:g}",
            f"{contract.max_leverage:g}",
            "tradable" if contract.api_allowed and contract.state == "trading" else contract.state,
        )
    console.print(table)


def _print_rejections(outcome: ImportOutcome) -> None:
    if not outcome.rejections:
        return
    console.print("\nRows left out:")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    table.add_column("text", overflow="ellipsis", no_wrap=True)
    for row in outcome.rejections:
        table.add_row(escape(row.source), str(row.line), escape(row.reason), escape(row.raw))
    console.print(table)
    if outcome.rejected > len(outcome.rejections):
        console.print(f"… and {outcome.rejected - len(outcome.rejections):,} more.")
