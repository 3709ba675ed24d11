"""How busy a symbol is over time: the cumulative intensity from which the arrival times of its orders are drawn.

At rest the relative intensity is 1. A pump with a volume surge S adds (S / size factor − 1)·g(t), t since the onset:

    first two seconds  g = t / 2
    until the decay    g = 1
    after              g = (1 + u / 60 s)^−1.5, u = seconds since the decay began, cut off after an hour

(the power law that trade rates follow after shocks). The curve is a list of knots with constant intensity between
them, so that it can be inverted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from connectors.simulated.pumps import SIZE_FACTOR, Pump
from operators.tape import MICROSECONDS, Float64

RAMP_SECONDS: Final = 2.0
DECAY_SECONDS: Final = 60.0
DECAY_EXPONENT: Final = 1.5
LONGEST_DECAY_SECONDS: Final = 3600.0

_RAMP_KNOTS: Final = np.linspace(0.0, RAMP_SECONDS, 9)
_DECAY_KNOTS: Final = np.concatenate([[0.0], np.geomspace(1.0, LONGEST_DECAY_SECONDS, 60)])


@dataclass(frozen=True, slots=True)
class Intensity:
    """Cumulative intensity `mass` (seconds at rest) at the knots `time` (seconds since the start of the tape)."""

    time: Float64
    mass: Float64

    def share(self, seconds: Float64) -> Float64:
        """Which share of the symbol's activity lies before each time."""
        return np.asarray(np.interp(seconds, self.time, self.mass) / self.mass[-1], np.float64)


def intensity(pumps: list[Pump], start_us: int, seconds: float) -> Intensity:
    """The intensity of one symbol over a tape of `seconds`."""
    knots = [np.array([0.0, seconds])]
    for pump in pumps:
        onset, decay = ((time - start_us) / MICROSECONDS for time in (pump.onset, pump.decay))
        knots += [onset + _RAMP_KNOTS, decay + _DECAY_KNOTS]
    time = np.unique(np.concatenate(knots))
    time = time[time <= seconds]
    middle = (time[1:] + time[:-1]) / 2
    rate = np.ones(len(middle))
    for pump in pumps:
        onset, decay = ((each - start_us) / MICROSECONDS for each in (pump.onset, pump.decay))
        rate += max(pump.volume_surge / SIZE_FACTOR - 1.0, 0.0) * _heat(middle - onset, middle - decay)
    mass = np.concatenate([[0.0], np.cumsum(rate * np.diff(time))])
    return Intensity(time, mass)


def _heat(since_onset: Float64, since_decay: Float64) -> Float64:
    rising = np.clip(since_onset / RAMP_SECONDS, 0.0, 1.0)
    falling = (1.0 + np.maximum(since_decay, 0.0) / DECAY_SECONDS) ** -DECAY_EXPONENT
    return np.where(since_decay > LONGEST_DECAY_SECONDS, 0.0, np.where(since_decay > 0, falling, rising))
