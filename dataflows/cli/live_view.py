"""A collection in front of the user: a table that lives, JSON lines for machines, a summary at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from connectors.questdb.database import Database
from dataflows.cli.output import console, messages, print_json
from dataflows.cli.running import SessionFailed
from dataflows.sessions.describe import instant
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.progress import SessionProgress
from dataflows.sessions.worker_report import CollectProgress, read_symbols
from operators.session import Status

_JSON_SECONDS: Final = 1.0
_SHOWN: Final = 24
"""Symbols in the live table: the busiest ones."""


def follow_collection(
    database: Database, folder: SessionFolder, supervisor: subprocess.Popen[bytes], plan: CollectPlan, *, as_json: bool
) -> SessionProgress:
    """Follow the session to its end and print what it recorded. Raises `SessionFailed` with the reason."""
    final = _follow_json(folder, supervisor, plan) if as_json else watch(folder, supervisor, plan)
    if final.status != Status.STOPPED:
        raise SessionFailed(f"session {plan.session_id} FAILED: {final.error}")
    found = final.collected or CollectProgress()
    if as_json:
        print_json(
            "finished",
            session_id=plan.session_id,
            trades=found.trades,
            books=found.books,
            gaps=found.gaps,
            dropped=found.dropped,
            malformed=found.malformed,
            duplicates=found.duplicates,
            late=found.late,
            reconnects=found.reconnects,
            seconds=final.seconds,
            tape_from=found.tape_from,
            tape_to=found.tape_ts,
        )
    else:
        _print_end(plan, final, found)
    if final.ended == "stopped" and plan.duration_us is not None:
        messages.print(f"Stopped before its time. `tapeflow resume {plan.session_id}` goes on.", soft_wrap=True)
        sys.exit(130)
    return final


def _follow_json(folder: SessionFolder, supervisor: subprocess.Popen[bytes], plan: CollectPlan) -> SessionProgress:
    printed = 0.0

    def on_progress(progress: SessionProgress) -> None:
        nonlocal printed
        if progress.done or time.monotonic() - printed < _JSON_SECONDS:
            return
        printed = time.monotonic()
        print_json("progress", session_id=plan.session_id, **progress_fields(progress))

    return follow(folder, supervisor, on_progress)


def progress_fields(progress: SessionProgress) -> dict[str, Any]:
    """A collection's progress for machines."""
    found = progress.collected or CollectProgress()
    names = CollectProgress.__struct_fields__
    return {"status": progress.status, "restarts": progress.restarts} | {name: getattr(found, name) for name in names}


def watch(folder: SessionFolder, supervisor: subprocess.Popen[bytes], plan: CollectPlan) -> SessionProgress:
    """Follow the session to its end with a table that lives while it runs."""
    drawn = 0.0
    with Live(console=messages, transient=True, auto_refresh=False, screen=False) as live:

        def on_progress(progress: SessionProgress) -> None:
            nonlocal drawn
            if messages.is_terminal and time.monotonic() - drawn >= 0.5:
                drawn = time.monotonic()
                live.update(_view(plan, progress, read_symbols(folder)), refresh=True)

        return follow(folder, supervisor, on_progress)


def _view(plan: CollectPlan, progress: SessionProgress, rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    found = progress.collected
    if found is None:
        return Text(f"{plan.session_id}: {progress.status.lower()} …")
    parts: list[RenderableType] = [Text(_head(progress, found), style="bold"), Text(_counts(found))]
    if found.database_away:
        waiting = f"{found.journal_rows:,} rows ({found.journal_bytes / 2**20:,.1f} MiB)"
        parts.append(Text(f"database away: {waiting} wait in the journal", style="yellow"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("symbol")
    for name in ("trades/s", "books/s", "trades", "spread %", "lag ms", "gaps", "healthy %"):
        table.add_column(name, justify="right")
    busiest = sorted(rows, key=lambda row: (-row["trades"], row["symbol"]))[:_SHOWN]
    for row in busiest:
        table.add_row(
            row["symbol"],
            f"{row['trades_per_second']:,.1f}",
            f"{row['books_per_second']:,.1f}",
            f"{row['trades']:,}",
            _number(row["spread_pct"], 3),
            _number(row["lag_ms"], 0),
            f"{row['gaps']:,}",
            _number(row["healthy_pct"], 1) if not row["removed"] else "gone",
        )
    parts.append(table)
    if len(rows) > len(busiest):
        parts.append(Text(f"… and {len(rows) - len(busiest):,} symbols more"))
    parts.append(Text("Ctrl-C ends the session; everything is kept.", style="dim"))
    return Group(*parts)


def _head(progress: SessionProgress, found: CollectProgress) -> str:
    where = instant(found.tape_ts) or progress.status.lower()
    restarts = f", {progress.restarts} restarts" if progress.restarts else ""
    return f"{where} UTC  {progress.status.lower()}{restarts}"


def _counts(found: CollectProgress) -> str:
    words = [
        f"{found.trades:,} trades",
        f"{found.books:,} books",
        f"{found.gaps:,} gaps",
        f"{found.late:,} late",
        f"{found.duplicates:,} duplicates",
        f"{found.malformed:,} malformed",
        f"{found.dropped:,} dropped",
        f"{found.reconnects:,} reconnects",
    ]
    return "  ".join(words)


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def _print_end(plan: CollectPlan, final: SessionProgress, found: CollectProgress) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("[bold]session[/bold]", plan.session_id)
    if found.tape_from is not None and found.tape_ts is not None:
        facts.add_row("[bold]period[/bold]", f"{instant(found.tape_from + 1)} … {instant(found.tape_ts)} UTC")
    facts.add_row(
        "[bold]recorded[/bold]", f"{found.trades:,} trades, {found.books:,} books of {len(plan.symbols):,} symbols"
    )
    facts.add_row(
        "[bold]left out[/bold]",
        f"{found.duplicates:,} duplicates, {found.malformed:,} malformed, {found.dropped:,} dropped",
    )
    facts.add_row("[bold]gaps[/bold]", f"{found.gaps:,}; {found.late:,} trades came late or were fetched afterwards")
    if found.journal_rows:
        facts.add_row("[bold]journal[/bold]", f"[yellow]{found.journal_rows:,} rows wait: `tapeflow db drain`[/yellow]")
    console.print(facts)
    console.print(f"\nNext: tapeflow sessions quality {plan.session_id}", soft_wrap=True)
