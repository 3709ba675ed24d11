"""All values of one symbol over one batch: edges once per instant, then the plan's instructions, block by block.

Helpers live in this one file because numba renews a cached kernel only when its own file changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from operators.evaluation import NO_SEQ
from operators.indicators.kernels.layout import (
    BOOKS,
    CLOCK_RATE,
    CLOCK_SEQ,
    CLOCK_TS,
    CLOCK_VALUE,
    EDGE_BREAK,
    EDGE_CURSOR,
    EDGE_OFFSET,
    EDGE_STREAM,
    EXTREME_BEST,
    EXTREME_BOUNDARY,
    EXTREME_PUSHED,
    INSTANT_BOOKS,
    INSTANT_SEQ,
    INSTANT_TRADES,
    INSTANT_TS,
    NOTHING,
    OP_ABOVE,
    OP_ABSOLUTE,
    OP_ADD,
    OP_ADMIT_AGE,
    OP_ADMIT_COVER,
    OP_AGE,
    OP_AT_LEAST,
    OP_BELOW,
    OP_CAPPED,
    OP_CHANGE_PCT,
    OP_CONSTANT,
    OP_COUNT,
    OP_COVER,
    OP_DECLINE_PCT,
    OP_DEVIATION,
    OP_DIFFERENCE,
    OP_DIVIDED,
    OP_EDGE_SUM,
    OP_EVER,
    OP_EXTREME,
    OP_FIRST,
    OP_FLOORED,
    OP_IMBALANCE,
    OP_INPUT,
    OP_LARGER,
    OP_LAST,
    OP_LOGISTIC,
    OP_MEAN_GAP,
    OP_MULTIPLIED,
    OP_MULTIPLY,
    OP_NEWEST,
    OP_OBSERVED,
    OP_OUTPUT,
    OP_OUTPUT_COVER,
    OP_PER_SECOND,
    OP_QUOTIENT,
    OP_RATIO,
    OP_ROOT,
    OP_RUNNING,
    OP_SMALLER,
    OP_STEP,
    OP_SUBTRACT,
    OP_TANH,
    OP_WHERE,
    RING_CLOCK,
    RING_SEQ,
    RING_TS,
    TRADE_PRICE,
    TRADES,
)
from operators.tape import Float64, Int64

_FLAT: Final = 1e-11
"""A relative change no larger than this is rounding: exactly 0."""


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(
    trade_times: Int64,
    trade_data: Float64,
    trade_breaks: Int64,
    trade_before: int,
    book_times: Int64,
    book_data: Float64,
    book_breaks: Int64,
    book_before: int,
    max_events: int,
    edges: Int64,
    best_from: Int64,
    extreme_state: Int64,
    program: Int64,
    constants: Float64,
    positions: Int64,
    clocks: Float64,
    rows: Float64,
    instants: Int64,
    values: Float64,
    inputs: Float64,
    cover: Float64,
    last_price: Float64,
) -> int:
    """Fills `values[k, n]`, `last_price[n]` and (where it has rows) `cover[k, n]`; returns the values lost to overflow.
    `inputs[i, n]` are values that were sampled at times of their own.

    `*_before` is the ring slot of the last event before this batch. `edges[e]` = (stream, offset µs, cursor, break);
    edges 0 and 1 are "now" of trades and of books. `best_from[x, capacity]` belongs to the extremes.
    Scratch, as wide as a block of instants: `positions[e]` is the slot of the last event at or before each edge,
    `clocks[e]` the observed microseconds up to the edge (the two last rows: whether each stream is observed now),
    `rows[r]` what the instructions compute.
    """
    lost = 0
    block = rows.shape[1]
    # rows that admit every instant of the block, which is the rule: they are not written
    whole = np.zeros(rows.shape[0], np.bool_)
    for start in range(0, instants.shape[1], block):
        m = min(block, instants.shape[1] - start)
        _advance(edges, TRADES, trade_times, instants, start, m, positions)
        _advance(edges, BOOKS, book_times, instants, start, m, positions)
        for e in range(edges.shape[0]):
            if edges[e, EDGE_STREAM] == TRADES:
                _find_edge(edges, e, trade_breaks, trade_before, instants, start, m, positions, clocks)
            else:
                _find_edge(edges, e, book_breaks, book_before, instants, start, m, positions, clocks)
        for j in range(m):
            last_price[start + j] = trade_data[TRADE_PRICE, positions[0, j]]
        for p in range(program.shape[0]):
            op, out, a, b = program[p, 0], program[p, 1], program[p, 2], program[p, 3]
            c, d, stream = program[p, 4], program[p, 5], program[p, 6]
            constant = constants[p]
            if op <= OP_RUNNING or op == OP_MEAN_GAP:
                if stream == TRADES:
                    times, data = trade_times, trade_data
                else:
                    times, data = book_times, book_data
                if op == OP_STEP:
                    _step(
                        times, data, c, d, positions[a], positions[b], positions[stream], clocks[a], clocks[b],
                        max_events, rows, out, m,
                    )  # fmt: skip
                elif op == OP_EDGE_SUM:
                    _edge_sum(data, b, positions[a], rows, out, m)
                elif op == OP_DIFFERENCE:
                    for j in range(m):
                        rows[out, j] = (rows[b, j] - rows[a, j]) + (rows[b + 1, j] - rows[a + 1, j])
                elif op == OP_OBSERVED:
                    for j in range(m):
                        rows[out, j] = clocks[b, j] - clocks[a, j]
                        if positions[a, j] < positions[stream, j] - max_events:
                            rows[out, j] = np.nan
                elif op == OP_COUNT:
                    for j in range(m):
                        rows[out, j] = float(positions[b, j] - positions[a, j])
                elif op == OP_FIRST:
                    for j in range(m):
                        rows[out, j] = data[c, positions[a, j] + 1] if positions[b, j] > positions[a, j] else np.nan
                elif op == OP_LAST:
                    for j in range(m):
                        rows[out, j] = data[c, positions[b, j]] if positions[b, j] > positions[a, j] else np.nan
                elif op == OP_EXTREME:
                    _extreme(
                        data, c, constant, positions[a], positions[b], positions[stream], max_events,
                        best_from[d], extreme_state[d], rows, out, m,
                    )  # fmt: skip
                elif op == OP_DEVIATION:
                    _deviation(times, data, c, positions[a], positions[b], clocks[a], clocks[b], rows, out, d, m)
                elif op == OP_NEWEST:
                    for j in range(m):
                        rows[out, j] = data[c, positions[a, j]]
                elif op == OP_AGE:
                    if positions[a, 0] > 0:
                        for j in range(m):
                            rows[out, j] = float(instants[INSTANT_TS, start + j] - times[RING_TS, positions[a, j]])
                    else:
                        for j in range(m):
                            rows[out, j] = _age(times, positions[a, j], instants, start + j)
                elif op == OP_RUNNING:
                    for j in range(m):
                        rows[out, j] = clocks[edges.shape[0] + stream, j]
                else:
                    _mean_gap(times, positions[a], positions[b], rows, out, m)
            elif op == OP_INPUT:
                for j in range(m):
                    rows[out, j] = inputs[a, start + j]
            elif op == OP_EVER:
                for j in range(m):
                    ever = clocks[a, j] > 0.0 or clocks[edges.shape[0] + stream, j] > 0.0
                    rows[out, j] = 1.0 if ever else 0.0
            elif op in (OP_ADMIT_COVER, OP_ADMIT_AGE):
                before = NOTHING if a == NOTHING or whole[a] else a
                whole[out] = before == NOTHING and _all_within(op, rows[b], constant, m)
                if not whole[out]:
                    _admit(op, rows, out, before, b, constant, m)
            elif op == OP_OUTPUT:
                if b == NOTHING or whole[b]:
                    for j in range(m):
                        values[out, start + j] = rows[a, j]
                else:
                    for j in range(m):
                        values[out, start + j] = rows[a, j] if rows[b, j] == 1.0 else np.nan
                        if np.isnan(rows[b, j]):
                            lost += 1
            elif op == OP_OUTPUT_COVER:
                if cover.shape[0] > 0:
                    for j in range(m):
                        share = rows[a, j]
                        cover[out, start + j] = share if b == 0 else min(cover[out, start + j], share)
                        if np.isnan(share):
                            cover[out, start + j] = np.nan
            else:
                _arithmetic(op, rows, out, a, b, c, constant, m)
    return lost


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(edges: Int64, stream: int, times: Int64, instants: Int64, start: int, m: int, positions: Int64) -> None:
    """The slots of a stream's edges before now at each instant of the block, four edges side by side: each step waits
    for the one before, so several edges take no longer than one.

    An event after what the instant has seen is not before the instant, and behind the newest there is a sentinel.
    Mostly none to two events pass per instant; counting them costs less than guessing wrong.
    """
    refs, ts = instants[INSTANT_TS], times[RING_TS]
    group = np.empty(4, np.int64)
    count = 0
    for e in range(edges.shape[0]):
        if edges[e, EDGE_STREAM] == stream and edges[e, EDGE_OFFSET] != 0:
            group[count] = e
            count += 1
        if count == 0 or (count < 4 and e < edges.shape[0] - 1):
            continue
        for k in range(count, 4):
            group[k] = group[count - 1]
        count = 0
        e0, e1, e2, e3 = group[0], group[1], group[2], group[3]
        o0, o1, o2, o3 = edges[e0, EDGE_OFFSET], edges[e1, EDGE_OFFSET], edges[e2, EDGE_OFFSET], edges[e3, EDGE_OFFSET]
        a0, a1, a2, a3 = edges[e0, EDGE_CURSOR], edges[e1, EDGE_CURSOR], edges[e2, EDGE_CURSOR], edges[e3, EDGE_CURSOR]
        p0, p1, p2, p3 = positions[e0], positions[e1], positions[e2], positions[e3]
        for j in range(m):
            ref = refs[start + j]
            t0, t1, t2, t3 = ref - o0, ref - o1, ref - o2, ref - o3
            a0 += ts[a0 + 1] <= t0
            a1 += ts[a1 + 1] <= t1
            a2 += ts[a2 + 1] <= t2
            a3 += ts[a3 + 1] <= t3
            a0 += ts[a0 + 1] <= t0
            a1 += ts[a1 + 1] <= t1
            a2 += ts[a2 + 1] <= t2
            a3 += ts[a3 + 1] <= t3
            while ts[a0 + 1] <= t0:
                a0 += 1
            while ts[a1 + 1] <= t1:
                a1 += 1
            while ts[a2 + 1] <= t2:
                a2 += 1
            while ts[a3 + 1] <= t3:
                a3 += 1
            p0[j], p1[j], p2[j], p3[j] = a0, a1, a2, a3
        edges[e0, EDGE_CURSOR], edges[e1, EDGE_CURSOR] = a0, a1
        edges[e2, EDGE_CURSOR], edges[e3, EDGE_CURSOR] = a2, a3


@njit(cache=True, nogil=True, error_model="numpy")
def _find_edge(
    edges: Int64,
    e: int,
    breaks: Int64,
    before: int,
    instants: Int64,
    start: int,
    m: int,
    positions: Int64,
    clocks: Float64,
) -> None:
    """Observed clock of one edge at each instant of the block, and the slot of "now" (offset 0), which is a count of
    events seen, not a time."""
    stream, offset, gap = edges[e, EDGE_STREAM], edges[e, EDGE_OFFSET], edges[e, EDGE_BREAK]
    last = breaks.shape[1] - 1
    refs = instants[INSTANT_TS]
    seen = instants[INSTANT_TRADES] if stream == TRADES else instants[INSTANT_BOOKS]
    clock = clocks[e]
    if offset == 0:
        position, at = positions[e], before
        seqs, running = instants[INSTANT_SEQ], clocks[edges.shape[0] + stream]
        for j in range(m):
            t, seq = refs[start + j], seqs[start + j]
            while gap < last and (
                breaks[CLOCK_TS, gap + 1] < t
                or (breaks[CLOCK_TS, gap + 1] == t and (seq == NO_SEQ or breaks[CLOCK_SEQ, gap + 1] <= seq))
            ):
                gap += 1
            at = before + seen[start + j]
            position[j] = at
            rate = breaks[CLOCK_RATE, gap]
            running[j] = float(rate)
            clock[j] = float(breaks[CLOCK_VALUE, gap] + rate * (t - breaks[CLOCK_TS, gap]))
        edges[e, EDGE_CURSOR] = at
    else:
        if gap < last and breaks[CLOCK_TS, gap + 1] <= refs[start + m - 1] - offset:
            for j in range(m):
                t = refs[start + j] - offset
                while gap < last and breaks[CLOCK_TS, gap + 1] <= t:
                    gap += 1
                clock[j] = float(breaks[CLOCK_VALUE, gap] + breaks[CLOCK_RATE, gap] * (t - breaks[CLOCK_TS, gap]))
        else:
            since, value, rate = breaks[CLOCK_TS, gap], breaks[CLOCK_VALUE, gap], breaks[CLOCK_RATE, gap]
            for j in range(m):
                clock[j] = float(value + rate * (refs[start + j] - offset - since))
    edges[e, EDGE_BREAK] = gap


@njit(cache=True, nogil=True, error_model="numpy")
def _age(times: Int64, position: int, instants: Int64, at: int) -> float:
    """Microseconds since the newest event, before the first one since observation began; infinite before that. Only
    slot 0 can be the time before the first event."""
    ref, seq = instants[INSTANT_TS, at], instants[INSTANT_SEQ, at]
    since = times[RING_TS, position]
    if times[RING_SEQ, position] == NO_SEQ and (
        since > ref or (since == ref and seq != NO_SEQ and seq < times[RING_CLOCK, position])
    ):
        return np.inf
    return float(ref - since)


@njit(cache=True, nogil=True, error_model="numpy")
def _step(
    times: Int64,
    data: Float64,
    value_row: int,
    held_row: int,
    from_position: Int64,
    to_position: Int64,
    newest: Int64,
    from_clock: Float64,
    to_clock: Float64,
    max_events: int,
    rows: Float64,
    out: int,
    m: int,
) -> None:
    """∫ value d(observed time) over a window, and (out + 1) the observed time with a value, NaN out of the ring.

    The window's first and last piece are products of their own: taken as differences of running integrals they would
    lose the digits that a long piece before the window has used up.
    """
    values, helds, event_clocks = data[value_row], data[held_row], times[RING_CLOCK]
    highs, lows = data[held_row + 1], data[held_row + 2]
    areas, times_held = rows[out], rows[out + 1]
    for j in range(m):
        first, last = from_position[j], to_position[j]
        start, end = from_clock[j], to_clock[j]
        first_value, last_value = values[first], values[last]
        area = held = 0.0
        if first == last:
            if not np.isnan(first_value):
                held = end - start
                area = first_value * held
        else:
            if not np.isnan(first_value):
                held = float(event_clocks[first + 1]) - start
                area = first_value * held
            held += helds[last] - helds[first + 1]
            area += (highs[last] - highs[first + 1]) + (lows[last] - lows[first + 1])
            if not np.isnan(last_value):
                passed = end - float(event_clocks[last])
                held += passed
                area += last_value * passed
        floor = newest[j] - max_events
        if first < floor or (first == floor and times[RING_SEQ, first] != NO_SEQ):
            held = np.nan
        areas[j], times_held[j] = area, held


@njit(cache=True, nogil=True, error_model="numpy")
def _edge_sum(data: Float64, sum_row: int, position: Int64, rows: Float64, out: int, m: int) -> None:
    """A running sum up to an edge as the pair (out, out + 1)."""
    highs, lows = data[sum_row], data[sum_row + 1]
    out_high, out_low = rows[out], rows[out + 1]
    for j in range(m):
        out_high[j], out_low[j] = highs[position[j]], lows[position[j]]


@njit(cache=True, nogil=True, error_model="numpy")
def _extreme(
    data: Float64,
    row: int,
    sign: float,
    from_position: Int64,
    to_position: Int64,
    newest: Int64,
    max_events: int,
    best_from: Int64,
    state: Int64,
    rows: Float64,
    out: int,
    m: int,
) -> None:
    """The largest (sign +1) or smallest (−1) value after one edge and up to another.

    The window is cut at a boundary. `best_from[i]` is the slot of the best value from slot i up to the boundary, and
    behind the boundary one best slot is enough, since nothing leaves there. When the window has left the boundary
    behind, a new one is set at its end: each event is looked at twice (two stacks that make a queue).
    """
    boundary, best, pushed = state[EXTREME_BOUNDARY], state[EXTREME_BEST], state[EXTREME_PUSHED]
    values = data[row]
    for j in range(m):
        oldest = max(from_position[j], newest[j] - max_events)
        for i in range(max(pushed, oldest) + 1, to_position[j] + 1):
            if best == 0 or sign * values[i] >= sign * values[best]:
                best = i
        pushed = max(pushed, to_position[j])
        if oldest >= boundary:
            boundary, best, last = pushed, 0, pushed
            for i in range(pushed, oldest, -1):
                if sign * values[i] > sign * values[last]:
                    last = i
                best_from[i] = last
        if pushed <= oldest:
            rows[out, j] = np.nan
        else:
            found = best_from[oldest + 1] if oldest < boundary else best
            if best != 0 and sign * values[best] > sign * values[found]:
                found = best
            rows[out, j] = values[found]
    state[EXTREME_BOUNDARY], state[EXTREME_BEST], state[EXTREME_PUSHED] = boundary, best, pushed


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_gap(times: Int64, from_position: Int64, to_position: Int64, rows: Float64, out: int, m: int) -> None:
    """Mean time between the events of a window (µs), at least a millisecond; fewer than three have none."""
    for j in range(m):
        count = to_position[j] - from_position[j]
        if count < 3:
            rows[out, j] = np.nan
            continue
        passed = times[RING_TS, to_position[j]] - times[RING_TS, from_position[j] + 1]
        rows[out, j] = max(passed / (count - 1), 1_000.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _deviation(
    times: Int64,
    data: Float64,
    row: int,
    from_position: Int64,
    to_position: Int64,
    from_clock: Float64,
    to_clock: Float64,
    rows: Float64,
    out: int,
    held: int,
    m: int,
) -> None:
    """Population standard deviation over observed time of a step function: two passes over the window's events.

    Deviations are taken from a value of the window, so that a constant gives exactly 0. `held` is the row that knows
    whether the window lies within the ring.
    """
    for j in range(m):
        rows[out, j] = np.nan
        if np.isnan(rows[held, j]):
            continue
        first, last = from_position[j], to_position[j]
        origin, mean, weight, squares = np.nan, 0.0, 0.0, 0.0
        for again in range(2):
            since = from_clock[j]
            for i in range(first, last + 1):
                until = float(times[RING_CLOCK, i + 1]) if i < last else to_clock[j]
                value = data[row, i]
                if until > since and not np.isnan(value):
                    if again == 0:
                        if np.isnan(origin):
                            origin = value
                        mean += (value - origin) * (until - since)
                        weight += until - since
                    else:
                        squares += (value - origin - mean) ** 2 * (until - since)
                since = max(since, until)
            if weight == 0.0:
                break
            if again == 0:
                mean /= weight
        if weight > 0.0:
            rows[out, j] = np.sqrt(squares / weight)


@njit(cache=True, nogil=True, error_model="numpy")
def _all_within(op: int, row: Float64, bound: float, m: int) -> bool:
    """Whether all covers are at least `bound`, or all ages at most. NaN is neither."""
    outside = 0
    if op == OP_ADMIT_COVER:
        for j in range(m):
            outside += not row[j] >= bound
    else:
        for j in range(m):
            outside += not row[j] <= bound
    return outside == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _admit(op: int, rows: Float64, out: int, before: int, b: int, constant: float, m: int) -> None:
    """1 where all conditions up to this one are kept, 0 where one is not, NaN where a cover is not known."""
    for j in range(m):
        admitted = rows[before, j] if before != NOTHING else 1.0
        if op == OP_ADMIT_COVER:
            if np.isnan(rows[b, j]):
                admitted = np.nan
            elif rows[b, j] < constant and not np.isnan(admitted):
                admitted = 0.0
        elif not rows[b, j] <= constant and not np.isnan(admitted):
            admitted = 0.0
        rows[out, j] = admitted


@njit(cache=True, nogil=True, error_model="numpy")
def _arithmetic(op: int, rows: Float64, out: int, a: int, b: int, c: int, constant: float, m: int) -> None:
    """Instructions that only read rows. A zero denominator gives no value."""
    if op == OP_COVER:
        for j in range(m):
            rows[out, j] = rows[a, j] / constant
    elif op == OP_QUOTIENT:
        for j in range(m):
            rows[out, j] = rows[a, j] / rows[b, j] if rows[b, j] != 0.0 else np.nan
    elif op == OP_RATIO:
        for j in range(m):
            base = rows[b, j]
            ratio = rows[a, j] / base if base != 0.0 else np.nan
            rows[out, j] = 1.0 if abs(rows[a, j] - base) <= _FLAT * abs(base) and base != 0.0 else ratio
    elif op == OP_CHANGE_PCT:
        for j in range(m):
            base = rows[b, j]
            change = rows[a, j] - base
            percent = 100.0 * change / base if base != 0.0 else np.nan
            rows[out, j] = 0.0 if abs(change) <= _FLAT * abs(base) and base != 0.0 else percent
    elif op == OP_DECLINE_PCT:
        for j in range(m):
            base = rows[b, j]
            change = base - rows[a, j]
            percent = 100.0 * change / base if base != 0.0 else np.nan
            rows[out, j] = 0.0 if abs(change) <= _FLAT * abs(base) and base != 0.0 else percent
    elif op == OP_DIVIDED:
        for j in range(m):
            rows[out, j] = rows[a, j] / constant
    elif op == OP_MULTIPLIED:
        for j in range(m):
            rows[out, j] = rows[a, j] * constant
    elif op == OP_PER_SECOND:
        for j in range(m):
            rows[out, j] = rows[a, j] / (rows[b, j] / 1e6) if rows[b, j] != 0.0 else np.nan
    elif op == OP_IMBALANCE:
        for j in range(m):
            share = rows[a, j] / rows[b, j] if rows[b, j] != 0.0 else np.nan
            rows[out, j] = min(1.0, max(-1.0, share)) if not np.isnan(share) else np.nan
    else:
        _composition(op, rows, out, a, b, c, constant, m)


@njit(cache=True, nogil=True, error_model="numpy")
def _composition(op: int, rows: Float64, out: int, a: int, b: int, c: int, constant: float, m: int) -> None:
    """Instructions of kinds that are made of other kinds. NaN goes through, but for the larger or smaller of two and
    for what a choice leaves out."""
    if op == OP_CONSTANT:
        for j in range(m):
            rows[out, j] = constant
    elif op == OP_ADD:
        for j in range(m):
            rows[out, j] = rows[a, j] + rows[b, j]
    elif op == OP_SUBTRACT:
        for j in range(m):
            rows[out, j] = rows[a, j] - rows[b, j]
    elif op == OP_MULTIPLY:
        for j in range(m):
            rows[out, j] = rows[a, j] * rows[b, j]
    elif op == OP_ABSOLUTE:
        for j in range(m):
            rows[out, j] = abs(rows[a, j])
    elif op == OP_ROOT:
        for j in range(m):
            rows[out, j] = np.sqrt(rows[a, j])
    elif op == OP_TANH:
        for j in range(m):
            rows[out, j] = np.tanh(rows[a, j])
    elif op == OP_LOGISTIC:
        for j in range(m):
            rows[out, j] = 1.0 / (1.0 + np.exp(-rows[a, j]))
    elif op == OP_LARGER:
        for j in range(m):
            rows[out, j] = np.fmax(rows[a, j], rows[b, j])
    elif op == OP_SMALLER:
        for j in range(m):
            rows[out, j] = np.fmin(rows[a, j], rows[b, j])
    elif op == OP_FLOORED:
        for j in range(m):
            rows[out, j] = constant if rows[a, j] < constant else rows[a, j]
    elif op == OP_CAPPED:
        for j in range(m):
            rows[out, j] = constant if rows[a, j] > constant else rows[a, j]
    elif op == OP_BELOW:
        for j in range(m):
            rows[out, j] = np.nan if np.isnan(rows[a, j]) else 1.0 if rows[a, j] < constant else 0.0
    elif op == OP_ABOVE:
        for j in range(m):
            rows[out, j] = np.nan if np.isnan(rows[a, j]) else 1.0 if rows[a, j] > constant else 0.0
    elif op == OP_AT_LEAST:
        for j in range(m):
            rows[out, j] = np.nan if np.isnan(rows[a, j]) else 1.0 if rows[a, j] >= constant else 0.0
    elif op == OP_WHERE:
        for j in range(m):
            chosen = rows[b, j] if rows[a, j] != 0.0 else rows[c, j]
            rows[out, j] = np.nan if np.isnan(rows[a, j]) else chosen
