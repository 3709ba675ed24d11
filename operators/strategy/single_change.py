"""Which change of one threshold alone would have made a section TRUE.

For every condition: the threshold nearest to its own with which, all others unchanged, the section is TRUE at one of
the instants at which it was looked at. A change accepts more or fewer values, and what a section needs of a condition
(TRUE, or FALSE below a `not`) is the same everywhere: a tree has each condition once. So along one direction of one
bound the answer goes from no to yes once, at a value of the tape, and is found by halving the tape's values, each try
by the kernel that decided the session. Only `==` and `!=` have no such order and are worked out directly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nextafter

import numpy as np
from numpy.typing import NDArray

from operators.strategy.comparison import Accepted, accepted
from operators.strategy.compiled import Condition, Tree
from operators.strategy.kernels import NOT_HELD, Bool, condition_verdicts, tree_verdicts
from operators.strategy.tables import postfix
from operators.strategy.verdict import FALSE, TRUE
from operators.tape import Float64, Int8, Int64


@dataclass(frozen=True, slots=True)
class SingleChange:
    """With `low` and `high` as thresholds (equal for one-value operators) of `condition`, the section is TRUE at tape
    time `at` (µs) for the first time while it is looked at."""

    condition: Condition
    low: float
    high: float
    at: int

    @property
    def distance(self) -> float:
        """How far the threshold moves, in the unit of the indicator."""
        return max(abs(self.low - self.condition.low), abs(self.high - self.condition.high))

    @property
    def relative(self) -> float:
        """The move as a share of the larger of the old and the new threshold: comparable between indicators."""
        low, high = self.condition.low, self.condition.high
        before, after = (low, self.low) if self.low != low else (high, self.high)
        return self.distance / max(abs(before), abs(after))


@dataclass(frozen=True, slots=True)
class SectionRows:
    """One section of one symbol over the instants of a tape: conditions × instants.

    `values` and `verdicts` are those of `conditions`, in the order in which `tree` numbers them from
    `conditions[0].index` on. `given` as in `condition_verdicts`; `looked` marks the instants at which the section was
    looked at.
    """

    tree: Tree
    conditions: tuple[Condition, ...]
    ts: Int64
    values: Float64
    verdicts: Int8
    given: Int8
    looked: Bool

    def section(self, verdicts: Int8) -> Int8:
        """The section's verdict at every instant, given those of its conditions."""
        first = self.conditions[0].index
        program = postfix(self.tree, [0] * first + list(range(len(self.conditions))))
        result = np.empty((1, len(self.ts)), np.int8)
        tree_verdicts(verdicts, np.array(program), np.array([0, len(program)]), len(program), result)
        row: Int8 = result[0]
        return row


def single_changes(rows: SectionRows) -> list[SingleChange]:
    """For each condition for which there is one, the smallest change that makes the section TRUE, the relatively
    smallest change first. Nothing where the section was TRUE anyway."""
    if np.any(rows.looked & (rows.section(rows.verdicts) == TRUE)):
        return []
    changes = [change for place in range(len(rows.conditions)) if (change := _Search(rows, place).smallest())]
    return sorted(changes, key=lambda change: (change.relative, change.condition.index))


class _Search:
    """The search for one condition."""

    def __init__(self, rows: SectionRows, place: int) -> None:
        self.rows, self.place = rows, place
        self.condition = rows.conditions[place]
        self.range = accepted(self.condition.op, self.condition.low, self.condition.high)
        self.values: Float64 = np.ascontiguousarray(rows.values[place])
        self.wanted = TRUE
        self.candidates = self._where(TRUE)
        if not self.candidates.any():
            self.wanted = FALSE
            self.candidates = self._where(FALSE)

    def smallest(self) -> SingleChange | None:
        """The smallest change of this condition, or None where no threshold helps."""
        if not self.candidates.any():
            return None
        op, low, high = self.condition.op, self.condition.low, self.condition.high
        if op in ("==", "!="):
            threshold = self._unordered(op)
            return None if threshold is None else self._change(threshold, threshold)
        ranged = self.condition.ranged
        found: list[SingleChange] = []
        for which in ("low", "high") if ranged else ("low",) if op in (">", ">=") else ("high",):
            level = self._first_level(which, self._levels(which))
            if level is None:
                continue
            # a strict bound accepts from the neighbouring number on
            threshold = nextafter(level, -inf) if op == ">" else nextafter(level, inf) if op == "<" else level
            if not ranged:
                low = high = threshold
                found.append(self._change(low, high))
            else:
                found.append(self._change(threshold, high) if which == "low" else self._change(low, threshold))
        return min(found, key=lambda change: change.distance, default=None)

    def _where(self, wanted: int) -> Bool:
        """The instants looked at where the section is TRUE once this condition is as wanted."""
        verdicts = self.rows.verdicts.copy()
        verdicts[self.place] = wanted
        return self.rows.looked & (self.rows.section(verdicts) == TRUE)

    def _fires(self, range_: Accepted) -> int | None:
        """The first instant at which the section is TRUE while the condition accepts this range."""
        verdicts = np.empty((1, len(self.values)), np.int8)
        condition_verdicts(
            self.values[np.newaxis],
            self.rows.ts,
            np.zeros(1, np.int64),
            np.array([range_.lowest]),
            np.array([range_.highest]),
            np.array([range_.inside]),
            np.array([self.condition.for_us]),
            self.rows.given[self.place : self.place + 1],
            np.full(1, NOT_HELD),
            verdicts,
        )
        hits = np.flatnonzero(self.candidates & (verdicts[0] == self.wanted))
        return int(hits[0]) if len(hits) else None

    def _change(self, low: float, high: float) -> SingleChange:
        first = self._fires(accepted(self.condition.op, low, high))
        assert first is not None  # noqa: S101 - what was found does fire
        return SingleChange(self.condition, low, high, int(self.rows.ts[first]))

    def _finite(self) -> Float64:
        return np.unique(self.values[np.isfinite(self.values)])

    def _levels(self, which: str) -> Float64:
        """The places to which a bound may move in the direction that helps, the nearest first."""
        lowest, highest, inside = self.range
        values = self._finite()
        if (self.wanted == TRUE) == inside:
            return values[values < lowest][::-1] if which == "low" else values[values > highest]
        within = values[(values >= lowest) & (values <= highest)]
        if which == "low":
            levels = np.nextafter(within, np.inf)
            return levels[np.isfinite(levels) & (levels <= highest)]
        levels = np.nextafter(within, -np.inf)[::-1]
        return levels[np.isfinite(levels) & (levels >= lowest)]

    def _first_level(self, which: str, levels: Float64) -> float | None:
        """The nearest level that helps; each one beyond it helps too."""

        def helps(level: float) -> bool:
            lowest, highest, inside = self.range
            bounds = (level, highest) if which == "low" else (lowest, level)
            return self._fires(Accepted(*bounds, inside)) is not None

        if not len(levels) or not helps(levels[-1]):
            return None
        below, above = -1, len(levels) - 1
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (below, middle) if helps(levels[middle]) else (middle, above)
        return float(levels[above])

    def _unordered(self, op: str) -> float | None:
        """The nearest threshold of `==` or `!=`."""
        if (op == "==") == (self.wanted == TRUE):
            places = self._constant() if op == "==" else self._disturbing()
            return self._nearest(self.values[places & np.isfinite(self.values)])
        # any number that the values avoid will do: the nearest one
        if self._fires(accepted(op, *[_avoided(self._finite())] * 2)) is None:
            return None
        return next(
            threshold
            for threshold in _neighbours(self.condition.low)
            if self._fires(accepted(op, threshold, threshold)) is not None
        )

    def _constant(self) -> Bool:
        """The candidates up to which the value has not changed for as long as it must hold."""
        ts, changed = self.rows.ts, np.ones(len(self.values), np.bool_)
        changed[1:] = self.values[1:] != self.values[:-1]
        start = np.maximum.accumulate(np.where(changed, np.arange(len(ts)), 0))
        return self.candidates & (ts - ts[start] >= self.condition.for_us)

    def _disturbing(self) -> Bool:
        """The instants a value of which, not accepted any more, ends a hold that a candidate needs ended."""
        ts, for_us = self.rows.ts, self.condition.for_us
        ends = np.flatnonzero(self.candidates & (self.rows.verdicts[self.place] == TRUE))
        begins = np.searchsorted(ts, ts[ends] - for_us, "right") - 1 if for_us else ends
        steps = np.zeros(len(ts) + 1, np.int64)
        np.add.at(steps, np.maximum(begins, 0), 1)
        np.add.at(steps, ends + 1, -1)
        return np.cumsum(steps[:-1]) > 0

    def _nearest(self, values: Float64) -> float | None:
        others: NDArray[np.float64] = values[values != self.condition.low]
        return float(others[np.argmin(np.abs(others - self.condition.low))]) if len(others) else None


def _neighbours(number: float) -> Iterator[float]:
    """Numbers ever further from one, nearest first."""
    below, above = nextafter(number, -inf), nextafter(number, inf)
    while isfinite(below) or isfinite(above):
        if above - number <= number - below:
            yield above
            above = nextafter(above, inf)
        else:
            yield below
            below = nextafter(below, -inf)


def _avoided(values: Sequence[float] | Float64) -> float:
    """A number that none of the sorted values is."""
    return nextafter(float(values[-1]), inf) if len(values) else 0.0
