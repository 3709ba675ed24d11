"""What the page and the terminal both say of a kind, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operators.indicators.ids import parse_indicator
from operators.indicators.kind import Kind
from operators.indicators.parameters import Choice, Number, Parameter, canonical, canonical_number
from operators.strategy.rules import sections_of

_SECTIONS = ("s1_signal", "o1_cancel", "z1_entry", "ze1_close", "e1_emergency")
_CHARTS = {"price axis": "on the axis of the price", "own axis": "on an axis of its own"}


def inputs(kind: Kind) -> str:
    """What it is computed from.

    >>> from operators.indicators.registry import CATALOGUE
    >>> inputs(CATALOGUE["DEAL_VS_MID_PCT"])
    'trades, books'
    """
    return ", ".join(sorted(kind.inputs, reverse=True))


def chart(kind: Kind) -> str:
    """Where it is drawn."""
    return _CHARTS[kind.chart]


def default_id(kind: Kind) -> str:
    """Its canonical id with its defaults."""
    return parse_indicator(kind.name).id


def defaults(kind: Kind) -> str:
    """Its own parameters with their defaults, as in its id."""
    return ", ".join(f"{parameter.name}={canonical(parameter.default)}" for parameter in kind.parameters)


def allowed(parameter: Parameter) -> str:
    """Type and range of a parameter.

    >>> from operators.indicators.parameters import book_levels, seconds_ago
    >>> allowed(book_levels(5)), allowed(seconds_ago("t1", 300))
    ('whole number, 1 to 10', '0 to 86400 s')
    """
    if isinstance(parameter, Number):
        return f"whole number, {parameter.range}" if parameter.whole else parameter.range
    return parameter.range


def warm_up(kind: Kind) -> str:
    """How much tape it reads, in words; nothing where it reads none."""
    if kind.on_position or kind.unavailable is not None:
        return ""
    seconds = kind.warm_up_seconds()
    if seconds == 0:
        return "none: it reads the newest event"
    return f"{canonical_number(seconds)} s with its defaults"


def sections(kind: Kind) -> str:
    """The sections of a strategy that may use it.

    >>> from operators.indicators.registry import CATALOGUE
    >>> sections(CATALOGUE["SIGNAL_AGE_SECONDS"]), sections(CATALOGUE["TWPA"])
    ('o1_cancel, z1_entry', 'all')
    """
    if not kind.on_position:
        return "all"
    found = sections_of(kind.name)
    return ", ".join(section for section in _SECTIONS if section in found)


def no_value(kind: Kind) -> str:
    """That and why it never has a value; nothing if it has."""
    return "" if kind.unavailable is None else f"has no value in this version ({kind.unavailable})"


def for_machines(kind: Kind) -> Mapping[str, Any]:
    """A kind as plain fields."""
    return {
        "kind": kind.name,
        "aliases": kind.aliases,
        "category": kind.category,
        "unit": kind.unit,
        "inputs": sorted(kind.inputs),
        "chart": kind.chart,
        "formula": kind.formula,
        "warm_up_seconds": kind.warm_up_seconds(),
        "unavailable": kind.unavailable,
        "id": default_id(kind),
        "parameters": [_parameter_for_machines(parameter) for parameter in kind.all_parameters],
    }


def _parameter_for_machines(parameter: Parameter) -> Mapping[str, Any]:
    fields: dict[str, Any] = {"name": parameter.name, "type": parameter.type, "default": parameter.default}
    if isinstance(parameter, Number):
        fields |= {"min": parameter.minimum, "max": parameter.maximum, "unit": parameter.unit}
    if isinstance(parameter, Choice):
        fields["options"] = parameter.options
    return fields | {"range": parameter.range, "meaning": parameter.meaning}
