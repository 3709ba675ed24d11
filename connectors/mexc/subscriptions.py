"""What one connection is meant to deliver, what of it has been asked for, and what has really come.

Acknowledgements carry no symbol, may come late, twice or never, and an acknowledged subscription may stay mute. So a
subscription counts as live only by its first data frame, and until then it is asked for again now and then (asking
twice is harmless: the exchange does not double the stream). Pure bookkeeping: times come in as arguments.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

import msgspec

FIRST_RETRIES: Final = (1, 2, 4)
LATER_RETRIES: Final = 6
"""Unproven subscriptions are sent again after 1, 2, 4 and then each 6 times the first-data time (10, 20, 40, 60 s)."""

EVENT_CHANNELS: Final = frozenset({"contract"})
"""Channels of the whole exchange that may be silent for days: there the acknowledgement is unambiguous, and proof."""

_encode = msgspec.json.Encoder().encode


class Subscription(NamedTuple):
    """One stream: "deal", "depth", "depth.full", "funding.rate", "index.price", "fair.price" of a symbol, or
    "tickers" and "contract", whose symbol is ""."""

    channel: str
    symbol: str


class Stream:
    """The state of one subscription on its connection."""

    __slots__ = ("asked_at", "due_at", "last_us", "live", "sent", "subscription", "ticket")

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.live = False
        self.sent = 0
        """How often it was sent on this connection."""
        self.asked_at = 0.0
        """When it was sent for the first time of these."""
        self.last_us: int | None = None
        """Local receive time of its last data frame, on whatever connection."""
        self.due_at: float | None = None
        """When it is to be sent (again); None = not waiting for anything."""
        self.ticket = 0


class Request(NamedTuple):
    """A frame to send: a subscription, `again` = sent before on the same connection, or the end of one."""

    frame: bytes
    subscribes: bool
    again: bool


class Subscriptions:
    """The streams of one connection and the order in which they are asked for.

    `streams` is keyed by (channel, symbol) so that the receive path finds a frame's stream with one look-up.
    """

    def __init__(self, first_data_seconds: float, *, depth_levels: int, merged_depth: bool, merged_deals: bool) -> None:
        self.streams: dict[tuple[str, str], Stream] = {}
        self._first_data_seconds = first_data_seconds
        self._depth_levels = depth_levels
        merged = {"depth": merged_depth, "deal": merged_deals}
        self._unmerged = frozenset(channel for channel, wanted in merged.items() if not wanted)
        self._queue: list[tuple[float, int, Stream]] = []
        self._tickets = 0
        self._farewells: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self.streams)

    def __contains__(self, subscription: object) -> bool:
        return subscription in self.streams

    def asked_for(self) -> list[Subscription]:
        """What was sent at least once on this connection."""
        return [stream.subscription for stream in self.streams.values() if stream.sent]

    def add(self, subscriptions: Iterable[Subscription], now: float) -> None:
        """Want these too; those already wanted stay as they are."""
        for subscription in subscriptions:
            if subscription not in self.streams:
                stream = self.streams[subscription] = Stream(subscription)
                self._put(stream, now)

    def remove(self, subscriptions: Collection[Subscription], *, say_so: bool) -> None:
        """Want these no longer; `say_so` queues an unsubscription (whose answer nobody waits for)."""
        for subscription in subscriptions:
            stream = self.streams.pop(subscription, None)
            if stream is not None:
                stream.due_at = None
                if say_so and stream.sent:
                    self._farewells.append(self._frame("unsub", subscription))

    def begin(self, now: float) -> None:
        """A new connection: nothing has been asked for, all is to be sent in the order in which it was wanted."""
        self._queue.clear()
        self._farewells.clear()
        for stream in self.streams.values():
            stream.live, stream.sent = False, 0
            self._put(stream, now)

    def again(self, stream: Stream, now: float) -> None:
        """Cancel a stream and ask for it anew: the exchange may believe that it is still sending it."""
        if stream.sent:
            self._farewells.append(self._frame("unsub", stream.subscription))
        # frames still on their way prove nothing until it has been asked for anew
        stream.live, stream.sent = False, 0
        self._put(stream, now)

    def refused(self, symbol: str) -> None:
        """The exchange does not know this symbol: stop asking on this connection."""
        for stream in self.streams.values():
            if stream.subscription.symbol == symbol:
                stream.due_at = None

    def acknowledged(self, channel: str) -> Stream | None:
        """An acknowledgement of a channel; returns the stream that it proves, if it proves one."""
        if channel in EVENT_CHANNELS:
            stream = self.streams.get((channel, ""))
            if stream is not None and not stream.live and stream.sent:
                return stream
        return None

    def prove(self, stream: Stream) -> None:
        """Data has come."""
        stream.live = True
        stream.due_at = None

    def wait_seconds(self, now: float) -> float | None:
        """How long until something is to be sent; None = nothing is waiting."""
        if self._farewells:
            return 0.0
        self._skip_stale()
        return max(0.0, self._queue[0][0] - now) if self._queue else None

    def next_request(self, now: float) -> Request | None:
        """The next frame to send now, if one is due. It counts as sent."""
        if self._farewells:
            return Request(self._farewells.popleft(), subscribes=False, again=False)
        self._skip_stale()
        if not self._queue or self._queue[0][0] > now:
            return None
        stream = heapq.heappop(self._queue)[2]
        factor = FIRST_RETRIES[stream.sent] if stream.sent < len(FIRST_RETRIES) else LATER_RETRIES
        if not stream.sent:
            stream.asked_at = now
        stream.sent += 1
        self._put(stream, now + factor * self._first_data_seconds)
        return Request(self._frame("sub", stream.subscription), subscribes=True, again=stream.sent > 1)

    def _put(self, stream: Stream, due_at: float) -> None:
        self._tickets += 1
        stream.due_at, stream.ticket = due_at, self._tickets
        heapq.heappush(self._queue, (due_at, self._tickets, stream))

    def _skip_stale(self) -> None:
        queue = self._queue
        while queue and (queue[0][2].due_at is None or queue[0][2].ticket != queue[0][1]):
            heapq.heappop(queue)

    def _frame(self, verb: str, subscription: Subscription) -> bytes:
        parameters: dict[str, Any] = {"symbol": subscription.symbol} if subscription.symbol else {}
        if verb == "sub":
            # never a limit for "depth": the exchange then sends the top levels' changes without refilling them
            if subscription.channel == "depth.full":
                parameters["limit"] = self._depth_levels
            elif subscription.channel in self._unmerged:
                parameters["compress"] = False
        return _encode({"method": f"{verb}.{subscription.channel}", "param": parameters, "gzip": False})
