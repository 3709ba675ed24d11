"""The heartbeat of one connection: a ping now and then, and a pong in time, else the connection is dead."""

from __future__ import annotations

import asyncio
from typing import Final

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.stream_settings import StreamCounters, StreamSettings
from connectors.mexc.websocket import ConnectionOver, Socket, send

PING: Final = b'{"method":"ping"}'


class Heartbeat:
    """Pings `ping_seconds` after the last ping was sent, whatever else is going on: the exchange closes a connection
    without pings after a minute, however busy it is. Pongs, not data, tell that a connection lives; they also tell
    the exchange's time.
    """

    def __init__(self, clock: ExchangeClock, settings: StreamSettings, counters: StreamCounters) -> None:
        self._clock = clock
        self._settings = settings
        self._counters = counters
        self._answered = asyncio.Event()
        self._sent_us: int | None = None

    async def run(self, socket: Socket) -> None:
        """Beat until a pong does not come in time: `ConnectionOver`."""
        loop = asyncio.get_running_loop()
        while True:
            self._answered.clear()
            sent_at = loop.time()
            self._sent_us = self._clock.local_us()
            await send(socket, PING, self._settings)
            self._counters.pings += 1
            await self._await_pong(loop)
            await asyncio.sleep(sent_at + self._settings.ping_seconds - loop.time())

    def pong(self, server_ms: int | None, received_us: int) -> None:
        """A pong has come, perhaps the second for one ping."""
        self._counters.pongs += 1
        # a second pong, or one that nobody asked for, tells nothing about the clock
        if self._sent_us is not None and server_ms is not None:
            self._clock.observe(self._sent_us, server_ms, received_us)
        self._sent_us = None
        self._answered.set()

    async def _await_pong(self, loop: asyncio.AbstractEventLoop) -> None:
        deadline = self._settings.pong_deadline_seconds
        while True:
            due_at = loop.time() + deadline
            try:
                async with asyncio.timeout_at(due_at):
                    await self._answered.wait()
                    return
            except TimeoutError:
                # if this process itself stood still (a sleeping machine), the pong may lie unread in the socket
                if loop.time() - due_at < deadline / 2:
                    raise ConnectionOver("no pong") from None
