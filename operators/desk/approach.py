"""What one machine has seen of its sections: the closest approach of every condition and of each section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from operators.strategy.compiled import SECTIONS
from operators.strategy.kernels import Bool
from operators.strategy.verdict import PENDING, TRUE
from operators.tape import Float64, Int8, Int64

# What the time of a condition is counted as: its verdict, PENDING in three parts.
MISSING: Final = PENDING
WARM_UP: Final = 3
NO_STREAM: Final = 4
BUCKETS: Final = 5

NEVER: Final = -1
"""A tape time that has not come; as a number of conditions: not looked at yet."""
BLOCK: Final = 2048

# Columns of `Approach.times`, `codes` and `groups`.
BEST_AT: Final = 0
SPENT: Final = 1
NOW: Final = 0
AT_MOST: Final = 1
MAX_TRUE: Final = 0
MAX_TRUE_AT: Final = 1
SINCE: Final = 2


@dataclass(slots=True)
class Approach:
    """What one machine has seen, conditions `[n]` in the document's order, sections `[5]` in the order of `SECTIONS`.

    `best[n]` nearest value, NaN before the first; `times[n, 6]` its tape time, then µs in each bucket; `codes[n, 2]`
    the bucket of the newest instant, and whether the condition was TRUE when most were; `groups[5, 3]` most conditions
    TRUE at once, when, and since when the time is not counted yet.
    """

    best: Float64
    times: Int64
    codes: Int8
    groups: Int64

    @classmethod
    def of(cls, conditions: int) -> Approach:
        """Nothing seen yet."""
        times = np.zeros((conditions, 1 + BUCKETS), np.int64)
        times[:, BEST_AT] = NEVER
        groups = np.full((len(SECTIONS), 3), NEVER, np.int64)
        return cls(np.full(conditions, math.nan), times, np.zeros((conditions, 2), np.int8), groups)


@njit(cache=True, nogil=True)
def see_stretch(
    values: Float64,
    value_rows: Int64,
    values_from: int,
    verdicts: Int8,
    verdicts_from: int,
    ts: Int64,
    start: int,
    stop: int,
    begins: Int64,
    absent: Bool,
    lowest: Float64,
    highest: Float64,
    inside: Bool,
    best: Float64,
    times: Int64,
    codes: Int8,
    group: Int64,
) -> None:
    """One section at the instants start..stop of a slice, whose times are `ts`.

    Condition c has the value `values[value_rows[c], values_from + i]` and the verdict `verdicts[c, verdicts_from + i]`
    at instant start + i; its indicator warms up before instant `begins[c]`; `absent[c]`: the tape lacks its stream. The
    rest is an `Approach`, of this section's conditions alone.

    The nearest value is the one whose distance from `[lowest, highest]` is smallest: outside, how far it has to go;
    inside, with a minus, how far it is from the bound (the other way round where values outside are accepted).
    """
    since = group[SINCE]
    count = stop - start
    for c in range(len(value_rows)):
        if since != NEVER:
            times[c, SPENT + codes[c, NOW]] += ts[start] - since
        low, high, wanted, row = lowest[c], highest[c], inside[c], value_rows[c]
        nearest, at = best[c], -1
        distance = np.inf
        if not np.isnan(nearest):
            distance = max(low - nearest, nearest - high)
            distance = distance if wanted else -distance
        for i in range(count):
            value = values[row, values_from + i]
            away = max(low - value, value - high)
            away = away if wanted else -away
            if away < distance:
                distance, nearest, at = away, value, i
        if at >= 0:
            best[c] = nearest
            times[c, BEST_AT] = ts[start + at]
        code, begun = codes[c, NOW], ts[start]
        for i in range(count):
            new = verdicts[c, verdicts_from + i]
            if new == PENDING:
                if absent[c]:
                    new = np.int8(NO_STREAM)
                elif start + i < begins[c]:
                    new = np.int8(WARM_UP)
            if i == 0:
                code = new
            elif new != code:
                times[c, SPENT + code] += ts[start + i] - begun
                code, begun = new, ts[start + i]
        times[c, SPENT + code] += ts[stop - 1] - begun
        codes[c, NOW] = code
    group[SINCE] = ts[stop - 1]
    together = np.empty(BLOCK, np.int64)
    for begin in range(0, count, BLOCK):
        width = min(BLOCK, count - begin)
        together[:width] = 0
        for c in range(len(value_rows)):
            for i in range(width):
                together[i] += verdicts[c, verdicts_from + begin + i] == TRUE
        for i in range(width):
            if together[i] > group[MAX_TRUE]:
                group[MAX_TRUE], group[MAX_TRUE_AT] = together[i], ts[start + begin + i]
                for c in range(len(value_rows)):
                    codes[c, AT_MOST] = verdicts[c, verdicts_from + begin + i] == TRUE
