"""The market's WebSocket streams over as many connections as they need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random

import aiohttp

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.connection import Connection, ConnectionStatus
from connectors.mexc.errors import innermost
from connectors.mexc.stream_settings import DEFAULT_STREAM_URL, StreamCounters, StreamListener, StreamSettings
from connectors.mexc.subscriptions import Subscription
from operators.errors import UsageError


class MexcStream:
    """Keeps the wanted subscriptions alive and hands their frames to the listener.

    State is what is *wanted*; every (re)connection asks for all of it. All methods belong to the event loop's thread;
    `want` and `drop` may be called before `run`. While `run` is going it ends only by being cancelled or with what
    a listener (or a bug) raised: network trouble never ends it.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        clock: ExchangeClock,
        settings: StreamSettings,
        listener: StreamListener,
        random: Random,
    ) -> None:
        if not url.startswith(("ws://", "wss://")):
            raise UsageError(f"WebSocket address {url!r}: ws:// or wss:// is allowed, e.g. {DEFAULT_STREAM_URL}")
        self.counters = StreamCounters()
        self._session = session
        self._url = url
        self._clock = clock
        self._settings = settings
        self._listener = listener
        self._random = random
        self._connections: list[Connection] = []
        self._where: dict[Subscription, Connection] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[Connection, asyncio.Task[None]] = {}

    @property
    def wanted(self) -> frozenset[Subscription]:
        """The desired state."""
        return frozenset(self._where)

    def is_live(self, subscription: Subscription) -> bool:
        """Whether data has come since it was last asked for."""
        connection = self._where.get(subscription)
        return connection is not None and connection.subscriptions.streams[subscription].live

    def was_asked(self, subscription: Subscription) -> bool:
        """Whether it has been asked for on its present connection, live or not (quiet markets have no data)."""
        connection = self._where.get(subscription)
        return connection is not None and connection.subscriptions.streams[subscription].sent > 0

    def asked_seconds(self, subscription: Subscription) -> float | None:
        """How long ago it was asked for on its present connection; None where it was not."""
        connection = self._where.get(subscription)
        stream = None if connection is None else connection.subscriptions.streams[subscription]
        return _loop_time() - stream.asked_at if stream is not None and stream.sent else None

    def status(self) -> list[ConnectionStatus]:
        """How each connection is doing."""
        return [connection.status() for connection in self._connections]

    def want(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these too. They fill connections in the given order, new ones are opened where room is short."""
        now = _loop_time()
        for subscription in subscriptions:
            if subscription in self._where:
                continue
            connection = self._with_room()
            connection.subscriptions.add((subscription,), now)
            connection.wake()
            self._where[subscription] = connection

    def drop(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these no longer. A connection without any subscription left is closed."""
        for subscription in subscriptions:
            connection = self._where.pop(subscription, None)
            if connection is None:
                continue
            connection.subscriptions.remove((subscription,), say_so=True)
            connection.wake()
            if not connection.subscriptions:
                self._connections.remove(connection)
                task = self._tasks.pop(connection, None)
                if task is not None:
                    task.cancel()

    def resubscribe(self, subscription: Subscription, cause: str) -> None:
        """Give one stream up and ask for it anew on its connection; unknown ones are left alone."""
        connection = self._where.get(subscription)
        if connection is not None:
            connection.ask_again(connection.subscriptions.streams[subscription], cause, _loop_time())

    def reconnect(self, subscription: Subscription, cause: str) -> None:
        """Give up the socket that this stream is on; all streams of it come back on the next one."""
        connection = self._where.get(subscription)
        if connection is not None:
            connection.end(cause)

    async def run(self) -> None:
        """Keep everything going until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for connection in self._connections:
                    self._start(connection)
                # nothing is wanted perhaps, and may be later
                await asyncio.get_running_loop().create_future()
        except BaseExceptionGroup as errors:
            raise innermost(errors) from errors
        finally:
            self._group = None
            self._tasks.clear()

    def _with_room(self) -> Connection:
        for connection in self._connections:
            if len(connection.subscriptions) < self._settings.subscriptions_per_connection:
                return connection
        connection = Connection(
            self._session, self._url, self._clock, self._settings, self._listener, self.counters, self._random
        )
        self._connections.append(connection)
        self._start(connection)
        return connection

    def _start(self, connection: Connection) -> None:
        if self._group is not None:
            self._tasks[connection] = self._group.create_task(connection.run())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


__all__ = ["DEFAULT_STREAM_URL", "MexcStream", "StreamCounters", "StreamListener", "StreamSettings", "Subscription"]
