"""How a stream behaves, whom it tells, and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Final, Protocol

from connectors.mexc.records import Frame
from connectors.mexc.subscriptions import Subscription
from operators.errors import UsageError

DEFAULT_STREAM_URL: Final = "wss://contract.mexc.com/edge"
DEPTH_LEVELS: Final = (5, 10, 20, 50)
MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Time constants and bounds of the WebSocket connections, in seconds unless a name says otherwise."""

    subscriptions_per_connection: int = 400
    ping_seconds: float = 12.0
    """The exchange wants a ping each 10–20 s, whatever else is sent."""
    pong_deadline_seconds: float = 10.0
    first_data_seconds: float = 10.0
    """After so long without data a subscription is sent again, then after 2, 4 and each 6 times as long."""
    subscribe_per_second: int = 20
    backoff_first: float = 0.5
    backoff_longest: float = 30.0
    steady_seconds: float = 30.0
    """A connection that held so long has worked: the back-off begins anew."""
    connect_seconds: float = 10.0
    send_seconds: float = 10.0
    close_seconds: float = 2.0
    largest_frame_bytes: int = 8 * MEBIBYTE
    depth_levels: int = 20
    """Levels of "depth.full"."""
    merged_depth: bool = True
    merged_deals: bool = True

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, bool) and not value > 0:
                raise UsageError(f"stream setting {each.name} = {value}: more than 0 is allowed")
        if self.pong_deadline_seconds > self.ping_seconds:
            raise UsageError(
                f"stream setting pong_deadline_seconds = {self.pong_deadline_seconds}: at most ping_seconds"
                f" ({self.ping_seconds}) is allowed, else the next ping would be late"
            )
        if self.depth_levels not in DEPTH_LEVELS:
            raise UsageError(f"stream setting depth_levels = {self.depth_levels}: one of {DEPTH_LEVELS} is allowed")


class StreamListener(Protocol):
    """Who gets what a stream receives. All calls come from the event loop's thread and must not block; times are
    µs of the local receive clock. What a call raises ends the stream."""

    def on_frame(self, frame: Frame, received_us: int) -> None:
        """A decoded data frame of a wanted stream; in arrival order per connection."""

    def on_malformed(self, raw: bytes, reason: str, received_us: int) -> None:
        """A frame that nobody can read."""

    def on_live(self, subscription: Subscription, received_us: int) -> None:
        """The first data after each (re)subscription; called before its `on_frame`."""

    def on_lost(self, subscriptions: Collection[Subscription], cause: str, since_us: int) -> None:
        """These, which had been asked for, deliver no more; the last frame of their connection (for a single stream
        that is asked for anew: its own last frame) came at `since_us`."""

    def on_refused(self, symbol: str, text: str) -> None:
        """The exchange does not know this symbol; it is not asked for again on this connection."""


@dataclass(slots=True)
class StreamCounters:
    """What happened on all connections since the start."""

    connects: int = 0
    failed_connects: Counter[str] = field(default_factory=Counter)
    disconnects: Counter[str] = field(default_factory=Counter)
    subscribes: int = 0
    resubscribes: int = 0
    """Asked for again on the same connection: for want of data, or because a stream had stalled."""
    pings: int = 0
    pongs: int = 0
    """May exceed the pings: the exchange may answer one twice."""
    frames: int = 0
    bytes: int = 0
    malformed: int = 0
    refused: int = 0
    unasked: int = 0
    """Frames that belong to no wanted stream (ignored channels, cancelled subscriptions)."""
    notices: Counter[str] = field(default_factory=Counter)
    """Error texts of the exchange that concern no symbol, and refused acknowledgements."""
