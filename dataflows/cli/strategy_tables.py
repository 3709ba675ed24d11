"""Strategies on a terminal: summaries, problems, the library's lists, versions and differences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dataflows.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from operators.stored_strategy import StrategyRecord
    from operators.strategy.difference import Difference
    from operators.strategy.problems import Problem


def problem_fields(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Problems for machines."""
    return [{"path": one.path, "found": one.found, "allowed": one.allowed} for one in problems]


def print_problems(problems: Sequence[Problem], on: Console = console) -> None:
    """One row per problem."""
    _print_rows(("where", "found", "allowed"), [(one.path, one.found, one.allowed) for one in problems], on)


def print_summary(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """What a strategy does, a sentence per section; `title` may have markup."""
    from rich.markup import escape
    from rich.table import Table

    console.print(title)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for heading, sentence in lines:
        table.add_row(heading, escape(sentence))
    console.print(table)


def record_fields(record: StrategyRecord) -> dict[str, Any]:
    """A version of a strategy of the library for machines, without its document."""
    return {
        "name": record.name,
        "id": record.id,
        "version": record.version,
        "direction": record.direction,
        "description": record.description,
        "enabled": record.enabled,
        "hash": record.hash,
        "author": record.author,
        "category": record.category,
        "tags": record.tags,
        "template": record.template_id,
        "changed_at": record.changed_at,
        "is_deleted": record.is_deleted,
        "deleted_at": record.deleted_at,
    }


def record_lines(record: StrategyRecord) -> list[tuple[str, str]]:
    """What is known about a version of a strategy beside what it does."""
    from dataflows.sessions.describe import instant

    by = f" by {record.author}" if record.author else ""
    lines = [
        ("version", f"{record.version}, {instant(record.changed_at)} UTC{by}"),
        ("document", record.hash),
        ("made from", record.template_id or ""),
        ("category", record.category or ""),
        ("tags", ", ".join(record.tags)),
        ("enabled", "yes" if record.enabled else "no: no session starts with it"),
    ]
    return [(heading, text) for heading, text in lines if text]


def print_list(records: Sequence[StrategyRecord]) -> None:
    """The library, one strategy per row."""
    from dataflows.sessions.describe import instant

    rows = [
        (
            one.name,
            one.direction,
            f"v{one.version}" + ("" if one.enabled else ", disabled") + (", deleted" if one.is_deleted else ""),
            instant(one.changed_at),
            "\n".join(text for text in (one.description, _labels(one)) if text),
        )
        for one in records
    ]
    _print_rows(("strategy", "direction", "version", "changed at (UTC)", "what it does; category and tags"), rows)


def changes(versions: Sequence[StrategyRecord]) -> list[str]:
    """What each version did, in a few words, the oldest first."""
    return ["added", *(", ".join(_change(before, after)) for before, after in pairwise(versions))][: len(versions)]


def print_versions(versions: Sequence[StrategyRecord]) -> None:
    """All versions of one strategy, the oldest first."""
    from dataflows.sessions.describe import instant

    rows = [
        (str(one.version), instant(one.changed_at), one.author or "", what, one.hash)
        for one, what in zip(versions, changes(versions), strict=True)
    ]
    _print_rows(("version", "changed at (UTC)", "by", "what", "document"), rows)


def print_differences(titles: tuple[str, str], found: Sequence[Difference]) -> None:
    """One row per place."""
    rows = [(one.path, _value(one.before), _value(one.after)) for one in found]
    _print_rows(("where", *titles), rows)


def difference_fields(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Differences for machines: a key that is missing says that the document does not have the place."""
    from operators.strategy.difference import ABSENT

    return [
        {"path": one.path}
        | {key: value for key, value in (("before", one.before), ("after", one.after)) if value is not ABSENT}
        for one in found
    ]


def _change(before: StrategyRecord, after: StrategyRecord) -> list[str]:
    what = []
    if after.is_deleted != before.is_deleted:
        what.append("deleted" if after.is_deleted else "restored")
    if after.enabled != before.enabled:
        what.append("enabled" if after.enabled else "disabled")
    if after.name != before.name:
        what.append(f"renamed from {before.name}")
    if after.category != before.category:
        what.append(f"category {after.category or 'none'}")
    if after.strategy_json != before.strategy_json and after.name == before.name:
        what.append("edited" if after.hash != before.hash else "written differently")
    return what


def _labels(record: StrategyRecord) -> str:
    return ", ".join([*([record.category] if record.category else []), *(f"#{tag}" for tag in record.tags)])


def _value(value: Any) -> str:
    import json

    from operators.strategy.difference import ABSENT

    return "not there" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], on: Console = console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(escape(heading), overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    on.print(table)
