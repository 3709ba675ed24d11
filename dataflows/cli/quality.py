"""`tapeflow sessions quality`: how good a recording is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataflows.cli.output import DB_HELP, console, print_json
from dataflows.cli.sessions import sessions

if TYPE_CHECKING:
    from dataflows.quality import SessionQuality, SymbolQuality


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    sessions.command("quality")(quality)


def quality(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session that has a tape.")],
    symbol: Annotated[list[str] | None, typer.Option("--symbol", help="Only these symbols; may be repeated.")] = None,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """How complete a recording is: per symbol its score, gaps, lag and silences, the worst first.

    Example: tapeflow sessions quality collect_20261122_153000_ab12cd34
    """
    from dataflows.cli.project import open_project
    from dataflows.quality import session_quality

    found = session_quality(open_project(db), session)
    chosen = [each for each in found.symbols if not symbol or each.quality.symbol in symbol]
    if as_json:
        print_json("finished", **quality_json(found, chosen))
    else:
        print_quality(found, chosen)


def quality_json(found: SessionQuality, chosen: list[SymbolQuality]) -> dict[str, Any]:
    """The report for machines; shares in percent, times in µs."""
    from operators.quality.score import SCORE_FORMULA

    return {
        "session_id": found.session.session_id,
        "score": found.score,
        "formula": SCORE_FORMULA,
        "clock_offset_ms_median": found.clock_offset_ms_median,
        "clock_offset_ms_p99": found.clock_offset_ms_p99,
        "disconnects": found.disconnects,
        "malformed": found.malformed,
        "symbols": [
            {
                "symbol": each.quality.symbol,
                "score": each.quality.score,
                "connected_pct": None if each.quality.connected is None else 100.0 * each.quality.connected,
                "gaps": each.quality.gaps,
                "gap_us": each.quality.gap_us,
                "longest_gap_us": each.quality.longest_gap_us,
                "recovered": each.quality.recovered,
                "lost_estimate": each.quality.lost,
                "trades": each.trades,
                "books": each.books,
                "late": each.late,
                "duplicates": each.duplicates,
                "malformed": each.malformed,
                "dropped": each.dropped,
                "resyncs": each.resyncs,
                "crossed": each.crossed,
                "contrary_sides": each.contrary_sides,
                "lag_ms_p50": each.lag_ms_p50,
                "lag_ms_p99": each.lag_ms_p99,
                "longest_silence_seconds": each.longest_silence_seconds,
                "usual_silence_seconds": each.usual_silence_seconds,
            }
            for each in chosen
        ],
    }


def print_quality(found: SessionQuality, chosen: list[SymbolQuality]) -> None:
    """The report for people."""
    from rich.table import Table

    from dataflows.sessions.describe import instant
    from operators.quality.score import SCORE_FORMULA

    session = found.session
    facts = Table.grid(padding=(0, 2))
    facts.add_row("[bold]session[/bold]", f"{session.session_id} ({session.status})")
    if session.tape_from is not None and session.tape_to is not None:
        facts.add_row("[bold]period[/bold]", f"{instant(session.tape_from + 1)} … {instant(session.tape_to)} UTC")
    facts.add_row("[bold]score[/bold]", f"{_number(found.score, 2)} of 100, mean of {len(found.symbols):,} symbols")
    facts.add_row("", f"[dim]{SCORE_FORMULA}[/dim]")
    if found.clock_offset_ms_median is not None:
        facts.add_row(
            "[bold]clock[/bold]",
            f"differs from the exchange's by {_number(found.clock_offset_ms_median, 1)} ms (median), "
            f"{_number(found.clock_offset_ms_p99, 1)} ms (99 %)",
        )
        facts.add_row(
            "[bold]connection[/bold]", f"{found.disconnects:,} disconnects, {found.malformed:,} malformed frames"
        )
    console.print(facts)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("symbol", no_wrap=True)
    for name in ("score", "connected", "gaps", "longest", "recovered", "trades", "books", "late", "lag p50/p99"):
        table.add_column(name, justify="right")
    table.add_column("silence", justify="right")
    for each in chosen:
        table.add_row(*_row(each))
    console.print()
    console.print(table)
    if any(each.longest_silence_seconds is not None for each in chosen):
        console.print("[dim]silence: the longest between two trades; in brackets what 99 % of them stay below[/dim]")
    wrong = [each.quality.symbol for each in chosen if each.contrary_sides > max(20, each.trades // 2)]
    if wrong:
        console.print(
            f"[yellow]warning:[/yellow] the taker sides of {', '.join(wrong)} contradict their books: "
            "they may be inverted at the source"
        )


def _row(each: SymbolQuality) -> tuple[str, ...]:
    found = each.quality
    lag = "–" if each.lag_ms_p50 is None else f"{each.lag_ms_p50:,.0f}/{_number(each.lag_ms_p99, 0)} ms"
    usual = "" if each.usual_silence_seconds is None else f" ({each.usual_silence_seconds:,.1f})"
    silence = "–" if each.longest_silence_seconds is None else f"{each.longest_silence_seconds:,.1f} s{usual}"
    return (
        found.symbol,
        _number(found.score, 2),
        "–" if found.connected is None else f"{100.0 * found.connected:,.1f} %",
        f"{found.gaps:,}",
        f"{found.longest_gap_us / 1e6:,.1f} s" if found.gaps else "–",
        f"{found.recovered:,}" + ("" if not found.gaps or found.lost == 0 else f" (lost {_lost(found.lost)})"),
        f"{each.trades:,}",
        f"{each.books:,}",
        f"{each.late:,}",
        lag,
        silence,
    )


def _lost(lost: int | None) -> str:
    return "unknown" if lost is None else f"≈ {lost:,}"


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"
