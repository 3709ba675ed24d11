"""The REST limits: so many requests per endpoint and client in a window of two seconds of wall time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

WINDOW_SECONDS: Final = 2.0

LIMITS: Final[Mapping[str, int]] = {
    "ping": 20,
    "detail": 10,
    "support_currencies": 20,
    "depth": 10,
    "depth_commits": 20,
    "deals": 20,
    "kline": 20,
    "ticker": 10,
    "funding_rate": 20,
    "funding_rate/history": 20,
    "index_price": 20,
    "fair_price": 20,
}
"""Requests per window by endpoint; the three kinds of klines share one limit."""


class RequestLimiter:
    """Looks back over a window that moves along; a request that is refused does not count."""

    def __init__(self, limits: Mapping[str, int] = LIMITS, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._taken: dict[tuple[str, str], deque[float]] = {}

    def admits(self, endpoint: str, client: str, limit: int | None = None) -> bool:
        """Whether this request may pass. `limit` overrides the endpoint's own.

        >>> limiter = RequestLimiter({"ping": 2}, now=lambda: 5.0)
        >>> [limiter.admits("ping", "somebody") for _ in range(3)]
        [True, True, False]
        """
        most = self._limits[endpoint] if limit is None else limit
        taken = self._taken.setdefault((endpoint, client), deque())
        now = self._now()
        while taken and now - taken[0] >= WINDOW_SECONDS:
            taken.popleft()
        if len(taken) >= most:
            return False
        taken.append(now)
        return True
