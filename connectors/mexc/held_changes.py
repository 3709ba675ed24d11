"""Changes of a book that wait for a snapshot: an unbroken run of versions, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from connectors.mexc.records import DepthDelta

MOST_LEVELS: Final = 10_000
"""Price levels over all held changes: seconds of the busiest unmerged stream, minutes of a merged one. A snapshot lags
less than that, and a thousand books without one must still fit into memory."""


class HeldChanges:
    """The newest changes in order; beyond `most_levels` the oldest are let go."""

    __slots__ = ("_changes", "_levels", "_most_levels")

    def __init__(self, most_levels: int = MOST_LEVELS) -> None:
        self._changes: deque[DepthDelta] = deque()
        self._levels = 0
        self._most_levels = most_levels

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[DepthDelta]:
        return iter(self._changes)

    @property
    def first(self) -> DepthDelta | None:
        """The oldest."""
        return self._changes[0] if self._changes else None

    @property
    def newest(self) -> DepthDelta | None:
        """The newest."""
        return self._changes[-1] if self._changes else None

    def append(self, delta: DepthDelta) -> None:
        """Hold one more."""
        changes = self._changes
        changes.append(delta)
        self._levels += len(delta.bids) + len(delta.asks) + 1
        while self._levels > self._most_levels and len(changes) > 1:
            oldest = changes.popleft()
            self._levels -= len(oldest.bids) + len(oldest.asks) + 1

    def clear(self) -> None:
        """Let go of all."""
        self._changes.clear()
        self._levels = 0
