"""Canonical ids as one plan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from operators.indicators.errors import IndicatorProblem, InvalidIndicator
from operators.indicators.ids import parse_indicator
from operators.indicators.parameters import MAX_STALENESS, MIN_COVERAGE
from operators.indicators.plan import Plan, PlanBuilder


@lru_cache(maxsize=64)
def compile_plan(ids: tuple[str, ...]) -> Plan:
    """The plan whose outputs are these indicators in this order; raises `InvalidIndicator`.

    Its tables are shared by all symbols and never written to.
    """
    builder = PlanBuilder()
    for text in ids:
        key = parse_indicator(text)
        if key.kind.describe is None:
            raise InvalidIndicator(
                text, [IndicatorProblem("a kind that the desk computes from its position", "kinds of trades and books")]
            )
        values = key.values
        value = key.kind.describe(builder, values)
        builder.output(value, values[MIN_COVERAGE.name], values[MAX_STALENESS.name])
    return builder.build()


def longest_window_us(ids: Sequence[str]) -> int:
    """How much tape before an instant the indicators read, in microseconds; 0 where none has a window.

    >>> longest_window_us(["TWPA(t1=300,t2=0)", "SPREAD_PCT()"])
    300000000
    """
    return compile_plan(tuple(ids)).longest_us
