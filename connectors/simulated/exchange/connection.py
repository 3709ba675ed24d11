"""One client's WebSocket: what is to be sent to it, and what it has subscribed to."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

from connectors.simulated.exchange.topics import Topic, Variant
from connectors.simulated.exchange.wire_text import frame_of

HIGH_WATER_BYTES: Final = 1 << 20
"""With so much still on its way, further frames wait here."""
LONGEST_PILE_BYTES: Final = 32 << 20
"""A client for which more than this is waiting is cut off."""
LONGEST_HELD_FRAMES: Final = 100_000

_CLOSE_WITHOUT_CODE: Final = b"\x88\x00"
_CLOSE_GOING_AWAY: Final = b"\x88\x02\x03\xe9"

Key = tuple[str, str, Variant]
Sent = Callable[[int, bytes], None]
"""Told the connection's number and each chunk of WebSocket frames that is handed to the network."""


class Connection:
    """Frames are collected in `outgoing` and handed to the network in one piece by `flush`, never awaited: a slow
    client does not slow the others. Times are monotonic seconds."""

    __slots__ = (
        "_pile_bytes",
        "_sent",
        "_transport",
        "frames",
        "held",
        "last_ping",
        "number",
        "opened_at",
        "outgoing",
        "subscribed_at",
        "subscriptions",
    )

    def __init__(
        self, number: int, transport: asyncio.Transport, sent: Sent | None = None, pile_bytes: int = LONGEST_PILE_BYTES
    ) -> None:
        self.number = number
        self.opened_at = self.last_ping = time.monotonic()
        self.outgoing: list[bytes] = []
        self.held: list[bytes] = []
        self.subscriptions: dict[Key, Topic] = {}
        self.subscribed_at: dict[Key, float] = {}
        self.frames = 0
        self._transport = transport
        self._sent = sent
        self._pile_bytes = pile_bytes

    @property
    def is_gone(self) -> bool:
        return self._transport.is_closing()

    @property
    def waiting_bytes(self) -> int:
        """What the client has not taken yet."""
        return self._transport.get_write_buffer_size() + sum(map(len, self.outgoing))

    def reply(self, payload: bytes) -> None:
        """Send at once, after everything that waits."""
        self.outgoing.append(frame_of(payload))
        self.flush()

    def flush(self) -> bool:
        """Hand what waits to the network. False: the client was too slow and has been cut off."""
        if not self.outgoing or self._transport.is_closing():
            self.outgoing.clear()
            return True
        if self._transport.get_write_buffer_size() > HIGH_WATER_BYTES:
            if self.waiting_bytes <= self._pile_bytes:
                return True
            self.reset()
            return False
        chunk = b"".join(self.outgoing)
        self.frames += len(self.outgoing)
        self.outgoing.clear()
        self._transport.write(chunk)
        if self._sent is not None:
            self._sent(self.number, chunk)
        return True

    def hold(self, frame: bytes) -> None:
        """Keep a frame back; where there are too many the oldest are lost."""
        if len(self.held) >= LONGEST_HELD_FRAMES:
            del self.held[: LONGEST_HELD_FRAMES // 10]
        self.held.append(frame)

    def release(self) -> None:
        """Send what was kept back."""
        self.outgoing += self.held
        self.held.clear()

    def close(self, *, code: bool = True) -> None:
        """End it with a close frame, with or without a code in it."""
        self.flush()
        if not self._transport.is_closing():
            self._transport.write(_CLOSE_GOING_AWAY if code else _CLOSE_WITHOUT_CODE)
            self._transport.close()

    def abort(self) -> None:
        """End it without a close frame."""
        self._transport.close()

    def reset(self) -> None:
        """End it with a TCP reset; what waits is lost."""
        self.outgoing.clear()
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger)
        self._transport.abort()
