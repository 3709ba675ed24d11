"""What became of the signals: the funnel, and one trade from S1 to its close."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from rich.table import Table
from rich.text import Text

from dataflows.report import words
from dataflows.report.evidence import findings, story
from dataflows.report.formats import clock, count
from operators.results import StateTransition
from operators.statistics import Funnel, Trade

_SHOWN_FINDINGS: Final = 6
_VERDICT_STYLES: Final = {"yes": "green", "no": "dim", "pending": "yellow"}


def funnel_table(found: Funnel) -> Table:
    """How many signals survived each step, as a share of the signals."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    widest = max(found.signals, found.refused_signals, 1)
    steps = [
        ("S1 fired, but refused", found.refused_signals, "no slot, or the symbol taken"),
        ("S1 signals", found.signals, ""),
        ("├ cancelled", found.cancelled, "false alarm or too old"),
        ("├ entry refused", found.refused_entries, "by sizing or a risk limit"),
        ("├ entry not filled", found.unfilled, "order rejected, expired or cancelled"),
        ("├ entered", found.entered, ""),
        ("└ closed", found.closed, ""),
    ]
    for name, value, meaning in steps:
        if value or name in ("S1 signals", "├ entered", "└ closed"):
            bar = "█" * round(value / widest * 20) or ("▏" if value else "")
            table.add_row(name, f"{value:,}", f"{bar} {meaning}".strip())
    return table


def reasons_line(found: Funnel, most: int = 5) -> str:
    """The most frequent reasons why a signal did not become a position."""
    shown = [f"{times:,}× {words.trigger(reason).replace(', ', ' and ')}" for reason, times in found.reasons[:most]]
    rest = len(found.reasons) - len(shown)
    return "; ".join(shown) + (f"; and {count(rest, 'more reason')}" if rest > 0 else "")


def folded(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width`, broken between words, and in a longer word after a comma; the others are indented.

    >>> folded("  TWPA(t1=60,t2=30) – falling", 16, "    ")
    ['  TWPA(t1=60,', '    t2=30) –', '    falling']
    """
    lines = [""]
    for piece in re.findall(r"\s*(?:[^\s,]+,?|,)", text):
        if lines[-1].strip() and len(lines[-1]) + len(piece) > width:
            lines.append(indent + piece.lstrip())
        else:
            lines[-1] += piece
    return lines


def story_table(trade: Trade, transitions: Iterable[StateTransition], width: int) -> Table:
    """From S1 to the close: each move of one trade, and beneath it the conditions that decided it; `width` columns."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    moves = story(trade, transitions)
    shown = [finding for row in moves for finding in findings(row)[:_SHOWN_FINDINGS]]
    beside = sum(
        max((len(text) for text in column), default=0) + 2
        for column in zip(*((one.value, one.demand, one.verdict) for one in shown), strict=True)
    )
    for row in moves:
        table.add_row(
            Text.assemble(
                f"{clock(row.timestamp)}  ", (words.state(row.to_state), "bold"), f" – {words.trigger(row.trigger)}"
            )
        )
        found = findings(row)
        for finding in found[:_SHOWN_FINDINGS]:
            table.add_row(
                Text("\n".join(folded(f"  {finding.subject}", width - beside, indent="      ")), "dim"),
                finding.value,
                finding.demand,
                Text(finding.verdict, _VERDICT_STYLES.get(finding.verdict, "")),
            )
        if len(found) > _SHOWN_FINDINGS:
            table.add_row(Text(f"  and {count(len(found) - _SHOWN_FINDINGS, 'more condition')}", "dim"))
    return table
