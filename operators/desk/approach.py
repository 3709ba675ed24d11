"""What one machine has seen of its sections: the closest approach of every condition and of each section."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from operators.strategy.compiled import SECTIONS
from operators.strategy.verdict import PENDING, TRUE
from operators.tape import Float64, Int8, Int64

# What the time of a condition is counted as: its verdict, PENDING in three parts.
MISSING: Final = PENDING
WARM_UP: Final = 3
NO_STREAM: Final = 4
BUCKETS: Final = 5

NEVER: Final = -1
"""A tape time that has not come; as a number of conditions: not looked at yet."""
ABSENT: Final = -1
"""Instead of an instant: the tape lacks the stream that the indicator needs."""
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

    def __reduce__(self) -> tuple[Callable[[int, bytes], Approach], tuple[int, bytes]]:
        """Packed for snapshots: most of it is empty, since most machines have only ever looked at S1."""
        parts = (self.best, self.times, self.codes, self.groups)
        return _unpacked, (len(self.best), zlib.compress(b"".join(part.tobytes() for part in parts), 1))


def _unpacked(conditions: int, packed: bytes) -> Approach:
    """What `Approach.__reduce__` has packed."""
    seen, content, start = Approach.of(conditions), zlib.decompress(packed), 0
    for part in (seen.best, seen.times, seen.codes, seen.groups):
        part.flat[:] = np.frombuffer(content, part.dtype, part.size, start)
        start += part.nbytes
    return seen


@njit(cache=True)
def see_stretch(
    values: Float64,
    value_rows: Int64,
    verdicts: Int8,
    verdicts_first: int,
    offset: int,
    ts: Int64,
    start: int,
    stop: int,
    begins: Int64,
    bounds: Float64,
    best: Float64,
    times: Int64,
    codes: Int8,
    groups: Int64,
    first: int,
    group: int,
) -> None:
    """One section at the instants start..stop of a slice, whose times are `ts`.

    Its condition c has the value `values[value_rows[c], offset + i]` and the verdict
    `verdicts[verdicts_first + c, offset + i]` at instant start + i; its indicator warms up before instant
    `begins[c]`, or is `ABSENT`. `bounds[c]` are lowest, highest and 1 where what is between them is accepted. The rest
    is an `Approach`, of which the section has the conditions from `first` on and the group.

    The nearest value is the one whose distance from `[lowest, highest]` is smallest: outside, how far it has to go;
    inside, with a minus, how far it is from the bound (the other way round where values outside are accepted).
    """
    since = groups[group, SINCE]
    count = stop - start
    conditions = len(value_rows)
    together = np.empty(BLOCK, np.int32)
    for begin in range(0, count, BLOCK):
        width = min(BLOCK, count - begin)
        together[:] = 0
        at = start + begin
        before = since if begin == 0 else ts[at - 1]
        for c in range(conditions):
            block = values[value_rows[c], offset + begin : offset + begin + width]
            _nearest(block, ts[at : at + width], bounds[c], best, times, first + c)
            found = verdicts[verdicts_first + c, offset + begin : offset + begin + width]
            warming = begins[c] if begins[c] == ABSENT else max(begins[c] - at, 0)
            _spend(found, ts[at : at + width], before, warming, times, codes, first + c)
            for i in range(width):
                together[i] += np.int32(found[i] == TRUE)
        most = groups[group, MAX_TRUE]
        more = np.uint8(0)
        for i in range(width):
            more |= np.uint8(together[i] > most)
        if more:
            place = together[:width].argmax()
            groups[group, MAX_TRUE], groups[group, MAX_TRUE_AT] = together[place], ts[at + place]
            for c in range(conditions):
                codes[first + c, AT_MOST] = verdicts[verdicts_first + c, offset + begin + place] == TRUE
    groups[group, SINCE] = ts[stop - 1]


@njit(cache=True)
def _nearest(values: Float64, ts: Int64, bounds: Float64, best: Float64, times: Int64, c: int) -> None:
    """The nearest value so far. Whether any is nearer is asked first, in a way the compiler turns into vectors."""
    low, high, wanted = bounds[0], bounds[1], bounds[2] == 1.0
    distance = np.inf
    if not np.isnan(best[c]):
        distance = max(low - best[c], best[c] - high)
        distance = distance if wanted else -distance
    nearer = np.uint8(0)
    if wanted:
        for i in range(len(values)):
            nearer |= np.uint8((low - values[i] < distance) & (values[i] - high < distance))
    else:
        for i in range(len(values)):
            nearer |= np.uint8((low - values[i] > -distance) | (values[i] - high > -distance))
    if not nearer:
        return
    for i in range(len(values)):
        value = values[i]
        away = max(low - value, value - high)
        away = away if wanted else -away
        if away < distance:
            distance, best[c], times[c, BEST_AT] = away, value, ts[i]


@njit(cache=True)
def _spend(verdicts: Int8, ts: Int64, before: int, begins: int, times: Int64, codes: Int8, c: int) -> None:
    """The time from the instant `before` (NEVER: there is none) to the last of these, bucket by bucket."""
    code, width = codes[c, NOW], len(verdicts)
    pending = NO_STREAM if begins == ABSENT else WARM_UP if begins >= width else MISSING
    expected = np.int8(min(code, PENDING))
    other = np.uint8(before == NEVER or (expected == PENDING and (code != pending or 0 < begins < width)))
    for i in range(width):  # mostly nothing changes: asked in a way the compiler turns into vectors
        other |= np.uint8(verdicts[i] != expected)
    since = before
    if other:
        for i in range(width):
            new = verdicts[i]
            if new == PENDING:
                new = np.int8(NO_STREAM if begins == ABSENT else WARM_UP if i < begins else MISSING)
            if i == 0 and before == NEVER:
                code, since = new, ts[0]
            elif new != code:
                times[c, SPENT + code] += ts[i] - since
                code, since = new, ts[i]
    times[c, SPENT + code] += ts[width - 1] - since
    codes[c, NOW] = code
