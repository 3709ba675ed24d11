"""One symbol of a generated market, event by event: orders arrive, quotes follow the fair price.

**Orders** are a Hawkes process with two exponential kernels. Its parents are the order statistics of the intensity
curve: with n parents left on a mass M the next lies at M·(1 − U^(1/n)), so that the number of trades is met exactly.
The children's gaps are drawn exactly, component by component (Dassios and Zhao 2013, "Exact simulation of Hawkes
process with exponentially decaying intensity"): with intensity E now and d = 1 + β·ln(U)/E the gap is −ln(d)/β, and
there is none if d <= 0.

**Quotes**: fair = exp(ln(start) + slow + fast + Σ pumps); slow and fast are Ornstein-Uhlenbeck processes stepped
exactly; the fast one moves with the square root of the activity. Best bid and ask enclose the fair price on the tick
grid and hold until the next quote; every fill happens at one of them.

All state is in one record and randomness is drawn in the order of events, so it makes no difference where a caller
interrupts. Times are µs since the start of the tape on whole milliseconds (`..._us`) or seconds.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit

NEVER: Final = 2**62
MAX_FILLS: Final = 64
"""Most fills of one order."""

FAST_DECAY: Final = 1.0 / 0.3
SLOW_DECAY: Final = 1.0 / 8.0
"""β of the two kernels, per second: runs of orders, and minutes that are busier than others."""

FAST_NOISE_DECAY: Final = 1.0 / 10.0
SLOW_NOISE_DECAY: Final = 1.0 / 21600.0
MOST_ACTIVITY: Final = 64.0
BUSY: Final = 5.0
"""Activity (1 at rest) from which quotes follow the orders."""

HEAT_RAMP_SECONDS: Final = 3.0
HEAT_DECAY_SECONDS: Final = 120.0
JAGGEDNESS: Final = 0.015
"""Volatility per √s that a pump adds in its heat, as a share of the logarithm of its multiple."""
RISE_PUSH: Final = 0.65
DECAY_PUSH: Final = -0.35
PUSH_DECAY_SECONDS: Final = 300.0
PUMP_FORGOTTEN: Final = 12.0
"""Multiples of its slow decay after which a pump is no longer evaluated."""

LEVEL_GROWTH: Final = 0.35
LEVEL_SIGMA: Final = 0.6
LEVEL_STEP: Final = 0.4
"""Further levels are larger, vary, and lie apart by about this share of the spread."""


@njit(cache=True, nogil=True)
def _next_parent(s: Any, symbol: Any, knot_time: Any, knot_mass: Any, rng: Any) -> None:
    """Move on to the next parent order: a point of the intensity curve, as a time."""
    left = knot_mass[-1] - s.parent_mass
    parents = max(s.remaining * (1.0 - symbol.more_fills) * (1.0 - symbol.clustering), 1.0)
    s.parent_mass += -left * math.expm1(math.log1p(-rng.random()) / parents)
    while s.knot < len(knot_mass) - 2 and knot_mass[s.knot + 1] <= s.parent_mass:
        s.knot += 1
    low, high = knot_mass[s.knot], knot_mass[s.knot + 1]
    share = (s.parent_mass - low) / (high - low)
    time = knot_time[s.knot] + share * (knot_time[s.knot + 1] - knot_time[s.knot])
    s.parent_time = max(min(time, knot_time[-1]), s.parent_time)


@njit(cache=True, nogil=True)
def _child_gap(intensity: float, decay: float, rng: Any) -> float:
    """Time until the next order of a decaying intensity; infinite if there is none."""
    if intensity <= 0.0:
        return math.inf
    left = 1.0 + decay * math.log1p(-rng.random()) / intensity
    return -math.log(left) / decay if left > 0.0 else math.inf


@njit(cache=True, nogil=True)
def _schedule_order(s: Any, symbol: Any, knot_time: Any, knot_mass: Any, rng: Any) -> None:
    """Draw when the next order comes, after the one at `s.time`."""
    if s.remaining <= 0:
        s.next_order = math.inf
        s.next_order_us = NEVER
        return
    gap = min(_child_gap(s.fast, FAST_DECAY, rng), _child_gap(s.slow, SLOW_DECAY, rng))
    if s.time + gap < s.parent_time:
        s.next_order = s.time + gap
    else:
        s.next_order = s.parent_time
        _next_parent(s, symbol, knot_time, knot_mass, rng)
    s.next_order_us = min(np.int64(math.floor(s.next_order * 1000.0)) * 1000, symbol.span_us)


@njit(cache=True, nogil=True)
def start(state: Any, symbols: Any, knot_time: Any, knot_mass: Any, trades: int, rng: Any) -> None:
    """Set the state to the start of the tape: the first quote is due at once, the first order is drawn."""
    s, symbol = state[0], symbols[0]
    s.remaining = trades
    s.side = 1 if rng.random() < 0.5 else -1
    s.slow_noise = symbol.volatility / math.sqrt(2.0 * SLOW_NOISE_DECAY) * 0.5 * rng.standard_normal()
    s.spread_factor = 1.0
    s.liquidity = 1.0
    _next_parent(s, symbol, knot_time, knot_mass, rng)
    _schedule_order(s, symbol, knot_time, knot_mass, rng)


@njit(cache=True, nogil=True)
def _pumped(s: Any, pumps: Any, time: float) -> float:
    """Sum of the pumps' log prices at `time`; sets heat, push, spread, liquidity and jaggedness of the hottest one."""
    s.heat, s.push, s.spread_factor, s.liquidity, s.jagged = 0.0, 0.0, 1.0, 1.0, 0.0
    total = 0.0
    while s.first_pump < len(pumps):
        pump = pumps[s.first_pump]
        if time < pump.decay + PUMP_FORGOTTEN * pump.slow_seconds:
            break
        s.first_pump += 1
    for index in range(s.first_pump, len(pumps)):
        pump = pumps[index]
        if time < pump.onset:
            break
        fall = time - pump.decay
        if fall >= 0.0:
            level = pump.fast_weight * math.exp(-fall / pump.fast_seconds)
            level += (1.0 - pump.fast_weight) * math.exp(-fall / pump.slow_seconds)
            heat = math.exp(-fall / HEAT_DECAY_SECONDS)
            push = DECAY_PUSH * math.exp(-fall / PUSH_DECAY_SECONDS)
        else:
            since = time - pump.onset
            rising = time < pump.peak
            level = (since / (pump.peak - pump.onset)) ** pump.shape if rising else 1.0
            heat = min(since / HEAT_RAMP_SECONDS, 1.0)
            push = RISE_PUSH if rising else 0.0
        total += pump.height * level
        if heat >= s.heat:
            s.heat, s.push = heat, push
            s.spread_factor = 1.0 + (pump.spread_factor - 1.0) * heat
            s.liquidity = 1.0 + (pump.liquidity_left - 1.0) * heat
            s.jagged = JAGGEDNESS * pump.height * heat
    return total


@njit(cache=True, nogil=True)
def _next_onset_us(s: Any, pumps: Any, now_us: int) -> int:
    for index in range(s.first_pump, len(pumps)):
        onset_us = np.int64(round(pumps[index].onset * 1000.0)) * 1000
        if onset_us > now_us:
            return int(onset_us)
    return NEVER


@njit(cache=True, nogil=True)
def _step_noise(value: float, decay: float, volatility: float, seconds: float, rng: Any) -> Any:
    """An exact Ornstein-Uhlenbeck step."""
    kept = math.exp(-decay * seconds)
    return value * kept + volatility * math.sqrt((1.0 - kept * kept) / (2.0 * decay)) * rng.standard_normal()


@njit(cache=True, nogil=True)
def _quote(s: Any, symbol: Any, pumps: Any, knot_time: Any, knot_mass: Any, rng: Any) -> None:
    """Quote anew at `next_quote_us` and draw when the next quote is due."""
    now_us = s.next_quote_us
    time, elapsed = now_us * 1e-6, (now_us - s.quote_us) * 1e-6
    pumped = _pumped(s, pumps, time)
    while s.quote_knot < len(knot_time) - 2 and knot_time[s.quote_knot + 1] <= time:
        s.quote_knot += 1
    knot = s.quote_knot
    rate = (knot_mass[knot + 1] - knot_mass[knot]) / (knot_time[knot + 1] - knot_time[knot])
    children = s.slow * math.exp(-SLOW_DECAY * max(time - s.time, 0.0)) / symbol.rest_rate
    activity = min((1.0 - symbol.clustering / 2.0) * rate + children, MOST_ACTIVITY)
    s.busy = 1 if activity > BUSY or s.heat > 0.02 else 0
    volatility = symbol.volatility * math.sqrt(activity) + s.jagged
    s.fast_noise = _step_noise(s.fast_noise, FAST_NOISE_DECAY, volatility, elapsed, rng)
    s.slow_noise = _step_noise(s.slow_noise, SLOW_NOISE_DECAY, symbol.volatility, elapsed, rng)
    fair = math.exp(symbol.log_price + s.slow_noise + s.fast_noise + pumped) * symbol.price_up / symbol.price_down
    half = 0.5 * symbol.spread * s.spread_factor * (0.8 + 0.4 * rng.random())
    s.bid = max(np.int64(math.floor(fair * (1.0 - half))), 1)
    s.ask = max(np.int64(math.ceil(fair * (1.0 + half))), s.bid + 1)
    s.quote_us = now_us
    s.version += 1
    wait = np.int64(symbol.interval_us * (0.5 + rng.random()) / 1000.0) * 1000
    following = min(now_us + max(wait, 1000), _next_onset_us(s, pumps, now_us))
    s.next_quote_us = following if following <= symbol.span_us else NEVER


@njit(cache=True, nogil=True)
def _write_side(s: Any, symbol: Any, best: int, direction: int, prices: Any, quantities: Any, rng: Any) -> None:
    """One side of a book, best level first; `direction` −1 for bids, +1 for asks. Below one tick there is no level."""
    reach = LEVEL_STEP * (s.ask - s.bid)
    median = symbol.depth_contracts * s.liquidity * (1.0 - 0.5 * direction * s.push)
    ticks = np.int64(best)
    for level in range(len(prices)):
        if level > 0:
            ticks += direction * (1 + np.int64(-math.log1p(-rng.random()) * reach))
        contracts = max(round(median * (1.0 + LEVEL_GROWTH * level) * math.exp(LEVEL_SIGMA * rng.standard_normal())), 1)
        if ticks < 1:
            prices[level], quantities[level] = math.nan, math.nan
        else:
            prices[level] = ticks / symbol.price_up * symbol.price_down
            quantities[level] = contracts / symbol.contract_up * symbol.contract_down


@njit(cache=True, nogil=True)
def advance(
    state: Any,
    symbols: Any,
    pumps: Any,
    knot_time: Any,
    knot_mass: Any,
    rng: Any,
    book_rng: Any,
    until_us: int,
    trades: Any,
    books: Any,
) -> tuple[int, int, bool]:
    """Go on to `until_us` (inclusive) or until a column is full.

    `trades` = columns (ts, price, qty, side, trade_id), `books` = (ts, version, bid prices, bid quantities, ask prices,
    ask quantities); the books' random numbers are a stream of their own, so the trades are the same without books
    (columns of length 0). Returns the rows written of each and whether `until_us` was reached.
    """
    s, symbol = state[0], symbols[0]
    ts, price, qty, side, trade_id = trades
    book_ts, version, bid_px, bid_qty, ask_px, ask_qty = books
    with_books = len(book_ts) > 0
    trade, book = 0, 0
    while True:
        if s.next_quote_us <= s.next_order_us:
            if s.next_quote_us > until_us:
                return trade, book, True
            if with_books and book == len(book_ts):
                return trade, book, False
            _quote(s, symbol, pumps, knot_time, knot_mass, rng)
            if with_books:
                book_ts[book] = s.quote_us
                version[book] = s.version
                _write_side(s, symbol, s.bid, -1, bid_px[book], bid_qty[book], book_rng)
                _write_side(s, symbol, s.ask, 1, ask_px[book], ask_qty[book], book_rng)
                book += 1
            continue
        if s.next_order_us > until_us:
            return trade, book, True
        if trade + MAX_FILLS > len(ts):
            return trade, book, False
        gap = s.next_order - s.time
        s.fast = s.fast * math.exp(-FAST_DECAY * gap) + 0.5 * symbol.clustering * FAST_DECAY
        s.slow = s.slow * math.exp(-SLOW_DECAY * gap) + 0.5 * symbol.clustering * SLOW_DECAY
        s.time = s.next_order
        if s.push != 0.0 and rng.random() < abs(s.push):
            s.side = 1 if s.push > 0.0 else -1
        elif rng.random() >= symbol.side_keep:
            s.side = -s.side
        ticks = s.ask if s.side > 0 else s.bid
        median = symbol.trade_contracts * (1.0 + (symbol.size_factor - 1.0) * s.heat)
        for _ in range(MAX_FILLS):
            ts[trade] = s.next_order_us
            price[trade] = ticks / symbol.price_up * symbol.price_down
            contracts = max(round(median * math.exp(symbol.trade_sigma * rng.standard_normal())), 1)
            qty[trade] = contracts / symbol.contract_up * symbol.contract_down
            side[trade] = s.side
            s.trade_id += 1
            trade_id[trade] = s.trade_id
            trade += 1
            s.remaining -= 1
            if s.remaining <= 0 or rng.random() >= symbol.more_fills:
                break
        if s.busy == 1:
            s.next_quote_us = min(s.next_quote_us, max(s.quote_us + symbol.fast_interval_us, s.next_order_us + 1000))
        _schedule_order(s, symbol, knot_time, knot_mass, rng)
