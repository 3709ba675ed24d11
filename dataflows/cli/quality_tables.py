"""The quality report for people: a line per symbol as wide as the terminal allows, and why the score is not 100."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataflows.quality import SessionQuality, SymbolQuality, causes
from dataflows.report.formats import NOTHING, count, duration, number
from dataflows.sessions.describe import instant, short_count, span
from operators.quality.score import SCORE_FORMULA

_WIDE: Final = 110
"""Columns of a terminal from which on a symbol's line has room for everything."""
_LINE: Final = 38
"""Characters of a cause that a terminal of 80 columns has room for."""
_MOST_CAUSES: Final = 12


def print_quality(console: Console, found: SessionQuality, chosen: Sequence[SymbolQuality]) -> None:
    """Print the report of the chosen symbols of a session."""
    session = found.session
    facts = Table.grid(padding=(0, 2))
    facts.add_row("[bold]session[/bold]", f"{session.session_id} ({session.status})")
    if session.tape_from is not None and session.tape_to is not None:
        facts.add_row("[bold]period[/bold]", span(session.tape_from, session.tape_to))
    facts.add_row("[bold]score[/bold]", f"{number(found.score)} of 100, mean of {count(len(found.symbols), 'symbol')}")
    facts.add_row("", f"[dim]{SCORE_FORMULA}[/dim]")
    if found.clock_offset_ms_median is not None:
        facts.add_row(
            "[bold]clock[/bold]",
            f"off the exchange's by {number(found.clock_offset_ms_median, 1)} ms (median), "
            f"{number(found.clock_offset_ms_p99, 1)} ms (99 %)",
        )
        facts.add_row(
            "[bold]connection[/bold]",
            f"{count(found.disconnects, 'disconnect')}, {count(found.malformed, 'malformed frame')}",
        )
    console.print(facts)
    console.print()
    console.print(_symbols_table(chosen, wide=console.width >= _WIDE))
    if console.width < _WIDE:
        console.print(f"[dim]lag, silences and lost trades: in {_WIDE} columns, or with --json[/dim]")
    elif any(each.longest_silence_seconds is not None for each in chosen):
        console.print("[dim]silence: the longest between two trades; in brackets what 99 % of them stay below[/dim]")
    _print_causes(console, chosen)
    _print_notes(console, chosen)


def _symbols_table(chosen: Sequence[SymbolQuality], *, wide: bool) -> Table:
    columns = [column for column in _COLUMNS if wide or column[2]]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2 if wide else 1, 0, 0))
    table.add_column("symbol", no_wrap=True)
    for name, _, _ in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for each in chosen:
        table.add_row(each.quality.symbol, *(cell(each) for _, cell, _ in columns))
    return table


def _longest(each: SymbolQuality) -> str:
    return duration(each.quality.longest_gap_us / 1e6) if each.quality.gaps else NOTHING


def _connected(each: SymbolQuality) -> str:
    share = each.quality.connected
    return NOTHING if share is None else f"{number(100.0 * share, 1)} %"


def _recovered(each: SymbolQuality) -> str:
    if not each.quality.gaps:
        return NOTHING
    lost = "unknown" if each.quality.lost is None else f"≈ {each.quality.lost:,}"
    return f"{each.quality.recovered:,}" + ("" if each.quality.lost == 0 else f" (lost {lost})")


def _lag(each: SymbolQuality) -> str:
    return NOTHING if each.lag_ms_p50 is None else f"{number(each.lag_ms_p50, 0)}/{number(each.lag_ms_p99, 0)} ms"


def _silence(each: SymbolQuality) -> str:
    if each.longest_silence_seconds is None:
        return NOTHING
    usual = "" if each.usual_silence_seconds is None else f" ({number(each.usual_silence_seconds, 1)})"
    return f"{number(each.longest_silence_seconds, 1)} s{usual}"


_COLUMNS: Final[tuple[tuple[str, Callable[[SymbolQuality], str], bool], ...]] = (
    ("score", lambda each: number(each.quality.score), True),
    ("connected", _connected, True),
    ("gaps", lambda each: f"{each.quality.gaps:,}", True),
    ("longest", _longest, True),
    ("recovered", _recovered, False),
    ("trades", lambda each: short_count(each.trades), True),
    ("books", lambda each: short_count(each.books), True),
    ("late", lambda each: short_count(each.late), True),
    ("lag p50/p99", _lag, False),
    ("silence", _silence, False),
)
"""Name, cell, and whether it is shown where there is little room."""


def _print_causes(console: Console, chosen: Sequence[SymbolQuality]) -> None:
    found = causes(chosen)
    if not found:
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    # the widths of the others are known: what is left is the cause's
    table.add_column("why not 100", max_width=max(_LINE, console.width - 42))
    for name in ("times", "symbols", "longest", "in all"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found[:_MOST_CAUSES]:
        table.add_row(
            Text(each.cause),
            f"{each.times:,}",
            f"{each.symbols:,}",
            duration(each.longest_us / 1e6),
            duration(each.total_us / 1e6),
        )
    console.print()
    console.print(table)
    if len(found) > _MOST_CAUSES:
        console.print(f"[dim]… and {count(len(found) - _MOST_CAUSES, 'cause')} more, with --json[/dim]")


def _print_notes(console: Console, chosen: Sequence[SymbolQuality]) -> None:
    gone = [f"{each.quality.symbol} since {instant(each.removed_at)} UTC" for each in chosen if each.removed_at]
    if gone:
        console.print(f"[yellow]no longer traded:[/yellow] {', '.join(gone)}; measured until then", soft_wrap=True)
    wrong = [each.quality.symbol for each in chosen if each.contrary_sides > max(20, each.trades // 2)]
    if wrong:
        console.print(
            f"[yellow]warning:[/yellow] the taker sides of {', '.join(wrong)} contradict their books: "
            "they may be inverted at the source",
            soft_wrap=True,
        )
