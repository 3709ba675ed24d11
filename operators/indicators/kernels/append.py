"""What happens when events enter a ring: room for them, their observed clock and the running sums up to each."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.indicators.kernels.layout import (
    BOOK_ASK,
    BOOK_BID,
    CLOCK_RATE,
    CLOCK_TS,
    CLOCK_VALUE,
    DERIVE_MID,
    RING_CLOCK,
    RING_TS,
    TERM_PRICE,
    TERM_QUANTITY,
    TERM_QUOTE,
    TERM_SIGNED,
    TRADE_PRICE,
    TRADE_QUANTITY,
    TRADE_SIDE,
)
from operators.tape import Float64, Int64


@njit(cache=True, nogil=True, error_model="numpy")
def move_down(times: Int64, data: Float64, keep: int, end: int) -> None:
    """Slots keep..end become slots 0..end − keep, in place: a copy of a large ring costs more than moving it."""
    for row in range(times.shape[0]):
        column = times[row]
        for i in range(end - keep):
            column[i] = column[i + keep]
    for row in range(data.shape[0]):
        values = data[row]
        for i in range(end - keep):
            values[i] = values[i + keep]


@njit(cache=True, nogil=True, error_model="numpy")
def append_events(
    times: Int64, data: Float64, first: int, end: int, breaks: Int64, derived: Int64, steps: Int64, sums: Int64
) -> None:
    """Completes the slots first..end of a ring whose ts and raw rows are filled in; first >= 1.

    `breaks[4, b]` is the observed clock (`operators.indicators.clock`); `derived[d]` = (code, row);
    `steps[s]` = (value row, row of the time with a value; the pair of the integral over time follows);
    `sums[t]` = (code of the term, row of the sum; its low part follows).

    Sums are unevaluated pairs (high, low) updated by TwoSum (O. Møller 1965, D. Knuth, TAOCP 2, 4.2.2) in strict
    event order, so they do not depend on how the events were batched.
    """
    at = breaks.shape[1] - 1
    while at > 0 and breaks[CLOCK_TS, at] > times[RING_TS, first]:
        at -= 1
    for i in range(first, end):
        ts = times[RING_TS, i]
        while at + 1 < breaks.shape[1] and breaks[CLOCK_TS, at + 1] <= ts:
            at += 1
        times[RING_CLOCK, i] = breaks[CLOCK_VALUE, at] + breaks[CLOCK_RATE, at] * (ts - breaks[CLOCK_TS, at])

    for d in range(derived.shape[0]):
        row = derived[d, 1]
        if derived[d, 0] == DERIVE_MID:
            for i in range(first, end):
                data[row, i] = (data[BOOK_ASK, i] + data[BOOK_BID, i]) / 2.0
        else:
            for i in range(first, end):
                mid = (data[BOOK_ASK, i] + data[BOOK_BID, i]) / 2.0
                data[row, i] = 100.0 * (data[BOOK_ASK, i] - data[BOOK_BID, i]) / mid

    for s in range(steps.shape[0]):
        value_row, held_row, area_row = steps[s, 0], steps[s, 1], steps[s, 1] + 1
        held = data[held_row, first - 1]
        high = data[area_row, first - 1]
        low = data[area_row + 1, first - 1]
        for i in range(first, end):
            passed = float(times[RING_CLOCK, i] - times[RING_CLOCK, i - 1])
            value = data[value_row, i - 1]
            if passed > 0.0 and not np.isnan(value):
                held += passed
                term = value * passed
                total = high + term
                virtual = total - high
                low += (high - (total - virtual)) + (term - virtual)
                high = total
            data[held_row, i] = held
            data[area_row, i] = high
            data[area_row + 1, i] = low

    for t in range(sums.shape[0]):
        code, row = sums[t, 0], sums[t, 1]
        high = data[row, first - 1]
        low = data[row + 1, first - 1]
        for i in range(first, end):
            if code == TERM_QUANTITY:
                term = data[TRADE_QUANTITY, i]
            elif code == TERM_QUOTE:
                term = data[TRADE_PRICE, i] * data[TRADE_QUANTITY, i]
            elif code == TERM_PRICE:
                term = data[TRADE_PRICE, i]
            elif code == TERM_SIGNED:
                term = data[TRADE_SIDE, i] * data[TRADE_QUANTITY, i]
            else:
                term = abs(data[TRADE_SIDE, i]) * data[TRADE_QUANTITY, i]
            total = high + term
            virtual = total - high
            low += (high - (total - virtual)) + (term - virtual)
            high = total
            data[row, i] = high
            data[row + 1, i] = low
