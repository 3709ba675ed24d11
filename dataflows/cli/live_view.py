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

from dataflows.cli.following import failed, follow_json, tell_stop
from dataflows.cli.output import console, messages, print_json
from dataflows.report.formats import count, duration, number
from dataflows.sessions.describe import instant, span
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.progress import SessionProgress
from dataflows.sessions.worker_report import CollectProgress, read_symbols
from operators.session import Status

_DRAW_SECONDS: Final = 0.5
_SHOWN: Final = 24
"""Symbols in the live table at most: the busiest ones."""
_OTHER_LINES: Final = 7
"""Lines of the live view beside the symbols."""
_NAMED: Final = 4
"""Symbols that a line names before it only counts the others."""


def follow_collection(
    folder: SessionFolder, supervisor: subprocess.Popen[bytes], plan: CollectPlan, *, as_json: bool
) -> SessionProgress:
    """Follow the session to its end and print what it recorded. Raises `SessionFailed` with the reason."""
    final = follow_json(folder, supervisor, progress_fields) if as_json else watch(folder, supervisor, plan)
    if final.status != Status.STOPPED:
        raise failed(folder, plan, final)
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
        _print_end(plan, found)
    if final.ended == "stopped" and plan.duration_us is not None:
        messages.print(f"Stopped before its time. `tapeflow resume {plan.session_id}` goes on.", soft_wrap=True)
        sys.exit(130)
    return final


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
            if messages.is_terminal and time.monotonic() - drawn >= _DRAW_SECONDS:
                drawn = time.monotonic()
                live.update(live_view(plan, progress, read_symbols(folder), messages.height), refresh=True)

        return follow(folder, supervisor, on_progress, tell_stop)


def live_view(
    plan: CollectPlan, progress: SessionProgress, rows: Sequence[Mapping[str, Any]], height: int
) -> RenderableType:
    """The session at this moment: how far it is, what it has counted, its busiest symbols, in at most `height` lines
    where they are at least ten."""
    found = progress.collected
    if found is None:
        return Text(f"{plan.session_id}: {progress.status.lower()} …")
    parts: list[RenderableType] = [Text(_head(plan, progress, found), style="bold"), Text(_counts(found))]
    if found.database_away:
        waiting = f"{count(found.journal_rows, 'row')} ({found.journal_bytes / 2**20:,.1f} MiB)"
        parts.append(Text(f"database away: {waiting} wait in the journal", style="yellow"))
    gone = [row["symbol"] for row in rows if row["removed"]]
    if gone:
        parts.append(Text(f"no longer traded: {_names(gone)}", style="yellow"))
    traded = [row for row in rows if not row["removed"]]
    # a table that is higher than the terminal would be cut off, with the last line
    room = min(_SHOWN, max(3, height - _OTHER_LINES - len(parts)))
    busiest = sorted(traded, key=lambda row: (-row["trades"], row["symbol"]))[:room]
    parts.append(_symbols_table(busiest))
    if len(traded) > len(busiest):
        parts.append(Text(f"… and {count(len(traded) - len(busiest), 'symbol')} more"))
    parts.append(Text("Ctrl-C ends the session; everything is kept.", style="dim"))
    return Group(*parts)


def _symbols_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("symbol", no_wrap=True)
    for name in ("trades/s", "books/s", "trades", "spread %", "lag ms", "gaps", "healthy %"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row["symbol"],
            f"{row['trades_per_second']:,.1f}",
            f"{row['books_per_second']:,.1f}",
            f"{row['trades']:,}",
            number(row["spread_pct"], 3),
            number(row["lag_ms"], 0),
            f"{row['gaps']:,}",
            number(row["healthy_pct"], 1),
        )
    return table


def _names(symbols: Sequence[str]) -> str:
    more = f" and {len(symbols) - _NAMED:,} more" if len(symbols) > _NAMED else ""
    return ", ".join(symbols[:_NAMED]) + more


def _head(plan: CollectPlan, progress: SessionProgress, found: CollectProgress) -> str:
    where = f"{instant(found.tape_ts)} UTC  " if found.tape_ts is not None else ""
    restarts = f", {count(progress.restarts, 'restart')}" if progress.restarts else ""
    if found.tape_ts is None or found.tape_from is None:
        return f"{where}{progress.status.lower()}{restarts}"
    recorded = duration((found.tape_ts - found.tape_from) / 1e6)
    whole = "" if plan.duration_us is None else f" of {duration(plan.duration_us / 1e6)}"
    return f"{where}{progress.status.lower()}{restarts}, {recorded}{whole}"


def _counts(found: CollectProgress) -> str:
    """What always counts, and of the rest what there is."""
    words = [count(found.trades, "trade"), count(found.books, "book"), count(found.gaps, "gap")]
    words += [
        f"{value:,} {what}"
        for value, what in (
            (found.late, "late"),
            (found.duplicates, "duplicate" if found.duplicates == 1 else "duplicates"),
            (found.malformed, "malformed"),
            (found.dropped, "dropped"),
            (found.reconnects, "reconnect" if found.reconnects == 1 else "reconnects"),
        )
        if value
    ]
    return "  ".join(words)


def _print_end(plan: CollectPlan, found: CollectProgress) -> None:
    facts = Table.grid(padding=(0, 2))
    facts.add_row("[bold]session[/bold]", plan.session_id)
    if found.tape_from is not None and found.tape_ts is not None:
        facts.add_row("[bold]period[/bold]", span(found.tape_from, found.tape_ts))
    facts.add_row(
        "[bold]recorded[/bold]",
        f"{count(found.trades, 'trade')} and {count(found.books, 'book')} of {count(len(plan.symbols), 'symbol')}",
    )
    if found.late:
        facts.add_row("", f"and {count(found.late, 'trade')} late or fetched afterwards")
    facts.add_row("[bold]gaps[/bold]", f"{found.gaps:,}")
    facts.add_row(
        "[bold]left out[/bold]",
        f"{count(found.duplicates, 'duplicate')}, {found.malformed:,} malformed, {found.dropped:,} dropped",
    )
    if found.journal_rows:
        waiting = f"{count(found.journal_rows, 'row')} {'waits' if found.journal_rows == 1 else 'wait'}"
        facts.add_row("[bold]journal[/bold]", f"[yellow]{waiting}: `tapeflow db drain`[/yellow]")
    console.print(facts)
    console.print(f"\nNext: tapeflow sessions quality {plan.session_id}", soft_wrap=True)
