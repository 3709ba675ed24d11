"""The time of the simulated exchange: its market may run faster than the wall clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from operators.errors import UsageError

SLOWEST: Final = 0.01
FASTEST: Final = 1_000.0


class InvalidSpeed(UsageError):
    """A speed at which the market cannot run."""


class VenueClock:
    """Exchange time = start + `speed` · wall time since the clock was made, less what the market has lost.

    A market that cannot keep up makes the clock stand still meanwhile (`slip`), rather than falling behind it further
    and further: exchange time is always the time up to which the market has been played, or a moment later.

    >>> moments = iter([100.0, 100.0, 102.0])
    >>> clock = VenueClock(1_000_000, speed=10.0, wall=lambda: next(moments))
    >>> clock.now_ms(), clock.now_ms()
    (1000000, 1020000)
    """

    def __init__(self, start_ms: int, speed: float = 1.0, *, wall: Callable[[], float] = time.monotonic) -> None:
        if not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST):
            raise InvalidSpeed(f"speed: found {speed:g}, allowed is a number from {SLOWEST:g} to {FASTEST:g}")
        self.start_ms = start_ms
        self.speed = speed
        self.slipped_ms = 0.0
        """Exchange time that was left out because the market could not keep up."""
        self._wall = wall
        self._began = wall()

    def now_ms(self) -> int:
        """Exchange time, ms UTC."""
        return int(self.start_ms + (self._wall() - self._began) * 1000.0 * self.speed - self.slipped_ms)

    def wall_seconds(self) -> float:
        """Wall time since the clock was made."""
        return self._wall() - self._began

    def slip(self, ms: float) -> None:
        """Set the exchange's time back by so much of what has not been played yet."""
        self.slipped_ms += max(ms, 0.0)
