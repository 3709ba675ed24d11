"""Sets of floating-point numbers as a few closed ranges, exact because every number has neighbours."""

from __future__ import annotations

from math import inf, nextafter

from operators.strategy.comparison import Accepted

Ranges = tuple[tuple[float, float], ...]
"""Closed ranges, ascending, apart from each other; the empty tuple is the empty set."""

ALL_NUMBERS: Ranges = ((-inf, inf),)


def ranges_of(accepted: Accepted) -> Ranges:
    """What a comparison accepts.

    >>> ranges_of(Accepted(1.0, 2.0, True))
    ((1.0, 2.0),)
    """
    ranges: Ranges = ((accepted.lowest, accepted.highest),)
    return ranges if accepted.inside else complement(ranges)


def complement(ranges: Ranges) -> Ranges:
    """All other numbers.

    >>> complement(complement(((1.0, 2.0),)))
    ((1.0, 2.0),)
    """
    outside = []
    begin = -inf
    for low, high in ranges:
        if low > begin:
            outside.append((begin, nextafter(low, -inf)))
        if high == inf:
            return tuple(outside)
        begin = nextafter(high, inf)
    return (*outside, (begin, inf))


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """What is in both.

    >>> intersection(((0.0, 5.0),), ((4.0, 9.0),))
    ((4.0, 5.0),)
    """
    both = [(max(a, c), min(b, d)) for a, b in left for c, d in right]
    return tuple(sorted((low, high) for low, high in both if low <= high))


def within(inner: Ranges, outer: Ranges) -> bool:
    """Whether all of `inner` is in `outer`."""
    return not intersection(inner, complement(outer))
