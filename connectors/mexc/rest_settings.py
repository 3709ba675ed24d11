"""What the exchange's public REST endpoints allow, and how patient we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from operators.errors import UsageError

DEFAULT_REST_URL: Final = "https://api.mexc.com"

WINDOW_SECONDS: Final = 2.0
"""The exchange counts requests per two seconds."""

DOCUMENTED_LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ping": 20,
        "detail": 10,
        "depth": 10,
        "depth_commits": 20,
        "deals": 20,
        "kline": 20,
        "ticker": 10,
        "funding_rate": 20,
        "funding_rate/history": 20,
    }
)
"""Requests per two seconds and endpoint, as documented."""


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Pace and patience; times in seconds. Ranges are drawn from uniformly, so that clients do not retry together."""

    share_of_limits: float = 0.8
    """Depth at its documented 5 requests/s sometimes trips, 4 never did."""
    limit_over_all: int = 20
    """Requests per two seconds over all endpoints: 20 to 30 a second, sustained, have us shut out altogether."""
    tries: int = 5
    throttled_seconds: tuple[float, float] = (2.0, 3.0)
    blocked_seconds: tuple[float, float] = (60.0, 90.0)
    backoff_first: float = 0.5
    backoff_longest: float = 10.0
    connect_seconds: float = 10.0
    answer_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not 0.0 < self.share_of_limits <= 1.0:
            raise UsageError(f"REST setting share_of_limits = {self.share_of_limits}: in (0, 1] is allowed")
        if self.tries < 1 or self.limit_over_all < 1:
            raise UsageError(f"REST settings tries = {self.tries}, limit_over_all = {self.limit_over_all}: 1 at least")

    def limit_of(self, endpoint: str) -> int:
        """Requests per two seconds that we allow ourselves.

        >>> RestSettings().limit_of("depth"), RestSettings().limit_of("deals")
        (8, 16)
        """
        return max(1, int(DOCUMENTED_LIMITS[endpoint] * self.share_of_limits))


@dataclass(slots=True)
class RestCounters:
    """What happened to the requests since the start."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    blocked: int = 0
    failed: int = 0
    """Answers that were no use: unreachable, time-outs, 5xx, not JSON."""
    rejected: int = 0
    """Requests to which the exchange said no."""
    rejected_elements: int = 0
    """Elements of lists that nobody could read."""
    seconds: float = 0.0
    """Time spent waiting for answers, over all requests."""
