"""The table of docs/reliability.md, made from what a run of the campaigns has found."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.campaign.asking import QUESTIONS
from tests.campaign.failures import CAMPAIGNS
from tests.campaign.staging import Failure, Finding

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN: Final = "<!-- made by `make reliability` -->"
END: Final = "<!-- end -->"
EVERYTHING: Final = "everything that happened"
OUTSIDE: Final = "everything outside of the gaps; of the trades inside, as late ones, what the exchange can still tell"
HEADINGS: Final = ("No.", "what fails", "simulated by", "what is done", "gaps", "stored", "measured")


def described() -> list[list[str]]:
    """The rows without what was measured."""
    rows = [(failure.row, place, _row(failure)) for place, failure in enumerate(_failures())]
    rows += [
        (each.row, len(rows), [str(each.row), each.title, f"`{each.simulated}`", each.answer, "none", "nothing"])
        for each in QUESTIONS
    ]
    return [row for _, _, row in sorted(rows, key=lambda each: each[:2])]


def page_with(text: str, findings: dict[str, Finding]) -> str:
    """The page with a new table."""
    measured = {failure.name: _measured(findings[failure.name]) for failure in _failures()}
    rows = [[*row, measured.get(f"{row[0]} {row[1]}", "–")] for row in described()]
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *map(_line, rows)]
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, *lines, END]) + after


def table_of(text: str) -> list[list[str]]:
    """The cells of the table of a page, without its head."""
    table = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def _failures() -> list[Failure]:
    return [failure for campaign in CAMPAIGNS for failure in campaign.failures]


def _row(failure: Failure) -> list[str]:
    stored = failure.stored or (OUTSIDE if failure.trades or failure.books else EVERYTHING)
    return [str(failure.row), failure.title, failure.simulated, failure.answer, _gaps(failure), stored]


def _gaps(failure: Failure) -> str:
    if failure.trades == failure.books:
        return f"both: {', '.join(failure.trades)}" if failure.trades else "none"
    streams = (("trades", failure.trades), ("books", failure.books))
    return "; ".join(f"{stream}: {', '.join(causes)}" for stream, causes in streams if causes)


def _measured(found: Finding) -> str:
    if found.recovery is None:
        return "nothing was interrupted"
    words = [f"observed again after {found.recovery:.1f} s"]
    asked = [gap for gap in found.of("trades") if gap.recovered is not None]
    if asked:
        words.append(f"{sum(gap.recovered or 0 for gap in asked)} trades fetched")
        words.append(f"{sum(gap.lost or 0 for gap in asked)} lost")
    return ", ".join(words)


def _line(cells: object) -> str:
    return f"| {' | '.join(cells)} |"  # type: ignore[call-overload]
