"""Values over closed bars. Each is computed from closes in their order, so it does not depend on how bars arrived."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.indicators.kernels.layout import CLOCK_RATE, CLOCK_TS, CLOCK_VALUE
from operators.tape import Float64, Int64


@njit(cache=True, error_model="numpy")
def exponential_average(closes: Float64, period: int, state: Float64, out: Float64) -> None:
    """EMA with α = 2 / (period + 1), seeded with the simple mean of the first `period` closes.

    `state` = (closes so far, their sum while seeding or the average) goes from call to call; `out` is as long as
    `closes`, NaN until there is a value.
    """
    seen, value = int(state[0]), state[1]
    for i in range(closes.shape[0]):
        seen += 1
        if seen <= period:
            value += closes[i]
            if seen == period:
                value /= period
        else:
            value += (closes[i] - value) * (2.0 / (period + 1.0))
        out[i] = value if seen >= period else np.nan
    state[0], state[1] = float(seen), value


@njit(cache=True, error_model="numpy")
def relative_strength(closes: Float64, period: int, state: Float64, out: Float64) -> None:
    """RSI = 100·G / (G + L) with Wilder's averages of gains and losses, seeded with the simple means of the first
    `period` changes (J. W. Wilder, New Concepts in Technical Trading Systems, 1978). NaN where nothing has changed.

    `state` = (closes so far, the last of them, G, L) goes from call to call.
    """
    seen, last, gain, loss = int(state[0]), state[1], state[2], state[3]
    for i in range(closes.shape[0]):
        if seen > 0:
            change = closes[i] - last
            up, down = max(change, 0.0), max(-change, 0.0)
            if seen <= period:
                gain += up / period
                loss += down / period
            else:
                gain = (gain * (period - 1) + up) / period
                loss = (loss * (period - 1) + down) / period
        last = closes[i]
        seen += 1
        out[i] = 100.0 * gain / (gain + loss) if seen > period and gain + loss > 0.0 else np.nan
    state[0], state[1], state[2], state[3] = float(seen), last, gain, loss


@njit(cache=True, error_model="numpy")
def moments(closes: Float64, first: int, period: int, means: Float64, deviations: Float64) -> None:
    """Mean and population standard deviation (two passes) of the last `period` closes, at each from `first` on."""
    for i in range(first, closes.shape[0]):
        if i + 1 < period:
            means[i - first] = deviations[i - first] = np.nan
            continue
        # from a close among them, so that a flat price deviates by exactly 0
        origin, total = closes[i + 1 - period], 0.0
        for k in range(i + 1 - period, i + 1):
            total += closes[k] - origin
        mean, squares = origin + total / period, 0.0
        for k in range(i + 1 - period, i + 1):
            squares += (closes[k] - mean) ** 2
        means[i - first], deviations[i - first] = mean, np.sqrt(squares / period)


@njit(cache=True, error_model="numpy")
def observed_share(breaks: Int64, first_ts: int, length: int, ends: Int64, out: Float64) -> None:
    """How much of the `length` µs before each end was observed; time before `first_ts` was not. Ends only ever grow."""
    from_break = to_break = 0
    for i in range(ends.shape[0]):
        since = max(ends[i] - length, first_ts)
        while from_break + 1 < breaks.shape[1] and breaks[CLOCK_TS, from_break + 1] <= since:
            from_break += 1
        while to_break + 1 < breaks.shape[1] and breaks[CLOCK_TS, to_break + 1] <= ends[i]:
            to_break += 1
        began = breaks[CLOCK_VALUE, from_break] + breaks[CLOCK_RATE, from_break] * (
            since - breaks[CLOCK_TS, from_break]
        )
        ended = breaks[CLOCK_VALUE, to_break] + breaks[CLOCK_RATE, to_break] * (ends[i] - breaks[CLOCK_TS, to_break])
        out[i] = (ended - began) / length


@njit(cache=True, error_model="numpy")
def held_values(values: Float64, last_end: int, bar_us: int, nothing: float, ts: Int64, out: Float64) -> None:
    """The value of the last bar that is closed at each time, `nothing` before the first; values[-1] is that of the bar
    that ends at `last_end`. Times only ever grow."""
    if ts.shape[0] == 0:
        return
    newest = values.shape[0] - 1
    at = newest + min((ts[0] - last_end) // bar_us, 0)
    next_end = last_end + (at - newest + 1) * bar_us
    for j in range(ts.shape[0]):
        while at < newest and next_end <= ts[j]:
            at += 1
            next_end += bar_us
        out[j] = values[at] if at >= 0 else nothing


@njit(cache=True, error_model="numpy")
def return_deviation(closes: Float64, last_end: int, bar_us: int, over: int, ts: Int64, out: Float64) -> None:
    """Sample standard deviation (two passes), in percent, of the simple returns of the bars that closed in the `over`
    µs before each time; `closes[k]` and `closes[k + 1]` are the prices at the beginning and end of bar k, and the last
    one ends at `last_end`. Two bars at least. Times only ever grow.
    """
    if ts.shape[0] == 0:
        return
    bars = max(closes.shape[0] - 1, 0)
    first, last = bars + (ts[0] - over - last_end) // bar_us, bars + (ts[0] - last_end) // bar_us
    next_first, next_last = last_end + (first - bars + 1) * bar_us, last_end + (last - bars + 1) * bar_us
    from_bar, to_bar, deviation = -1, -1, np.nan
    for j in range(out.shape[0]):
        while next_first <= ts[j] - over:
            first += 1
            next_first += bar_us
        while next_last <= ts[j]:
            last += 1
            next_last += bar_us
        now_first, now_last = min(max(first, 0), bars), min(max(last, 0), bars)
        if now_first != from_bar or now_last != to_bar:
            from_bar, to_bar, deviation = now_first, now_last, np.nan
            count = to_bar - from_bar
            if count >= 2:
                total = 0.0
                for k in range(from_bar, to_bar):
                    total += closes[k + 1] / closes[k] - 1.0
                mean, squares = total / count, 0.0
                for k in range(from_bar, to_bar):
                    squares += (closes[k + 1] / closes[k] - 1.0 - mean) ** 2
                deviation = 100.0 * np.sqrt(squares / (count - 1))
        out[j] = deviation


@njit(cache=True, error_model="numpy")
def sliding_extreme(values: Float64, sign: float, first: Int64, last: Int64, out: Float64) -> None:
    """The largest (sign +1) or smallest (−1) of values[first..last) (exclusive) at each instant, leaving out NaN; both
    ends only ever grow. A monotonic queue of places."""
    queue = np.empty(max(1, values.shape[0]), np.int64)
    head, tail = 0, 0
    pushed = first[0] if first.shape[0] else 0
    for j in range(out.shape[0]):
        for i in range(pushed, last[j]):
            value = sign * values[i]
            if np.isnan(value):
                continue
            while tail > head and sign * values[queue[tail - 1]] <= value:
                tail -= 1
            queue[tail] = i
            tail += 1
        pushed = max(pushed, last[j])
        while tail > head and queue[head] < first[j]:
            head += 1
        out[j] = values[queue[head]] if tail > head else np.nan
