"""`tapeflow doctor`: what keeps the program from working here, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from dataflows.doctor import Finding

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("doctor")(doctor)


def doctor(
    warm: Annotated[bool, typer.Option("--warm", help="Fetch the database's jar and compile the kernels now.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume suspended tables.")] = False,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")] = False,
) -> None:
    """Check Java, the database's jar, disk, ports, limits, the schema and suspended tables, and say what to do.

    Ends with exit code 1 if anything failed; warnings do not count. Starts nothing.

    Example: tapeflow doctor --warm
    """
    states = []
    for finding in _findings(warm, resume, db):
        states.append(finding.state)
        if as_json:
            print_json("check", **dataclasses.asdict(finding))
        else:
            _print(finding)
    failed, warnings = states.count("failed"), states.count("warning")
    if as_json:
        print_json("finished", ok=not failed, failed=failed, warnings=warnings)
    elif failed:
        console.print(f"\n{failed} of {len(states)} checks failed.")
    if failed:
        raise typer.Exit(1)


def _findings(warm: bool, resume: bool, db: str | None) -> Iterator[Finding]:
    from dataflows import doctor as rooms
    from dataflows.settings import database_configuration, home

    if warm:
        yield from rooms.warm(lambda what: messages.print(f"warming up: {what} …"))
    yield from rooms.examine(home(), database_configuration(db), resume=resume)


def _print(finding: Finding) -> None:
    from rich.markup import escape

    mark = f"[{_COLOURS[finding.state]}]{finding.state:<8}[/]"
    console.print(f"{mark} [bold]{finding.name:<12}[/bold] {escape(finding.found)}", soft_wrap=True)
    if finding.advice:
        console.print(f"{'':21} → {escape(finding.advice)}", soft_wrap=True)
