"""Comparisons as closed ranges of numbers: the one form that conditions and contradictions are worked out in."""

from __future__ import annotations

from math import inf, nextafter
from typing import NamedTuple


class Accepted(NamedTuple):
    """The values that satisfy a comparison: those in `[lowest, highest]`, or, if not `inside`, all others."""

    lowest: float
    highest: float
    inside: bool

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and (self.lowest <= value <= self.highest) == self.inside


def accepted(op: str, low: float, high: float) -> Accepted:
    """What `value op low` (or `[low, high]` for between and outside) accepts.

    A strict bound is the neighbouring floating-point number, so nothing is lost: between a number and its neighbour
    there is no other.

    >>> 5.0 in accepted(">=", 5, 5), 5.0 in accepted(">", 5, 5), 5.0 in accepted("outside", 4, 5)
    (True, False, False)
    """
    match op:
        case ">":
            return Accepted(nextafter(low, inf), inf, True)
        case ">=":
            return Accepted(low, inf, True)
        case "<":
            return Accepted(-inf, nextafter(low, -inf), True)
        case "<=":
            return Accepted(-inf, low, True)
        case "==":
            return Accepted(low, low, True)
        case "!=":
            return Accepted(low, low, False)
        case "between":
            return Accepted(low, high, True)
        case "outside":
            return Accepted(low, high, False)
    raise ValueError(f"operator {op!r}; allowed: > >= < <= == != between outside")
