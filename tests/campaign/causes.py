"""Why gaps may be there, in the words of `data_gaps`, and the settings of a collector in a hurry."""

from __future__ import annotations

from typing import Final

STALLED: Final = "stalled"
STALE: Final = "stale data"
MISSING: Final = "book: a change is missing before it"
CROSSED: Final = "book: bids and asks have met"
QUEUE: Final = "our queue was full"
NO_PONG: Final = "disconnected: no pong"
NOTICE: Final = "disconnected: notice that the exchange will close"
LOST: Final = "disconnected: connection lost"
SENDING: Final = "disconnected: connection lost while sending"
CLOSED: Final = "disconnected: closed by the exchange (code 1001)"
RESET: Final = "disconnected: unreadable WebSocket frame"

UNNOTICED: Final = "lost while the stream went on"
UNSURE: Final = "changes of the book were lost, trades perhaps too"

BLIND: Final = "the exchange answered no requests, trades may have been lost unnoticed"
RESIZED: Final = "book: the contract's size has changed"

PATIENT: Final = {
    "ping_seconds": 6.0,
    "pong_deadline_seconds": 6.0,
    "connect_seconds": 5.0,
    "subscribe_per_second": 100,
}
EVERY: Final = {"evidence_seconds": 1.0, "clock_seconds": 2.0, "listing_seconds": 2.0, "reference_seconds": 1.0}
