"""Sets of time as sorted, disjoint stretches.

>>> union([(0, 5), (4, 8), (20, 22)])
[(0, 8), (20, 22)]
>>> clip([(0, 8), (20, 22)], 4, 21)
[(4, 8), (20, 21)]
>>> total([(4, 8), (20, 21)])
5
>>> intersection([(0, 8), (20, 22)], [(4, 21)])
[(4, 8), (20, 21)]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Stretch = tuple[int, int]
"""(from, to) in µs; empty where to <= from."""


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The time that lies in any of the stretches: sorted, disjoint, none of them empty."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def clip(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """What of the stretches lies between two instants."""
    cut = ((max(begin, start), min(until, end)) for begin, until in stretches)
    return [(begin, until) for begin, until in cut if begin < until]


def intersection(one: Iterable[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """The time that lies in stretches of both; each of the two sets is disjoint."""
    return union(common for start, end in one for common in clip(other, start, end))


def total(stretches: Sequence[Stretch]) -> int:
    """The length of disjoint stretches in µs."""
    return sum(end - start for start, end in stretches)
