"""`tapeflow strategies` for the library: what is stored in the project's database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.output import DB_HELP, console, login_name, messages, print_json

if TYPE_CHECKING:
    from connectors.questdb.database import Database
    from dataflows.strategy_sources import StrategySource
    from operators.stored_strategy import StrategyRecord
    from operators.strategy.document import StrategyDocument

DatabaseOption = Annotated[str | None, typer.Option("--db", help=DB_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
AuthorOption = Annotated[str | None, typer.Option(help="Who does it; your login name if left out.")]
CategoryOption = Annotated[str | None, typer.Option(help="A word of your own to sort strategies by.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a strategy of the library.")]
_SOURCE = "A template, a strategy of the library (NAME@VERSION: an earlier version), or a file."
SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help=_SOURCE)]


def register(strategies: typer.Typer) -> None:
    """Add the commands of this module to those about strategies."""
    commands = (add, edit, versions, diff, clone, enable, disable, delete, restore, export)
    strategies.command("list")(list_strategies)
    strategies.command("show")(show)
    for command in commands:
        strategies.command(command.__name__)(command)


def list_strategies(
    category: Annotated[str | None, typer.Option(help="Only strategies of this category.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only strategies with this tag.")] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those that were deleted, instead of those there.")
    ] = False,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """The strategies of the library. `tapeflow strategies templates` has those that come with the program.

    Example: tapeflow strategies list --tag pump
    """
    from dataflows.cli.strategy_tables import print_list, record_fields
    from dataflows.library import stored_strategies

    database = _project(db)
    stored = stored_strategies(database, deleted=deleted) if database else {}
    found = [one for one in stored.values() if category in (None, one.category) and (tag is None or tag in one.tags)]
    if as_json:
        print_json("finished", strategies=[record_fields(one) for one in found])
    elif found:
        print_list(found)
    else:
        what = "has no such strategy" if category or tag or deleted else "is empty"
        console.print(f"The library {what}. `tapeflow strategies add FILE` stores one.")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_SOURCE)],
    document: Annotated[bool, typer.Option("--document", help="The JSON document, to save and edit.")] = False,
    db: DatabaseOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object with the document (as text) and its hash.")
    ] = False,
) -> None:
    """Show what a strategy does, or its document: a template, one of the library, or a file.

    Example: tapeflow strategies show pump_follow_long --document > my_strategy.json
    """
    from dataflows.cli.strategy_tables import print_summary, record_fields, record_lines
    from operators.strategy.document import document_hash
    from operators.strategy.summary import summary

    source = _source(name, db)
    if document:
        sys.stdout.write(source.text)
        return
    found = _document(source, name, db)
    if as_json:
        print_json(
            "finished",
            name=found.name,
            origin=source.origin,
            hash=document_hash(found),
            document=source.text,
            strategy=record_fields(source.record) if source.record else None,
        )
        return
    if found.description:
        console.print(found.description, markup=False)
    print_summary(f"{found.name}  {found.direction}", summary(found))
    if source.record:
        print_summary("", record_lines(source.record))


def add(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=f"{_SOURCE} - is standard input.")],
    name: Annotated[str | None, typer.Option(help="Its name in the library; the document's if left out.")] = None,
    category: CategoryOption = None,
    author: AuthorOption = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a strategy in the library. The document must be valid; backtests can then name the strategy.

    Example: tapeflow strategies add my_strategy.json --category pumps
    """
    from dataflows.library import add_strategy

    database = _open(db)
    found = _source(source, db)
    stored = add_strategy(
        database, found.text, name=name, author=author or login_name(), category=category, template=found.template
    )
    told(stored, "added", as_json=as_json)


def edit(
    name: NameArgument,
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="The new document: a file, -, or NAME@VERSION to go back.")
    ] = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Its new name.")] = None,
    category: Annotated[str | None, typer.Option(help="Its new category; an empty one for none.")] = None,
    author: AuthorOption = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store the next version of a strategy, for sessions that are started from now on.

    Example: tapeflow strategies edit my_strategy changed.json
    """
    from dataflows.library import StrategyRefused, edit_strategy, find_strategy

    if source is None and rename is None and category is None:
        raise StrategyRefused("nothing to change; give a document, --rename or --category")
    database = _open(db)
    before = find_strategy(database, name)
    stored = edit_strategy(
        database,
        name,
        text=None if source is None else _source(source, db).text,
        new_name=rename,
        category=category,
        author=author or login_name(),
    )
    told(stored, "unchanged" if stored == before else "changed", as_json=as_json)


def versions(name: NameArgument, db: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """All versions of a strategy: when, by whom, what was done. Also of a strategy that was deleted.

    Example: tapeflow strategies versions my_strategy
    """
    from dataflows.cli.strategy_tables import changes, print_versions, record_fields
    from dataflows.library import strategy_versions

    found = strategy_versions(_open(db), name)
    if as_json:
        rows = [{**record_fields(one), "what": what} for one, what in zip(found, changes(found), strict=True)]
        print_json("finished", name=name, versions=rows)
    else:
        print_versions(found)


def diff(
    before: SourceArgument,
    after: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="What to compare it with; if left out, the first is the version after."),
    ] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is different between two documents, place by place.

    With one strategy of the library alone: since the document that it had before.

    Example: tapeflow strategies diff my_strategy@0 my_strategy
    """
    from dataflows.cli.strategy_tables import difference_fields, print_differences
    from operators.strategy.difference import document_differences
    from operators.strategy.document import document_hash

    if after is None:
        before, after = _document_before(before, db), before
    names = (before, after)
    sources = [_source(name, db) for name in names]
    first, second = (_document(source, name, db) for source, name in zip(sources, names, strict=True))
    found = document_differences(first, second)
    if as_json:
        described = [
            {"source": name, "name": one.name, "hash": document_hash(one)}
            for name, one in zip(names, (first, second), strict=True)
        ]
        print_json(
            "finished",
            identical=not found,
            before=described[0],
            after=described[1],
            differences=difference_fields(found),
        )
    elif found:
        print_differences(names, found)
    else:
        console.print(f"{before} and {after} are the same document", markup=False, soft_wrap=True)


def clone(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A strategy of the library, or a template.")],
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="The name of the copy.")],
    author: AuthorOption = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a copy of a strategy under another name, with versions of its own.

    Example: tapeflow strategies clone pump_follow_long my_follower
    """
    from dataflows.library import add_strategy, clone_strategy
    from operators.strategy.templates import TEMPLATES, template_text

    database, by = _open(db), author or login_name()
    if name in TEMPLATES:
        stored = add_strategy(database, template_text(name), name=new_name, author=by, template=name)
    else:
        stored = clone_strategy(database, name, new_name, by)
    told(stored, "added", as_json=as_json)


def enable(
    name: NameArgument, author: AuthorOption = None, db: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Let sessions start with a strategy again.

    Example: tapeflow strategies enable my_strategy
    """
    _set_enabled(name, True, author, db, as_json=as_json)


def disable(
    name: NameArgument, author: AuthorOption = None, db: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Keep a strategy, but refuse to start sessions with it. Those that run go on.

    Example: tapeflow strategies disable my_strategy
    """
    _set_enabled(name, False, author, db, as_json=as_json)


def delete(
    name: NameArgument, author: AuthorOption = None, db: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Delete a strategy of the library. Its versions stay, `restore` brings it back, sessions keep what they ran.

    Example: tapeflow strategies delete my_strategy
    """
    from dataflows.library import delete_strategy

    told(delete_strategy(_open(db), name, author or login_name()), "deleted", as_json=as_json)


def restore(
    name: NameArgument, author: AuthorOption = None, db: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Bring back a strategy that was deleted, as it was.

    Example: tapeflow strategies restore my_strategy
    """
    from dataflows.library import restore_strategy

    told(restore_strategy(_open(db), name, author or login_name()), "restored", as_json=as_json)


def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_SOURCE)],
    to: Annotated[Path, typer.Option("--to", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a strategy's document to a file, as it was stored.

    Example: tapeflow strategies export my_strategy --to my_strategy.json
    """
    source = _source(name, db)
    write_document(to, source.text, force=force)
    if as_json:
        print_json("finished", name=name, origin=source.origin, file=str(to))
    else:
        messages.print(f"{name}: written to {to}", soft_wrap=True, markup=False)


def write_document(to: Path, text: str, *, force: bool) -> None:
    """Write a document's file. Raises `UsageError` for one that exists, without `force`, or cannot be written."""
    from operators.errors import UsageError

    if to.exists() and not force:
        raise UsageError(f"{to} exists; --force writes over it")
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror or error}") from error


def told(record: StrategyRecord, what: str, *, as_json: bool) -> None:
    """Say what was done to a strategy of the library."""
    from dataflows.cli.strategy_tables import record_fields

    if as_json:
        print_json("finished", outcome=what, strategy=record_fields(record))
    else:
        console.print(
            f"{what}: {record.name} (version {record.version}, document {record.hash})", soft_wrap=True, markup=False
        )


def _set_enabled(name: str, enabled: bool, author: str | None, db: str | None, *, as_json: bool) -> None:
    from dataflows.library import find_strategy, set_enabled

    database = _open(db)
    before = find_strategy(database, name)
    stored = set_enabled(database, name, enabled, author or login_name())
    what = "enabled" if enabled else "disabled"
    told(stored, f"{what} already" if stored == before else what, as_json=as_json)


def _document_before(name: str, db: str | None) -> str:
    """`NAME@VERSION` of the newest version of a strategy of the library with another document than it has now."""
    from dataflows.library import StrategyRefused, strategy_versions

    record = _source(name, db).record
    if record is None:
        raise StrategyRefused(f"strategy {name} has no versions; give two documents to compare")
    earlier = [one for one in strategy_versions(_open(db), record.name) if one.version < record.version]
    for one in reversed(earlier):
        if one.hash != record.hash:
            return f"library:{record.name}@{one.version}"
    raise StrategyRefused(f"the strategy {name} has had one document only; give two to compare")


def _source(name: str, db: str | None) -> StrategySource:
    from dataflows.strategy_sources import strategy_source

    return strategy_source(name, lambda: _project(db))


def _document(source: StrategySource, name: str, db: str | None) -> StrategyDocument:
    """The checked document of a source; the database is asked for variants only where it was asked already, or has to
    be."""
    from dataflows.cli.strategies import validated

    return validated(source.text, db).require(name)


def _project(db: str | None) -> Database | None:
    """The project's database, None where there is no project yet."""
    from dataflows.cli.project import has_project

    return _open(db) if has_project(db) else None


def _open(db: str | None) -> Database:
    from dataflows.cli.project import open_project

    return open_project(db)
