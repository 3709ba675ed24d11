"""Canonical ids: `KIND(p=v,…)`, the same text for the same computation.

Parameters stand in the order of the catalogue with defaults written out, integers without ".0", other numbers as
their shortest repr; `min_coverage` and `max_staleness` come last and only where they are not the default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from operators.indicators.errors import IndicatorProblem, InvalidIndicator
from operators.indicators.kind import Kind
from operators.indicators.parameters import COMMON, Parameters, ParameterValue, canonical
from operators.indicators.registry import CATALOGUE, find_kind, nearest_names

_TEXT: Final = re.compile(r"\s*(?P<name>[A-Za-z0-9_]+)\s*(?:\((?P<inside>[^()]*)\)\s*)?")
_OPTIONAL: Final = frozenset(parameter.name for parameter in COMMON)


@dataclass(frozen=True, slots=True)
class IndicatorKey:
    """A kind with a value for every parameter, in the order of the catalogue: what identifies a computation."""

    name: str
    parameters: tuple[tuple[str, ParameterValue], ...]

    @property
    def kind(self) -> Kind:
        """The entry in the catalogue."""
        return CATALOGUE[self.name]

    @property
    def values(self) -> Parameters:
        """The value of each parameter by name."""
        return Parameters(dict(self.parameters))

    @property
    def id(self) -> str:
        """The canonical id.

        >>> parse_indicator("TWPA").id
        'TWPA(t1=300,t2=0)'
        """
        defaults = self.kind.defaults
        shown = (
            f"{name}={canonical(value)}"
            for name, value in self.parameters
            if name not in _OPTIONAL or value != defaults[name]
        )
        return f"{self.name}({','.join(shown)})"


def parse_indicator(text: str) -> IndicatorKey:
    """What `KIND(p=v,…)`, a bare `KIND` (its defaults) or an alias means. Raises `InvalidIndicator`.

    >>> parse_indicator("VELOCITY( t3=15, t1=5.0, d=5, max_staleness=60 )").id
    'PRICE_VELOCITY(t1=5,t3=15,d=5,max_staleness=60)'
    """
    key, found = _read(text)
    if key is None:
        raise InvalidIndicator(text, found)
    return key


def problems(text: str) -> list[IndicatorProblem]:
    """Everything that is wrong with the text of an indicator; nothing = `parse_indicator` reads it.

    >>> [str(problem) for problem in problems("TWPA(t1=60,t2=300)")]
    ['found t1=60 with t2=300; allowed: t1 > t2 (seconds ago: t1 is the older edge)']
    """
    return _read(text)[1]


def _read(text: str) -> tuple[IndicatorKey | None, list[IndicatorProblem]]:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None, [IndicatorProblem(repr(text), "KIND or KIND(name=value,…)")]
    kind = find_kind(match["name"])
    if kind is None:
        return None, [unknown_kind(match["name"])]
    given, found = _assignments(kind, match["inside"] or "")
    values = kind.defaults
    for parameter in kind.all_parameters:
        if parameter.name in given:
            value = parameter.read(given[parameter.name])
            if isinstance(value, IndicatorProblem):
                found.append(value)
            else:
                values[parameter.name] = value
    if not found:
        found += [problem for rule in kind.rules if (problem := rule(Parameters(values))) is not None]
    return (None if found else IndicatorKey(kind.name, tuple(values.items()))), found


def unknown_kind(name: str) -> IndicatorProblem:
    """That there is no such kind, with the nearest that there are."""
    nearest = nearest_names(name)
    allowed = f"did you mean {' or '.join(nearest)}?" if nearest else "the kinds of `tapeflow indicators list`"
    return IndicatorProblem(f"unknown kind {name}", allowed)


def _assignments(kind: Kind, inside: str) -> tuple[Mapping[str, str], list[IndicatorProblem]]:
    """The `name=value` pairs between the brackets, for names that the kind has."""
    known = [parameter.name for parameter in kind.all_parameters]
    given: dict[str, str] = {}
    found: list[IndicatorProblem] = []
    for part in inside.split(",") if inside.strip() else ():
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name or not value:
            found.append(IndicatorProblem(repr(part.strip()), "name=value"))
        elif name not in known:
            nearest = get_close_matches(name, known, n=1)
            hint = f" (did you mean {nearest[0]}?)" if nearest else ""
            names = ", ".join(known) if known else "no parameters"
            found.append(IndicatorProblem(f"unknown parameter {name}", f"{names}{hint}"))
        elif name in given:
            found.append(IndicatorProblem(f"{name} twice", f"{name} once"))
        else:
            given[name] = value
    return given, found
