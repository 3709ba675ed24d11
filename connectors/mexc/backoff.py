"""How long to wait before the next try, so that many clients that fail together do not come back together."""

from __future__ import annotations

from random import Random


class Backoff:
    """Exponential back-off with full jitter: the n-th wait is uniform in [0, min(longest, first · 2ⁿ)] seconds.

    Full jitter spreads reconnecting clients best of the usual variants (Brooker, "Exponential Backoff And Jitter",
    2015). `reset()` once a try has really worked.
    """

    def __init__(self, first: float, longest: float, random: Random) -> None:
        self._first = first
        self._longest = longest
        self._random = random
        self._failures = 0

    @property
    def failures(self) -> int:
        """Waits asked for since the last reset."""
        return self._failures

    def next(self) -> float:
        """Seconds to wait now, after one more failure."""
        # past 2**63 the ceiling has long been reached, and a larger exponent would overflow a float
        ceiling = min(self._longest, self._first * 2.0 ** min(self._failures, 63))
        self._failures += 1
        return self._random.uniform(0.0, ceiling)

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._failures = 0
