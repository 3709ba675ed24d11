"""`tapeflow indicators variants …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataflows.cli.output import DB_HELP, console, login_name, messages, print_json

if TYPE_CHECKING:
    from connectors.questdb.database import Database
    from operators.variant import VariantRecord

variants = typer.Typer(
    help="Names for a kind with parameters, which strategies may use.\n\n"
    "Example: tapeflow indicators variants list --section S1",
    no_args_is_help=True,
)

_SECTIONS = ("S1", "O1", "Z1", "ZE1", "E1")

DatabaseOption = Annotated[str | None, typer.Option("--db", help=DB_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object per line, for machines.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of the variant.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to those about indicators."""
    app.add_typer(variants, name="variants")


@variants.command("list")
def list_variants(
    section: Annotated[
        str | None, typer.Option(help="Only those made for this section of a strategy: S1, O1, Z1, ZE1 or E1.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only variants of this kind.")] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """All variants: your own, and those that come with the program (marked with the section they were made for).

    Example: tapeflow indicators variants list --kind VOLUME_SURGE_RATIO
    """
    rows = [row for row in _all(_project(db)) if _wanted(row, _section(section), _kind(kind))]
    if as_json:
        print_json("finished", variants=rows)
        return
    if not rows:
        console.print("There is no such variant. `tapeflow indicators variants add` makes one.")
        return
    _print_list(rows)


@variants.command("show")
def show(name: NameArgument, db: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """One variant: what it stands for, how to use it, and its earlier versions.

    Example: tapeflow indicators variants show pump_fast
    """
    from connectors.questdb.variants import VariantStore
    from dataflows.variants import stored_variants, unknown_variant

    database = _project(db)
    found = next((row for row in _all(database) if row["name"] == name), None)
    if found is None:
        raise unknown_variant(name, stored_variants(database) if database else {})
    versions = VariantStore(database).versions(found["id"]) if database and found["origin"] == "stored" else []
    if as_json:
        print_json("finished", variant=found, versions=[_fields(version) for version in versions])
        return
    _print_one(found, versions)


@variants.command("add")
def add(
    name: NameArgument,
    indicator: Annotated[
        str, typer.Argument(metavar="INDICATOR", help='"KIND(p=v,…)", a bare KIND, or a variant to copy.')
    ],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    author: Annotated[str | None, typer.Option(help="Who made it; your login name if left out.")] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a new variant.

    Example: tapeflow indicators variants add my_pump "PUMP_MAGNITUDE_PCT(t1=8,t3=60,d=30)"
    """
    from dataflows.cli.project import open_project
    from dataflows.variants import add_variant

    stored = add_variant(open_project(db), name, indicator, description, author or login_name())
    _told(stored, "added", as_json=as_json)


@variants.command("edit")
def edit(
    name: NameArgument,
    indicator: Annotated[
        str | None, typer.Option(help='Its new parameters: "KIND(p=v,…)" of the kind that it has.')
    ] = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Its new name.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a variant of your own: a new version, for sessions that are started from now on.

    Example: tapeflow indicators variants edit my_pump --indicator "PUMP_MAGNITUDE_PCT(t1=8,t3=90,d=60)"
    """
    from dataflows.cli.project import open_project
    from dataflows.variants import edit_variant, find_variant, strategies_with
    from operators.strategy.variants import VariantRefused

    if indicator is None and rename is None and description is None:
        raise VariantRefused("nothing to change; give --indicator, --rename or --description")
    database = open_project(db)
    before = find_variant(database, name)
    stored = edit_variant(database, name, indicator=indicator, new_name=rename, description=description)
    used_by = strategies_with(database, name) if stored.name != before.name else []
    _told(stored, "unchanged" if stored == before else "changed", as_json=as_json, used_by=used_by)
    _warn_users(name, used_by)


@variants.command("delete")
def delete(name: NameArgument, db: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Delete a variant of your own. Its versions stay in the database, and sessions keep what they ran.

    Example: tapeflow indicators variants delete my_pump
    """
    from dataflows.cli.project import open_project
    from dataflows.variants import delete_variant, strategies_with

    database = open_project(db)
    stored = delete_variant(database, name)
    used_by = strategies_with(database, name)
    _told(stored, "deleted", as_json=as_json, used_by=used_by)
    _warn_users(name, used_by)


def _project(db: str | None) -> Database | None:
    """The project's database, None where there is no project yet: the program's own variants need none."""
    from dataflows.cli.project import has_project, open_project

    return open_project(db) if has_project(db) else None


def _all(database: Database | None) -> list[dict[str, Any]]:
    """Every variant for machines: the user's own by name, then the program's in their order."""
    from dataflows.variants import stored_variants
    from operators.indicators.ids import parse_indicator
    from operators.strategy.system_variants import SYSTEM_VARIANTS, VERSION

    stored = stored_variants(database) if database else {}
    rows = [{**_fields(record), "origin": "stored"} for record in stored.values()]
    for one in SYSTEM_VARIANTS:
        if one.name in stored:
            continue
        kind = parse_indicator(one.indicator).kind
        rows.append(
            {
                "name": one.name,
                "indicator": one.indicator,
                "kind": kind.name,
                "category": kind.category,
                "description": one.description,
                "section": one.section,
                "id": None,
                "version": VERSION,
                "changed_at": None,
                "created_by": None,
                "is_deleted": False,
                "origin": "system",
            }
        )
    return rows


def _fields(record: VariantRecord) -> dict[str, Any]:
    """A stored variant for machines."""
    from operators.strategy.variants import indicator_of

    return {
        "name": record.name,
        "indicator": indicator_of(record),
        "kind": record.kind,
        "category": record.category,
        "description": record.description,
        "section": None,
        "id": record.id,
        "version": record.version,
        "changed_at": record.changed_at,
        "created_by": record.created_by,
        "is_deleted": record.is_deleted,
    }


def _wanted(row: dict[str, Any], section: str | None, kind: str | None) -> bool:
    return section in (None, row["section"]) and kind in (None, row["kind"])


def _section(text: str | None) -> str | None:
    from operators.strategy.variants import VariantRefused

    if text is None or text.upper() in _SECTIONS:
        return text.upper() if text else None
    raise VariantRefused(f"--section is {text!r}; allowed: {', '.join(_SECTIONS)}")


def _kind(text: str | None) -> str | None:
    from operators.indicators.errors import InvalidIndicator
    from operators.indicators.ids import unknown_kind
    from operators.indicators.registry import find_kind

    if text is None:
        return None
    kind = find_kind(text)
    if kind is None:
        raise InvalidIndicator(text, [unknown_kind(text)])
    return kind.name


def _print_list(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("variant", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("stands for; what it tells", overflow="fold")
    for row in rows:
        origin = row["section"] or f"you, v{row['version']}"
        meaning = Text(row["indicator"])
        if row["description"]:
            meaning.append(f"\n{row['description']}", "dim")
        table.add_row(row["name"], origin, meaning)
    console.print(table)
    own = sum(row["origin"] == "stored" for row in rows)
    console.print(
        f"\n{own} of your own, {len(rows) - own} that come with the program (S1 … E1: the section they were made for; "
        "any may use them)."
    )


def _print_one(found: dict[str, Any], versions: list[VariantRecord]) -> None:
    import json

    from rich.markup import escape
    from rich.table import Table

    from dataflows.sessions.describe import instant
    from operators.strategy.variants import indicator_of

    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("stands for", escape(found["indicator"]))
    if found["description"]:
        facts.add_row("what it tells", escape(found["description"]))
    facts.add_row("category", found["category"])
    own = found["origin"] == "stored"
    by = f" by {found['created_by']}" if own and found["created_by"] else ""
    facts.add_row(
        "from",
        f"version {found['version']}{by}" if own else f"the program (list {found['version']}), for {found['section']}",
    )
    console.print(f"[bold]{found['name']}[/bold]")
    console.print(facts)
    if len(versions) > 1:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("version", "changed at (UTC)", "name", "stood for"):
            table.add_column(column, overflow="fold")
        for version in versions:
            table.add_row(
                str(version.version), instant(version.changed_at), version.name, escape(indicator_of(version))
            )
        console.print()
        console.print(table)
    console.print("\nIn a condition of a strategy:")
    example = json.dumps({"indicator": found["name"], "op": ">=", "value": 1.0})
    console.print(f"  {example}", soft_wrap=True, markup=False)
    console.print(f"`tapeflow indicators describe {found['kind']}` tells more about its kind.", soft_wrap=True)


def _told(record: VariantRecord, what: str, *, as_json: bool, used_by: list[str] | None = None) -> None:
    fields = _fields(record)
    if as_json:
        print_json("finished", outcome=what, variant=fields, used_by=used_by or [])
    else:
        console.print(
            f"{what}: {record.name} = {fields['indicator']} (version {record.version})", soft_wrap=True, markup=False
        )


def _warn_users(name: str, used_by: list[str]) -> None:
    if used_by:
        messages.print(
            f"[yellow]note:[/yellow] the name {name} is still used by the stored "
            f"strateg{'y' if len(used_by) == 1 else 'ies'} {', '.join(used_by)}: not valid without it",
            soft_wrap=True,
        )
