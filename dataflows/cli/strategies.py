"""`tapeflow strategies`: check documents and look at the templates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, messages, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from operators.strategy.problems import Problem
    from operators.strategy.validation import Validated

strategies = typer.Typer(
    name="strategies",
    no_args_is_help=True,
    help="Strategy documents: check them, and start from a template.\n\n"
    "Example: tapeflow strategies show pump_follow_long --document > mine.json",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(strategies)


@strategies.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A JSON document, or - for standard input.")],
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with everything that was found.")] = False,
) -> None:
    """Check a strategy document: all problems at once, each with its JSON path.

    Ends with 1 if there is any. Warnings do not count. Conditions may name variants: those of the program, and those of
    this project.

    Example: tapeflow strategies validate my_strategy.json
    """
    from operators.strategy.document import document_hash
    from operators.strategy.summary import summary

    found = _validated(_read(file), db)
    if as_json:
        print_json(
            "finished",
            valid=found.valid,
            problems=_plain(found.problems),
            warnings=_plain(found.warnings),
            name=found.document.name if found.document else None,
            hash=document_hash(found.document) if found.document else None,
        )
    elif found.document is not None:
        _print_summary(f"[green]ok[/green]  {found.document.name}", summary(found.document))
    else:
        count = len(found.problems)
        console.print(f"[red]not valid[/red]: {count} problem{'s' if count != 1 else ''}")
        _print_problems(found.problems)
    if found.warnings and not as_json:
        console.print("[yellow]warnings[/yellow]")
        _print_problems(found.warnings)
    if not found.valid:
        sys.exit(1)


@strategies.command()
def schema(db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None) -> None:
    """Print the JSON Schema of strategy documents, with which editors complete and check them while you write.

    With --db, indicators may be the variants of that database too.

    Example: tapeflow strategies schema > strategy.schema.json
    """
    import json

    from operators.strategy.schema import document_schema

    names: tuple[str, ...] = ()
    if db is not None:
        from dataflows.cli.project import open_project
        from dataflows.variants import known_variants

        names = tuple(known_variants(open_project(db)))
    sys.stdout.write(json.dumps(document_schema(names), indent=2, ensure_ascii=False) + "\n")


@strategies.command("import-legacy")
def import_legacy(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An older JSON document, or - for standard input.")],
    to: Annotated[Path | None, typer.Option("--to", help="Write the new document here instead of printing it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with the document and all lists.")] = False,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
) -> None:
    """Convert a strategy of older programs (flat lists of conditions) to a document of this one.

    What cannot be converted is listed with its path. Conditions that cannot be stay as they were found, so that the new
    document is not valid before somebody has looked at them; ends with 1 then.

    Example: tapeflow strategies import-legacy old.json --to new.json
    """
    import json

    from operators.errors import UsageError
    from operators.strategy.legacy.document import convert

    text = _read(file)
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    converted = convert(data, "imported" if file == "-" else Path(file).stem)
    written = json.dumps(converted.document, indent=2, ensure_ascii=False) + "\n"
    found = _validated(written, db)
    if to is not None:
        if to.exists() and not force:
            raise UsageError(f"{to} exists; --force writes over it")
        try:
            to.write_text(written, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{to} cannot be written: {error.strerror or error}") from error
    if as_json:
        print_json(
            "finished",
            valid=found.valid,
            document=converted.document,
            not_converted=_plain(converted.problems),
            notes=_plain(converted.notes),
            problems=_plain(found.problems),
        )
    else:
        if to is None:
            sys.stdout.write(written)
        for title, problems in (
            ("[yellow]not converted[/yellow], at these places of the old document", converted.problems),
            ("[yellow]decided[/yellow], please check", converted.notes),
            ("[red]not valid[/red], at these places of the new document", found.problems),
        ):
            if problems:
                messages.print(title)
                _print_problems(problems, messages)
        if found.valid and to is not None:
            messages.print(f"[green]ok[/green]  {to} is valid; look at it: tapeflow strategies validate {to}")
    if not found.valid:
        sys.exit(1)


@strategies.command()
def templates(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all templates.")] = False,
) -> None:
    """List the strategies that come with the program.

    Example: tapeflow strategies templates
    """
    from rich.table import Table

    from operators.strategy.templates import TEMPLATES, load_template

    documents = [load_template(name) for name in TEMPLATES]
    if as_json:
        rows = [{"name": one.name, "direction": one.direction, "description": one.description} for one in documents]
        print_json("finished", templates=rows)
        return
    table = Table("template", "direction", "what it does", box=None, pad_edge=False)
    for one in documents:
        direction = one.direction if one.z1_entry else "signals only"
        table.add_row(one.name, direction, one.description)
    console.print(table)
    console.print("\nSee one with [bold]tapeflow strategies show NAME[/bold]; with --document it is the JSON to edit.")


@strategies.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a template.")],
    document: Annotated[bool, typer.Option("--document", help="The JSON document, to save and edit.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object with the document (as text) and its hash.")
    ] = False,
) -> None:
    """Show what a template does, or its document.

    Example: tapeflow strategies show pump_follow_long --document > my_strategy.json
    """
    from operators.strategy.document import document_hash
    from operators.strategy.summary import summary
    from operators.strategy.templates import load_template, template_text

    template = load_template(name)
    text = template_text(name)
    if document:
        sys.stdout.write(text)
    elif as_json:
        print_json("finished", name=name, hash=document_hash(template), document=text)
    else:
        console.print(template.description)
        _print_summary(f"{template.name}  {template.direction}", summary(template))


def _validated(text: str, db: str | None) -> Validated:
    """What validation finds. The database is asked only where a name of the document may be a variant of the project's;
    where it cannot be asked, that is said and such names are unknown."""
    from dataflows.cli.project import has_project, open_project
    from dataflows.variants import known_variants
    from operators.errors import TapeflowError
    from operators.strategy.system_variants import SYSTEM_NAMES
    from operators.strategy.validation import validate_text

    found = validate_text(text, SYSTEM_NAMES)
    if not any(problem.path.endswith(".indicator") for problem in found.problems) or not has_project(db):
        return found
    try:
        variants = known_variants(open_project(db))
    except TapeflowError as away:
        messages.print(
            f"[yellow]note:[/yellow] the variants of this project could not be looked up: {away}", soft_wrap=True
        )
        return found
    return validate_text(text, variants)


def _read(file: str) -> str:
    """The text of a document. Raises `UsageError` where there is no such file or it is not text."""
    from operators.errors import UsageError

    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"strategy file {file}: {error.strerror or error}; allowed: a JSON file, or -") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"strategy file {file}: not UTF-8 at byte {error.start}; allowed: UTF-8 text") from error


def _plain(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"path": one.path, "found": one.found, "allowed": one.allowed} for one in problems]


def _print_summary(title: str, lines: list[tuple[str, str]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    console.print(title)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for heading, sentence in lines:
        table.add_row(heading, escape(sentence))
    console.print(table)


def _print_problems(problems: Sequence[Problem], on: Console = console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("where", "found", "allowed"):
        table.add_column(heading, overflow="fold")
    for one in problems:
        table.add_row(escape(one.path), escape(one.found), escape(one.allowed))
    on.print(table)
