"""Conditions and condition trees over whole arrays of values.

Everything here is strictly per instant, in order, with a hold's start as the only thing that goes from one instant to
the next: the result does not depend on how a tape is cut into batches.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.strategy.verdict import FALSE, PENDING, TRUE
from operators.tape import Float64, Int8, Int64

Bool = NDArray[np.bool_]

NOT_HELD: Final = np.iinfo(np.int64).min
"""`hold_start` of a condition whose comparison does not hold."""
NO_ROW: Final = -1
"""Value row of a condition that always has its given verdict (values known to the desk only)."""
ASK_THE_VALUE: Final = -1
"""`given` of a condition that depends on its value alone; otherwise the verdict where the value is NaN."""

# Instructions of a tree in postfix order: what is >= 0 pushes the verdicts of that condition.
NOT: Final = -1
ALL: Final = -2
ANY: Final = -3

BLOCK: Final = 2048
"""Instants a tree is evaluated for at once: its stack stays in the processor's cache."""


@njit(cache=True)
def condition_verdicts(
    values: Float64,
    ts: Int64,
    rows: Int64,
    lowest: Float64,
    highest: Float64,
    inside: Bool,
    for_us: Int64,
    given: Int8,
    hold_start: Int64,
    verdicts: Int8,
) -> None:
    """Fill `verdicts[c, i]` of condition c at instant i from `values[rows[c], i]`; `hold_start[c]` is carried on.

    The comparison holds where the value lies in `[lowest, highest]` (or outside, see `comparison.accepted`). One that
    must hold `for_us` microseconds is TRUE from the first instant with ts − start >= for_us, where start is the instant
    at which it began to hold, and FALSE before. NaN is PENDING and ends the hold, except where `given[c]` says what
    holds on a tape without the stream.
    """
    instants = len(ts)
    for c in range(len(rows)):
        row = rows[c]
        if row == NO_ROW:
            verdicts[c, :] = given[c]
            continue
        low, high, wanted, needed = lowest[c], highest[c], inside[c], for_us[c]
        without_value = np.int8(PENDING) if given[c] == ASK_THE_VALUE else given[c]
        if needed == 0:  # no hold: each instant on its own, which the compiler turns into vector instructions
            for i in range(instants):
                value = values[row, i]
                holds = ((value >= low) & (value <= high)) == wanted
                verdicts[c, i] = without_value if np.isnan(value) else np.int8(holds)
            continue
        start = hold_start[c]
        for i in range(instants):
            value = values[row, i]
            if np.isnan(value):
                verdicts[c, i] = without_value
                start = NOT_HELD
            elif ((value >= low) & (value <= high)) != wanted:
                verdicts[c, i] = FALSE
                start = NOT_HELD
            else:
                if start == NOT_HELD:
                    start = ts[i]
                verdicts[c, i] = TRUE if ts[i] - start >= needed else FALSE
        hold_start[c] = start


@njit(cache=True)
def tree_verdicts(verdicts: Int8, program: Int64, starts: Int64, depth: int, sections: Int8) -> None:
    """Fill `sections[t, i]` with the verdict of tree t at instant i.

    Tree t is `program[starts[t]:starts[t + 1]]` in postfix order; `depth` is the deepest stack any tree needs.
    FALSE, TRUE, PENDING are 0, 1, 2: "all" of two is min(a·b, 2), "any" is TRUE or else the larger one.
    """
    instants = verdicts.shape[1]
    stack = np.empty((depth, BLOCK), np.int8)
    for begin in range(0, instants, BLOCK):
        width = min(BLOCK, instants - begin)
        for t in range(len(starts) - 1):
            top = -1
            for position in range(starts[t], starts[t + 1]):
                code = program[position]
                if code >= 0:
                    top += 1
                    for i in range(width):
                        stack[top, i] = verdicts[code, begin + i]
                elif code == NOT:
                    for i in range(width):
                        a = stack[top, i]
                        stack[top, i] = a if a == PENDING else np.int8(1 - a)
                elif code == ALL:
                    top -= 1
                    for i in range(width):
                        a, b = stack[top, i], stack[top + 1, i]
                        stack[top, i] = min(np.int8(a * b), np.int8(PENDING))
                else:
                    top -= 1
                    for i in range(width):
                        a, b = stack[top, i], stack[top + 1, i]
                        if a == TRUE or b == TRUE:
                            stack[top, i] = TRUE
                        else:
                            stack[top, i] = max(a, b)
            for i in range(width):
                sections[t, begin + i] = stack[0, i]
