"""Staying within what the exchange allows: paced requests, and a pause after it has shut the door.

Both count the time of the event loop and belong to one loop; neither sends anything itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from operators.errors import UsageError


class TokenBucket:
    """At most `limit` turns in *any* stretch of `seconds`, given in the order in which they were asked for.

    A bucket that refills evenly would let twice the limit through after a pause; the exchange counts a window
    whose edges nobody knows, so the times of the last `limit` turns are kept instead.
    """

    def __init__(self, limit: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        if limit < 1 or seconds <= 0.0:
            raise UsageError(f"a pace of {limit} per {seconds} s: at least 1 per more than 0 s is allowed")
        self.limit = limit
        self.seconds = seconds
        self._now = now
        self._taken: deque[float] = deque(maxlen=limit)
        self._held_until = 0.0
        self._turn = asyncio.Lock()

    def wait_seconds(self) -> float:
        """How long the next turn is away, were nobody else waiting."""
        now = self._now()
        free_at = self._taken[0] + self.seconds if len(self._taken) == self.limit else now
        return max(free_at, self._held_until) - now

    async def take(self) -> None:
        """Wait for a turn and take it. A cancelled wait costs no turn."""
        async with self._turn:
            while (wait := self.wait_seconds()) > 0.0:
                await asyncio.sleep(wait)
            self._taken.append(self._now())

    def hold(self, seconds: float) -> None:
        """Give no turn for so long from now, not even to those who already wait (the exchange said "too frequent")."""
        self._held_until = max(self._held_until, self._now() + seconds)


class CircuitBreaker:
    """Closed, open for a while after `trip`, then one trial at a time until one succeeds.

    Against a firewall that bans whoever goes on asking, silence is the only thing that helps.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open_until: float | None = None
        self._trial = False

    @property
    def is_closed(self) -> bool:
        """Whether requests go through as usual."""
        return self._open_until is None

    def wait_seconds(self) -> float:
        """The seconds until a trial may go out; 0.0 when closed or due."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._now())

    def admit(self) -> float:
        """0.0 when a request may go out now, else the seconds until asking again makes sense.

        Whoever was let through must report `succeed`, `trip` or `abandon`.
        """
        if self._open_until is None:
            return 0.0
        wait = self._open_until - self._now()
        if wait > 0.0:
            return wait
        if self._trial:
            return 1.0
        self._trial = True
        return 0.0

    def trip(self, seconds: float) -> None:
        """The exchange has shut us out: let nothing through for so long."""
        self._open_until = self._now() + seconds
        self._trial = False

    def succeed(self) -> None:
        """The exchange has answered: back to normal, unless this is a late answer to a request from before the ban."""
        if self._open_until is None or (self._trial and self._now() >= self._open_until):
            self._open_until = None
            self._trial = False

    def abandon(self) -> None:
        """The request ended without telling anything about the ban (time-out, cancelled): the next one may try."""
        self._trial = False
