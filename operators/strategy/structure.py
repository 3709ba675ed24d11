"""From the models' errors to problems that a person can act on, and what a JSON document can hold at all."""

from __future__ import annotations

import math
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from operators.strategy.document import StrategyDocument
from operators.strategy.places import TaggedLocation, allowed_at, is_tag, keys_of, part_at
from operators.strategy.problems import Location, Problem, did_you_mean, path_of, shown

DEEPEST: Final = 100
"""Objects and lists inside each other (a group takes two)."""
MOST_VALUES: Final = 20_000
"""Values in one document."""


def json_problems(data: object) -> tuple[list[Problem], bool]:
    """What no JSON document of a strategy can hold, and whether the document is small enough to look further.

    Walks without recursion and gives up on what is too deep or too large, so that nothing (a structure that contains
    itself included) can exhaust the later checks.
    """
    problems: list[Problem] = []
    stack: list[tuple[tuple[str | int, ...], object]] = [((), data)]
    seen = 0
    while stack:
        location, value = stack.pop()
        seen += 1
        if len(location) > DEEPEST:
            return [Problem(path_of(location[:5]), "nesting too deep", f"at most {DEEPEST} levels")], False
        if seen > MOST_VALUES:
            return [Problem("$", f"more than {MOST_VALUES} values", f"at most {MOST_VALUES}")], False
        if isinstance(value, dict):
            for key, entry in value.items():
                if isinstance(key, str) and _printable(key):
                    stack.append(((*location, key), entry))
                else:
                    problems.append(Problem(path_of(location), f"the key {shown(key)}", "keys that are text"))
        elif isinstance(value, list | tuple):
            stack.extend(((*location, position), entry) for position, entry in enumerate(value))
        elif (refusal := _not_a_value(value)) is not None:
            problems.append(Problem(path_of(location), shown(value), refusal))
    return problems[::-1], True


def _printable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _not_a_value(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if _printable(value) else "text of complete Unicode characters"
    if isinstance(value, int):
        return None if abs(value) <= 2**63 else "a number below 2^63"
    if isinstance(value, float):
        return None if math.isfinite(value) else "a finite number"
    return "a JSON value"


def structure_problems(data: object) -> tuple[StrategyDocument | None, list[Problem]]:
    """The document, or everything that its models refuse."""
    try:
        return StrategyDocument.model_validate(data), []
    except ValidationError as refusal:
        found = [_problem(error) for error in refusal.errors(include_url=False)]
        return None, [problem for problem in found if problem is not None]


def _problem(error: ErrorDetails) -> Problem | None:
    tagged = error["loc"]
    location = _untagged(tagged)
    given: Any = error["input"]
    match error["type"]:
        case "missing":
            return Problem(path_of(location), "nothing", f"required: {allowed_at(tagged)}")
        case "extra_forbidden":
            return Problem(path_of(location), f"the unknown key {shown(tagged[-1])}", _keys_allowed(tagged))
        case "value_error":
            return Problem(path_of(location), shown(given), str(error["ctx"]["error"]))
        case "too_short" if isinstance(given, list | tuple) and len(given) > 0:
            return None  # items of it were refused, each with its own problem
        case _:
            return Problem(path_of(location), shown(given), allowed_at(tagged))


def _keys_allowed(tagged: TaggedLocation) -> str:
    if tagged == ("e1_emergency", "order"):
        return "no order here: E1 always closes at market"
    part = part_at(tagged[:-1])
    return did_you_mean(str(tagged[-1]), keys_of(part) if part else [])


def _untagged(tagged: TaggedLocation) -> Location:
    return [step for position, step in enumerate(tagged) if not is_tag(step, tagged[:position])]
