"""Health rows: what was counted since the row before, per symbol and for the connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.inbox import Inbox
from connectors.mexc.receiver import Receiver
from connectors.mexc.stream import StreamCounters


class HealthRows:
    """Writes rows of `collection_counters` and `connection_health`."""

    def __init__(self, session_id: str, inbox: Inbox) -> None:
        self._session_id = session_id
        self._inbox = inbox
        self._frames = 0
        self._bytes = 0
        self._malformed = 0
        self._disconnects = 0

    def write(self, now: int, receiver: Receiver, counters: StreamCounters, clock: ExchangeClock) -> None:
        """Write the growth up to now (exchange time, µs). Symbols that counted nothing get no row.

        Where there is no room the growth is in the next rows.
        """
        if self._inbox.full and not receiver.closed:
            return
        for feed in receiver.symbols.values():
            grown = feed.counters.since(feed.counted)
            if any(grown.values()):
                feed.counted = replace(feed.counters)
                head = {"timestamp": now, "session_id": self._session_id, "symbol": feed.name}
                self._inbox.add_row("collection_counters", head | grown)
        disconnects = sum(counters.disconnects.values())
        row: dict[str, Any] = {
            "timestamp": now,
            "session_id": self._session_id,
            "frames": counters.frames - self._frames,
            "bytes": counters.bytes - self._bytes,
            "malformed": receiver.malformed - self._malformed,
            "disconnects": disconnects - self._disconnects,
            # of a clock that runs at another rate an offset means nothing
            "clock_offset_ms": clock.offset_us / 1_000 if clock.rate == 1.0 else None,
        }
        self._frames, self._bytes = counters.frames, counters.bytes
        self._malformed, self._disconnects = receiver.malformed, disconnects
        self._inbox.add_row("connection_health", row)
