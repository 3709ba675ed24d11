"""What the indicator names of a document mean: a kind with parameters, or a variant that stands for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from operators.indicators.errors import IndicatorProblem
from operators.indicators.ids import parse_indicator
from operators.indicators.ids import problems as indicator_problems
from operators.indicators.kind import POSITION
from operators.indicators.registry import CATALOGUE
from operators.strategy.problems import nearest

Variants = Mapping[str, str]
"""Stored variants: name → `KIND(parameter=value,…)`."""

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
    parameters: Mapping[str, float]


def meaning(text: str, variants: Variants = NO_VARIANTS) -> Meaning | list[IndicatorProblem]:
    """What a name means, or everything that is wrong with it."""
    written = variants.get(text.strip(), text)
    wrong = list(indicator_problems(written))
    if wrong:
        return _with_variant_suggestion(text, wrong, variants)
    key = parse_indicator(written)
    kind = key.kind
    return Meaning(kind.name, key.id, kind.unit, kind.inputs - {POSITION}, kind.on_position, key.values)


def streams_of(kind: str) -> frozenset[str]:
    """The streams of the tape that a kind reads."""
    return CATALOGUE[kind].inputs - {POSITION}


def _with_variant_suggestion(text: str, wrong: list[IndicatorProblem], variants: Variants) -> list[IndicatorProblem]:
    variant = nearest(text, variants)
    if variant is None:
        return wrong
    return [IndicatorProblem(one.found, f"{one.allowed}, or the variant {variant}") for one in wrong]
