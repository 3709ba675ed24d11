"""From a message to its subscribers: one frame for all of them, or what the switches that are on make of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from connectors.simulated.exchange.connection import Connection, Key
from connectors.simulated.exchange.faults import Faults, Setting
from connectors.simulated.exchange.topics import Topic
from connectors.simulated.exchange.wire_text import BINARY, TEXT, fragments_of, frame_of

DISTURBING: Final = (
    "binary_frames",
    "fragmented_frames",
    "frozen_streams",
    "held_streams",
    "skipped_frames",
    "swallowed_pings",
)
_GZIP: Final = 31


class Delivery:
    """Puts frames on the connections. `skip_next` are symbols whose next depth frame is to get lost."""

    def __init__(self, faults: Faults) -> None:
        self.skip_next: set[str] = set()
        self._faults = faults
        self._disturbed = False
        faults.on_change.append(self._look)

    def publish(self, topic: Topic, payload: bytes) -> None:
        """To all subscribers."""
        self.send(topic, payload, topic.subscribers)

    def send(self, topic: Topic, payload: bytes, connections: Sequence[Connection]) -> None:
        """To these connections."""
        if self._disturbed or self.skip_next:
            self._disturb(topic, payload, connections)
            return
        frame = frame_of(payload)
        for connection in connections:
            connection.outgoing.append(frame)

    def _look(self, _setting: Setting, _is_on: bool) -> None:
        self._disturbed = self._faults.any_of(DISTURBING)

    def _disturb(self, topic: Topic, payload: bytes, connections: Sequence[Connection]) -> None:
        if topic.channel.startswith("depth") and self._skips(topic.symbol):
            return
        frame = self._framed(payload)
        frozen = self._faults.of("frozen_streams", topic.symbol, topic.channel)
        held = self._faults.of("held_streams", topic.symbol, topic.channel)
        zombie = self._faults.get("swallowed_pings")
        if zombie is not None and zombie.flag("data"):
            zombie = None
        for connection in connections:
            if frozen is not None and is_frozen(frozen, connection, topic):
                continue
            if zombie is not None and is_zombie(zombie, connection):
                continue
            if held is not None:
                connection.hold(frame)
            else:
                connection.outgoing.append(frame)

    def _skips(self, symbol: str) -> bool:
        if symbol in self.skip_next:
            self.skip_next.discard(symbol)
            return True
        return self._faults.strikes("skipped_frames", symbol)

    def _framed(self, payload: bytes) -> bytes:
        kind = TEXT
        if self._faults.strikes("binary_frames"):
            kind = BINARY
            packing = zlib.compressobj(level=1, wbits=_GZIP)
            payload = packing.compress(payload) + packing.flush()
        fragmented = self._faults.get("fragmented_frames")
        if fragmented is not None and self._faults.strikes("fragmented_frames"):
            return fragments_of(payload, fragmented.count("pieces"), kind)
        return frame_of(payload, kind)


def key_of(topic: Topic) -> Key:
    """Under which key a connection holds its subscription to the stream."""
    return topic.channel, topic.symbol, topic.variant if topic.channel == "kline" else ""


def is_zombie(setting: Setting, connection: Connection) -> bool:
    """Whether this client's pings are swallowed."""
    return setting.flag("new") or connection.opened_at <= setting.since


def is_frozen(setting: Setting, connection: Connection, topic: Topic) -> bool:
    """Whether nothing has happened yet that makes this client's stream flow again."""
    cure = setting.word("cure")
    if cure == "never":
        return True
    since = connection.opened_at if cure == "reconnect" else connection.subscribed_at.get(key_of(topic), 0.0)
    return since <= setting.since
