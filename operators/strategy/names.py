"""What the indicator names of a document mean: a kind with parameters, or a variant that stands for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from operators.indicators.errors import IndicatorProblem
from operators.indicators.ids import parse_indicator
from operators.indicators.ids import problems as indicator_problems
from operators.indicators.kind import POSITION
from operators.indicators.parameters import Parameters
from operators.indicators.registry import CATALOGUE
from operators.strategy.problems import nearest

Variants = Mapping[str, str]
"""Variants: name → `KIND(parameter=value,…)`."""

PRICE_UNIT: Final = "quote per base"
"""The unit of indicators that are prices."""

NO_VARIANTS: Final[Variants] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Meaning:
    """An indicator as computed: `id` is canonical, `streams` are those of the tape that it reads (none for position
    values, which only the desk knows), `parameters` are complete."""

    kind: str
    id: str
    unit: str
    streams: frozenset[str]
    on_position: bool
    parameters: Parameters


def meaning(text: str, variants: Variants = NO_VARIANTS) -> Meaning | list[IndicatorProblem]:
    """What a name means, or everything that is wrong with it."""
    written = variants.get(text.strip(), text)
    wrong = list(indicator_problems(written))
    if wrong:
        return _with_variant_suggestion(text, wrong, variants)
    key = parse_indicator(written)
    kind = key.kind
    return Meaning(kind.name, key.id, kind.unit, streams_of(kind.name), kind.on_position, key.values)


def streams_of(kind: str) -> frozenset[str]:
    """The streams of the tape that a kind cannot do without."""
    return CATALOGUE[kind].inputs - CATALOGUE[kind].optional - {POSITION}


def names_in(document: object) -> Iterator[str]:
    """The indicator names in the JSON of a document, in no particular order; whatever else it holds is passed over.

    >>> list(names_in({"all": [{"indicator": "TWPA", "op": ">", "value": 1}], "label": "x"}))
    ['TWPA']
    """
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
            if isinstance(name := part.get("indicator"), str):
                yield name.strip()


def _with_variant_suggestion(text: str, wrong: list[IndicatorProblem], variants: Variants) -> list[IndicatorProblem]:
    variant = nearest(text, variants)
    if variant is None:
        return wrong
    return [IndicatorProblem(one.found, f"{one.allowed}, or the variant {variant}") for one in wrong]
