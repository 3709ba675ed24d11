"""`tapeflow strategies`: check documents, convert old ones, look at the templates; and the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import library
from dataflows.cli.output import DB_HELP, console, login_name, messages, print_json
from dataflows.cli.strategy_tables import print_problems, print_summary, problem_fields, record_fields

if TYPE_CHECKING:
    from operators.stored_strategy import StrategyRecord
    from operators.strategy.validation import Validated

strategies = typer.Typer(
    name="strategies",
    no_args_is_help=True,
    help="Strategy documents: check them, start from a template, keep them in the library.\n\n"
    "Example: tapeflow strategies show pump_follow_long --document > mine.json",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    library.register(strategies)
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
    from dataflows.strategy_sources import read_document
    from operators.strategy.document import document_hash
    from operators.strategy.summary import summary

    found = validated(read_document(file), db)
    if as_json:
        print_json(
            "finished",
            valid=found.valid,
            problems=problem_fields(found.problems),
            warnings=problem_fields(found.warnings),
            name=found.document.name if found.document else None,
            hash=document_hash(found.document) if found.document else None,
        )
    elif found.document is not None:
        print_summary(f"[green]ok[/green]  {found.document.name}", summary(found.document))
    else:
        count = len(found.problems)
        console.print(f"[red]not valid[/red]: {count} problem{'s' if count != 1 else ''}")
        print_problems(found.problems)
    if found.warnings and not as_json:
        console.print("[yellow]warnings[/yellow]")
        print_problems(found.warnings)
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
    add: Annotated[bool, typer.Option("--add", help="Store the new document in the library, if it is valid.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with the document and all lists.")] = False,
    db: Annotated[str | None, typer.Option("--db", help=DB_HELP)] = None,
) -> None:
    """Convert a strategy of older programs (flat lists of conditions) to a document of this one.

    What cannot be converted is listed with its path. Conditions that cannot be stay as they were found, so that the new
    document is not valid before somebody has looked at them; ends with 1 then.

    Example: tapeflow strategies import-legacy old.json --to new.json
    """
    import json

    from dataflows.strategy_sources import read_document
    from operators.errors import UsageError
    from operators.strategy.legacy.document import convert

    text = read_document(file)
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    converted = convert(data, "imported" if file == "-" else Path(file).stem)
    written = json.dumps(converted.document, indent=2, ensure_ascii=False) + "\n"
    found = validated(written, db)
    if to is not None:
        library.write_document(to, written, force=force)
    stored = _added(written, db) if add and found.valid else None
    if as_json:
        print_json(
            "finished",
            valid=found.valid,
            document=converted.document,
            not_converted=problem_fields(converted.problems),
            notes=problem_fields(converted.notes),
            problems=problem_fields(found.problems),
            strategy=record_fields(stored) if stored else None,
        )
    else:
        if to is None and stored is None:
            sys.stdout.write(written)
        for title, problems in (
            ("[yellow]not converted[/yellow], at these places of the old document", converted.problems),
            ("[yellow]decided[/yellow], please check", converted.notes),
            ("[red]not valid[/red], at these places of the new document", found.problems),
        ):
            if problems:
                messages.print(title)
                print_problems(problems, messages)
        if found.valid and to is not None:
            messages.print(f"[green]ok[/green]  {to} is valid; look at it: tapeflow strategies validate {to}")
        if stored is not None:
            library.told(stored, "added", as_json=False)
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


def _added(text: str, db: str | None) -> StrategyRecord:
    from dataflows.cli.project import open_project
    from dataflows.library import add_strategy

    return add_strategy(open_project(db), text, author=login_name())


def validated(text: str, db: str | None) -> Validated:
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
