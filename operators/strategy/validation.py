"""Is this a strategy? Everything that is wrong with a document at once, each thing at its JSON path."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from operators.strategy.contradictions import contradiction_warnings
from operators.strategy.document import StrategyDocument
from operators.strategy.names import NO_VARIANTS, Variants
from operators.strategy.problems import InvalidStrategy, Problem, path_of, shown
from operators.strategy.rules import rule_problems, rule_warnings
from operators.strategy.structure import json_problems, structure_problems

LONGEST_TEXT: Final = 1_000_000
"""Characters of a document."""


@dataclass(frozen=True, slots=True)
class Validated:
    """What validation found. `document` is there exactly if there is no problem; warnings forbid nothing."""

    document: StrategyDocument | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def valid(self) -> bool:
        """Whether the document can be used."""
        return self.document is not None

    def require(self, name: str) -> StrategyDocument:
        """The document, or `InvalidStrategy` with all problems; `name` is what the message calls it."""
        if self.document is None:
            raise InvalidStrategy(name, self.problems)
        return self.document


def validate(data: object, variants: Variants = NO_VARIANTS) -> Validated:
    """Check a document that was read from JSON. Never raises, whatever the data.

    `variants` are the stored variant names that conditions may use.

    >>> validate({"schema_version": 1, "name": "x"}).problems[0].path
    '$.direction'
    """
    not_json, small_enough = json_problems(data)
    if not small_enough:
        return Validated(None, tuple(not_json), ())
    document, wrong = structure_problems(data)
    problems = _basic_first(not_json, wrong, rule_problems(data, variants))
    warnings = rule_warnings(data)
    if document is None or problems:
        return Validated(None, problems, tuple(warnings))
    return Validated(document, (), (*warnings, *contradiction_warnings(document, variants)))


def validate_text(text: str, variants: Variants = NO_VARIANTS) -> Validated:
    """Check the text of a document: malformed JSON is a problem at its line and column. Never raises.

    >>> print(validate_text('{"name" "x"}').problems[0])
    $: found line 1, column 9: Expecting ':' delimiter; allowed: JSON
    """
    if len(text) > LONGEST_TEXT:
        return _refused(f"{len(text)} characters", f"at most {LONGEST_TEXT}")
    try:
        data = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        return _refused(f"line {error.lineno}, column {error.colno}: {error.msg}", "JSON")
    except RecursionError:
        return _refused("nesting too deep", "the nesting of a strategy document")
    except ValueError as error:  # integers of thousands of digits
        return _refused(f"a number that cannot be read ({str(error).partition(';')[0]})", "numbers below 2^63")
    if not json_problems(data)[1]:
        return validate(data)  # too deep or too large to look at more closely
    repeated, plain = _without_repeats(data)
    found = validate(plain, variants)
    if repeated:
        return Validated(None, (*repeated, *found.problems), found.warnings)
    return found


def load_strategy(text: str, name: str = "document", variants: Variants = NO_VARIANTS) -> StrategyDocument:
    """The document of a JSON text. Raises `InvalidStrategy`, whose message begins with `strategy {name}`."""
    return validate_text(text, variants).require(name)


class _Object(dict[str, Any]):
    """A JSON object that remembers keys that were written more than once (the last one counts)."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


def _without_repeats(data: Any) -> tuple[list[Problem], Any]:
    """Repeated keys as problems, and the data as plain objects and lists."""
    problems: list[Problem] = []

    def plain(value: Any, location: tuple[str | int, ...]) -> Any:
        if isinstance(value, _Object):
            problems.extend(
                Problem(path_of((*location, key)), f"the key {shown(key)} more than once", "each key once")
                for key in value.repeated
            )
            return {key: plain(entry, (*location, key)) for key, entry in value.items()}
        if isinstance(value, list):
            return [plain(entry, (*location, position)) for position, entry in enumerate(value)]
        return value

    return problems, plain(data, ())


def _refused(found: str, allowed: str) -> Validated:
    return Validated(None, (Problem("$", found, allowed),), ())


def _basic_first(*checks: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of all checks, without those at a path where a more basic check found something already."""
    found: list[Problem] = []
    for check in checks:
        known = {problem.path for problem in found}
        found += [problem for problem in check if problem.path not in known]
    return tuple(found)
