"""What is different between two strategy documents, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest
from typing import Any, Final

from operators.strategy.document import StrategyDocument
from operators.strategy.problems import Location, path_of


class Absent(Enum):
    """The value of a place that one of the documents does not have: not the same as null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values, as plain JSON or `ABSENT`, at one JSON path; in lists the path is that of the document that has it,
    of the first where both have."""

    path: str
    before: Any
    after: Any


def document_differences(before: StrategyDocument, after: StrategyDocument) -> list[Difference]:
    """The differences of two documents in the order of the format, none for documents of one hash.

    Defaults count as written out. Conditions that were only moved by another one that was added or taken away before
    them are the same.

    >>> from operators.strategy.templates import load_template
    >>> long = load_template("pump_follow_long")
    >>> changed = long.model_copy(update={"description": "mine"})
    >>> [(one.path, one.after) for one in document_differences(long, changed)]
    [('$.description', 'mine')]
    """
    return json_differences(before.model_dump(mode="json"), after.model_dump(mode="json"))


def json_differences(before: Any, after: Any) -> list[Difference]:
    """The differences of two plain JSON values, as those of documents.

    >>> [(one.path, one.before, one.after is ABSENT) for one in json_differences({"a": [1, 2], "b": 3}, {"a": [2]})]
    [('$.a[0]', 1, True), ('$.b', 3, True)]
    """
    return list(_differences(before, after, ()))


def _differences(before: Any, after: Any, location: Location) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differences(before.get(key, ABSENT), after.get(key, ABSENT), (*location, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, location)
    elif _text(before) != _text(after):
        yield Difference(path_of(location), before, after)


def _list_differences(before: list[Any], after: list[Any], location: Location) -> Iterator[Difference]:
    """Entries that are equal are found first, whatever their places; what is between them is compared in order."""
    matcher = SequenceMatcher(None, [_text(one) for one in before], [_text(one) for one in after], autojunk=False)
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind == "equal":
            continue
        pairs = zip_longest(range(first, last), range(other_first, other_last))
        for place, other in pairs:
            yield from _differences(
                ABSENT if place is None else before[place],
                ABSENT if other is None else after[other],
                (*location, other if place is None else place),
            )


def _text(value: Any) -> str:
    """A value as text that tells 1 from true, and the absent from everything."""
    return "" if value is ABSENT else json.dumps(value, sort_keys=True)
