"""Every kind in the obvious way: lists, `math.fsum` and the words of the catalogue."""

from __future__ import annotations

from tests.reference.activity import ACTIVITY
from tests.reference.answers import Answer, NotReached, Parameters, Reference
from tests.reference.bars import BARS
from tests.reference.composite import COMPOSITE
from tests.reference.momentum import MOMENTUM
from tests.reference.order_books import ORDER_BOOKS
from tests.reference.prices import PRICES
from tests.reference.tape import NAN, View

REFERENCES: dict[str, Reference] = {**PRICES, **MOMENTUM, **ACTIVITY, **ORDER_BOOKS, **BARS, **COMPOSITE}


def value_of(kind: str, view: View, parameters: Parameters) -> float:
    """The indicator's value; NaN = none."""
    return value_and_confidence(kind, view, parameters)[0]


def value_and_confidence(kind: str, view: View, parameters: Parameters) -> tuple[float, float]:
    """The value and how far it is covered; NaN for the latter where a window reaches further than can be seen."""
    try:
        answer = REFERENCES[kind](view, parameters)
    except NotReached:
        return NAN, NAN
    return _shown(answer, view, parameters), min([*answer.covers, answer.doubt])


def _shown(answer: Answer, view: View, parameters: Parameters) -> float:
    """The value, if it is covered and its streams are fresh enough."""
    if any(cover < float(parameters["min_coverage"]) for cover in answer.covers):
        return NAN
    longest = round(float(parameters["max_staleness"]) * 1_000_000)
    return NAN if any(view.age(stream) > longest for stream in answer.streams) else answer.value
