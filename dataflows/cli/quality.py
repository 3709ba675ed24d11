"""`tapeflow sessions quality`: how good a recording is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
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
    """How complete a recording is: per symbol its score, gaps, lag and silences, the worst first; and why.

    Of a session that runs: so far.

    Example: tapeflow sessions quality collect_20261122_153000_ab12cd34
    """
    from dataflows.cli.project import open_project
    from dataflows.cli.quality_tables import print_quality
    from dataflows.quality import session_quality
    from dataflows.settings import home

    found = session_quality(open_project(db, session), session, home())
    chosen = _chosen(found, symbol or ())
    if as_json:
        print_json("finished", **quality_json(found, chosen))
    else:
        print_quality(console, found, chosen)


def _chosen(found: SessionQuality, names: Sequence[str]) -> list[SymbolQuality]:
    from operators.errors import UsageError

    recorded = {each.quality.symbol: each for each in found.symbols}
    for name in names:
        if name not in recorded:
            near = difflib.get_close_matches(name, recorded, n=3) or sorted(recorded)[:3]
            raise UsageError(
                f"session {found.session.session_id} has no symbol {name!r}; of its {len(recorded):,} nearest: "
                f"{', '.join(near)}"
            )
    return [each for each in found.symbols if not names or each.quality.symbol in names]


def quality_json(found: SessionQuality, chosen: list[SymbolQuality]) -> dict[str, Any]:
    """The report for machines; shares in percent, times in µs."""
    from dataflows.quality import causes
    from operators.quality.score import SCORE_FORMULA

    return {
        "session_id": found.session.session_id,
        "status": found.session.status,
        "tape_from": found.session.tape_from,
        "tape_to": found.session.tape_to,
        "score": found.score,
        "formula": SCORE_FORMULA,
        "clock_offset_ms_median": found.clock_offset_ms_median,
        "clock_offset_ms_p99": found.clock_offset_ms_p99,
        "disconnects": found.disconnects,
        "malformed": found.malformed,
        "causes": [
            {
                "cause": each.cause,
                "times": each.times,
                "symbols": each.symbols,
                "longest_us": each.longest_us,
                "total_us": each.total_us,
            }
            for each in causes(chosen)
        ],
        "symbols": [
            {
                "symbol": each.quality.symbol,
                "score": each.quality.score,
                "connected_pct": None if each.quality.connected is None else 100.0 * each.quality.connected,
                "gaps": each.quality.gaps,
                "gap_us": each.quality.gap_us,
                "longest_gap_us": each.quality.longest_gap_us,
                "before_first_us": each.quality.waited_us,
                "removed_at": each.removed_at,
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
