"""How often a crashed flow is started again, and how long is waited before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass(slots=True)
class RestartPolicy:
    """After 1, 2, 4 … 60 s, at most `most` times within `window_seconds`; what is longer ago is forgiven.

    >>> policy = RestartPolicy()
    >>> [policy.crashed(now) for now in (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)]
    [1.0, 2.0, 4.0, 8.0, 16.0, None]
    """

    most: int = 5
    window_seconds: float = 600.0
    first_seconds: float = 1.0
    _crashes: deque[float] = field(default_factory=deque)

    def crashed(self, now: float) -> float | None:
        """The pause (s) before the next try after a crash at `now` (s, any clock), None where there is to be none."""
        self._crashes.append(now)
        while now - self._crashes[0] > self.window_seconds:
            self._crashes.popleft()
        if len(self._crashes) > self.most:
            return None
        return min(self.first_seconds * 2.0 ** (len(self._crashes) - 1), LONGEST_PAUSE_SECONDS)
