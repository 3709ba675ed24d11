"""`docs/indicators.md` and its plots, written from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from dataflows.indicator_pages import facts
from dataflows.indicator_pages.drawing import draw
from dataflows.indicator_pages.example_conditions import EXAMPLES, example_text
from dataflows.indicator_pages.example_position import ABOUT
from dataflows.indicator_pages.example_pump import curves
from dataflows.indicator_pages.introduction import EXAMPLES_HEADING, INTRODUCTION
from operators.indicators.kind import Kind
from operators.indicators.parameters import COMMON, Parameter, canonical
from operators.indicators.registry import CATALOGUE

PAGE: Final = "indicators.md"
IMAGES: Final = "images/indicators"
RENEW: Final = "`make docs` renews the page and the plots of the catalogue"


def pages() -> Mapping[str, str]:
    """The text of every file, by its path below the folder of the documentation, with "/" on every platform."""
    kinds = list(CATALOGUE.values())
    drawn = curves(kinds)
    files = {
        f"{IMAGES}/{kind.name}.svg": draw(kind, drawn[kind.name], EXAMPLES[kind.name].value)
        for kind in kinds
        if kind.name in drawn
    }
    return {PAGE: _page(kinds)} | files


def write_pages(folder: Path) -> list[Path]:
    """Write them below `folder`, and remove plots of kinds that are no more; returns what was written."""
    written = []
    for name, text in pages().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # line ends are "\n" on every platform, so that the same catalogue gives the same bytes
        file.write_bytes(text.encode("utf-8"))
        written.append(file)
    for file in set((folder / IMAGES).glob("*.svg")) - set(written):
        file.unlink()
    return written


def _page(kinds: Sequence[Kind]) -> str:
    by_category: dict[str, list[Kind]] = {}
    for kind in kinds:
        by_category.setdefault(kind.category, []).append(kind)
    parts = [INTRODUCTION, _parameters(COMMON), "## The kinds\n", _overview(by_category), EXAMPLES_HEADING]
    for category, members in by_category.items():
        parts.append(f"## {category.capitalize()}\n")
        if category == "position":
            parts.append(f"The desk computes these from its position. In the plots it is made up: {ABOUT}.\n")
        parts += ["\n".join(_kind(kind)) for kind in members]
    return "\n".join(parts)


def _overview(by_category: Mapping[str, Sequence[Kind]]) -> str:
    rows = []
    for category, members in by_category.items():
        for number, kind in enumerate(members):
            first = f"**{category}**" if number == 0 else ""
            name = f"[`{kind.name}`](#{kind.name.lower()})"
            asks = facts.no_value(kind) or EXAMPLES[kind.name].asks
            rows.append((first, name, kind.unit, facts.inputs(kind), asks))
    return _table(("category", "kind", "unit", "from", "asks, for example, whether"), rows)


def _kind(kind: Kind) -> Iterator[str]:
    yield f"### {kind.name}\n"
    yield f"{_sentence(kind.formula)}\n"
    if facts.no_value(kind):
        yield f"**It {facts.no_value(kind)}.**\n"
    rows = [
        ("unit", kind.unit),
        ("from", facts.inputs(kind)),
        ("warm-up", facts.warm_up(kind)),
        ("drawn", facts.chart(kind)),
        ("also named", ", ".join(f"`{alias}`" for alias in kind.aliases)),
        ("in a strategy", ", ".join(f"`{name}`" for name in facts.sections(kind).split(", "))),
        ("canonical id", f"`{facts.default_id(kind)}`"),
        ("example", f"`{example_text(kind)}`: {EXAMPLES[kind.name].asks}"),
    ]
    yield _list((name, text) for name, text in rows if text and text != "`all`")
    if kind.parameters:
        yield _parameters(kind.parameters)
    if kind.unavailable is None:
        yield f"![{kind.name} in the example pump]({IMAGES}/{kind.name}.svg)\n"


def _parameters(parameters: Iterable[Parameter]) -> str:
    rows = [
        (f"`{each.name}`", f"`{canonical(each.default)}`", facts.allowed(each), each.meaning) for each in parameters
    ]
    return _table(("parameter", "default", "allowed", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines) + "\n"


def _list(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"* {name}: {text}" for name, text in rows) + "\n"


def _sentence(text: str) -> str:
    """A formula as a paragraph. The name of a function keeps its small letters."""
    begins = text[0].upper() + text[1:] if text.split()[0].isalpha() else text
    return f"{begins.rstrip('.')}."
