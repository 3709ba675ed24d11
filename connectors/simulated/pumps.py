"""Pumps: when they happen, how far they go, how they fade. The list of them is the market's ground truth.

The price is multiplied by exp(H·s(t)), H = ln(multiple), t in seconds since the onset:

    rise     0 <= t < rise               s = (t / rise)^shape
    plateau  rise <= t < rise + plateau  s = 1
    decay    after                       s = w·exp(−u/fast) + (1 − w)·exp(−u/slow),  u = t − rise − plateau
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from connectors.simulated.parameters import (
    LEAD_SECONDS,
    PUMP_SPACING_SECONDS,
    TAIL_SECONDS,
    MarketParameters,
)

STEEPNESS: Final = 0.002
"""Least average slope of ln(price) in a rise, per second: a rise is shortened until it has it."""

SIZE_FACTOR: Final = 1.6
"""Fills in the heat of a pump are larger by this; the rest of the volume surge is more orders."""


@dataclass(frozen=True, slots=True)
class Pump:
    """One pump as it was planned. Times in µs UTC, durations in seconds.

    `onset` starts the rise, `peak` ends it, `decay` starts the fall, `settled` is when a tenth of the (logarithmic)
    rise is left. `peak_multiple` = price at the peak / price at the onset, without the market's noise.
    """

    symbol: str
    onset: int
    peak: int
    decay: int
    settled: int
    peak_multiple: float
    volume_surge: float
    shape: float
    fast_weight: float
    fast_seconds: float
    slow_seconds: float
    spread_factor: float
    liquidity_left: float

    def to_dict(self) -> dict[str, Any]:
        """What people ask of a pump, as plain JSON values."""
        return {
            "symbol": self.symbol,
            "onset": self.onset,
            "peak": self.peak,
            "decay": self.decay,
            "settled": self.settled,
            "peak_multiple": self.peak_multiple,
            "volume_surge": self.volume_surge,
        }


PLAN: Final = np.dtype(
    [
        ("onset", np.float64),
        ("peak", np.float64),
        ("decay", np.float64),
        ("height", np.float64),
        ("shape", np.float64),
        ("fast_weight", np.float64),
        ("fast_seconds", np.float64),
        ("slow_seconds", np.float64),
        ("spread_factor", np.float64),
        ("liquidity_left", np.float64),
    ]
)
"""A pump as the kernel reads it: seconds since the start of the tape, `height` = ln(multiple)."""


def draw_pumps(parameters: MarketParameters, symbols: tuple[str, ...], seed: np.random.SeedSequence) -> list[Pump]:
    """All pumps, by onset. Symbols get equally many (give or take one); onsets of one symbol keep their distance."""
    rng = np.random.Generator(np.random.PCG64(seed))
    order = rng.permutation(len(symbols))
    pumps: list[Pump] = []
    for position, symbol in enumerate(order):
        count = parameters.pumps // len(symbols) + (position < parameters.pumps % len(symbols))
        onsets = _onsets(parameters, count, rng)
        pumps += [_draw_pump(parameters, symbols[symbol], onset, rng) for onset in onsets]
    return sorted(pumps, key=lambda pump: (pump.onset, pump.symbol))


def _onsets(parameters: MarketParameters, count: int, rng: np.random.Generator) -> list[float]:
    """`count` uniform onsets that are at least the spacing apart, in whole milliseconds."""
    free = parameters.seconds - LEAD_SECONDS - TAIL_SECONDS - (count - 1) * PUMP_SPACING_SECONDS
    uniform = np.sort(rng.random(count)) * free + LEAD_SECONDS + np.arange(count) * PUMP_SPACING_SECONDS
    return [math.floor(onset * 1000.0) / 1000.0 for onset in uniform]


def _draw_pump(parameters: MarketParameters, symbol: str, onset: float, rng: np.random.Generator) -> Pump:
    lowest, highest = math.log(parameters.multiple_low), math.log(parameters.multiple_high)
    height = math.log(parameters.multiple_median) * math.exp(parameters.multiple_sigma * rng.standard_normal())
    height = min(max(height, lowest), highest)
    rise = _between(parameters.rise_low, parameters.rise_high, rng)
    rise = max(min(rise, height / STEEPNESS), parameters.rise_low)
    plateau = 3.0 + 9.0 * rng.random()
    pump = {
        "shape": 0.7 + 0.4 * rng.random(),
        "fast_weight": 0.5 + 0.25 * rng.random(),
        "fast_seconds": _between(25.0, 80.0, rng),
        "slow_seconds": _between(600.0, 2400.0, rng),
        "volume_surge": _between(parameters.surge_low, parameters.surge_high, rng),
        "spread_factor": 2.0 + 2.5 * rng.random(),
        "liquidity_left": 0.25 + 0.3 * rng.random(),
    }
    start = parameters.start_us
    peak = onset + round(rise, 3)
    decay = peak + round(plateau, 3)
    settled = decay + _time_to_tenth(pump["fast_weight"], pump["fast_seconds"], pump["slow_seconds"])
    onset_us, peak_us, decay_us, settled_us = (
        start + round(seconds * 1000.0) * 1000 for seconds in (onset, peak, decay, settled)
    )
    return Pump(symbol, onset_us, peak_us, decay_us, settled_us, peak_multiple=round(math.exp(height), 6), **pump)


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    """Log-uniform."""
    return math.exp(math.log(low) + (math.log(high) - math.log(low)) * rng.random())


def _time_to_tenth(weight: float, fast: float, slow: float) -> float:
    """Seconds until w·exp(−u/fast) + (1 − w)·exp(−u/slow) = 0.1, by bisection."""
    low, high = 0.0, 10.0 * slow
    for _ in range(60):
        middle = (low + high) / 2
        left = weight * math.exp(-middle / fast) + (1 - weight) * math.exp(-middle / slow)
        low, high = (middle, high) if left > 0.1 else (low, middle)
    return high


def plan(pumps: list[Pump], start_us: int) -> NDArray[np.void]:
    """The pumps of one symbol for the kernel."""
    rows = [
        (
            (pump.onset - start_us) / 1e6,
            (pump.peak - start_us) / 1e6,
            (pump.decay - start_us) / 1e6,
            math.log(pump.peak_multiple),
            pump.shape,
            pump.fast_weight,
            pump.fast_seconds,
            pump.slow_seconds,
            pump.spread_factor,
            pump.liquidity_left,
        )
        for pump in pumps
    ]
    return np.array(rows, dtype=PLAN)
