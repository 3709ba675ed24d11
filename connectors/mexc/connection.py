"""One WebSocket connection: connect, ask for the streams, keep it alive, hand on what comes, and begin again."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final, NamedTuple

import aiohttp
from aiohttp import WSMsgType

from connectors.mexc.backoff import Backoff
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.errors import MalformedFrame
from connectors.mexc.frames import channel_of, decode
from connectors.mexc.heartbeat import Heartbeat
from connectors.mexc.limits import TokenBucket
from connectors.mexc.records import Ack, ErrorNotice, Frame, Pong
from connectors.mexc.stream_settings import StreamCounters, StreamListener, StreamSettings
from connectors.mexc.subscriptions import Stream, Subscriptions
from connectors.mexc.websocket import ConnectFailed, ConnectionOver, Socket, close, connect, send, why_over

_TURN_US: Final = 5_000
"""Frames that have already arrived are received without a pause; after so long pings, timers and REST have a turn."""


class ConnectionStatus(NamedTuple):
    """A look at one connection."""

    open: bool
    wanted: int
    live: int
    last_frame_us: int | None
    failures: int


class Connection:
    """Delivers its `subscriptions` for as long as `run` is not cancelled, over one socket after the other.

    A socket is given up when the exchange closes it, says that it will, answers no ping in time, or takes nothing; and
    when `end` asks for it. Each of its jobs (receive, ping, ask) is tied to the socket: if one ends, all end.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        clock: ExchangeClock,
        settings: StreamSettings,
        listener: StreamListener,
        counters: StreamCounters,
        random: Random,
    ) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._settings = settings
        self._listener = listener
        self._counters = counters
        self.subscriptions = Subscriptions(
            settings.first_data_seconds,
            depth_levels=settings.depth_levels,
            merged_depth=settings.merged_depth,
            merged_deals=settings.merged_deals,
        )
        self._pace = TokenBucket(settings.subscribe_per_second, 1.0)
        self._backoff = Backoff(settings.backoff_first, settings.backoff_longest, random)
        self._changed = asyncio.Event()
        self._heartbeat = Heartbeat(clock, settings, counters)
        self._ending: asyncio.Future[str] | None = None
        self._last_us: int | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def status(self) -> ConnectionStatus:
        """How it is doing."""
        live = sum(stream.live for stream in self.subscriptions.streams.values())
        return ConnectionStatus(
            self._ending is not None, len(self.subscriptions), live, self._last_us, self._backoff.failures
        )

    def wake(self) -> None:
        """The subscriptions have changed."""
        self._changed.set()

    def end(self, cause: str) -> None:
        """Give up the present socket, if there is one."""
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(cause)

    def ask_again(self, stream: Stream, cause: str, now: float) -> None:
        """Cancel one stream and ask for it anew, on the same socket."""
        if stream.sent:
            since = stream.last_us if stream.last_us is not None else self._last_frame_us()
            self._listener.on_lost([stream.subscription], cause, since)
        self._counters.resubscribes += 1
        self.subscriptions.again(stream, now)
        self.wake()

    async def run(self) -> None:
        """Connect, and connect again, until cancelled. What a listener raises comes out of here."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(self._backoff.next())
        finally:
            if self._closing:
                await asyncio.wait(self._closing)

    async def _once(self) -> None:
        """From connecting to the end of one socket."""
        try:
            socket = await connect(self._session, self._url, self._settings)
        except ConnectFailed as failure:
            self._counters.failed_connects[str(failure)] += 1
            return
        self._counters.connects += 1
        loop = asyncio.get_running_loop()
        opened = loop.time()
        try:
            cause = await self._serve(socket)
        finally:
            # without making the next socket wait for it
            closing = loop.create_task(close(socket, self._settings))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        if loop.time() - opened >= self._settings.steady_seconds:
            self._backoff.reset()
        self._counters.disconnects[cause] += 1
        self._report_lost(cause)

    async def _serve(self, socket: Socket) -> str:
        """Everything that happens on one socket; returns why it ended."""
        loop = asyncio.get_running_loop()
        self._ending = loop.create_future()
        self._last_us = self._clock.local_us()
        self.subscriptions.begin(loop.time())
        jobs = [
            asyncio.create_task(job)
            for job in (
                self._receive(socket),
                self._heartbeat.run(socket),
                self._ask(socket),
                _end_when_asked(self._ending),
            )
        ]
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ending = None
            for job in jobs:
                job.cancel()
            await asyncio.wait(jobs)
            errors = [error for job in jobs if not job.cancelled() and (error := job.exception()) is not None]
        for error in errors:
            if not isinstance(error, ConnectionOver):
                raise error
        return str(errors[0]) if errors else "connection lost"

    async def _receive(self, socket: Socket) -> None:
        """The hot loop: per frame one clock reading, one decode, one look-up, one call."""
        receive = socket.receive
        local_us = self._clock.local_us
        streams = self.subscriptions.streams
        counters = self._counters
        on_frame = self._listener.on_frame
        text, binary = WSMsgType.TEXT, WSMsgType.BINARY
        turn_ends = 0
        while True:
            kind, raw, _ = await receive()
            if kind is not text and kind is not binary:
                raise ConnectionOver(why_over(kind, raw))
            self._last_us = now = local_us()
            counters.frames += 1
            counters.bytes += len(raw)
            try:
                frame = decode(raw)
            except MalformedFrame as error:
                counters.malformed += 1
                self._listener.on_malformed(bytes(raw), str(error), now)
            else:
                key = channel_of(frame)
                stream = streams.get(key) if key is not None else None
                if stream is None:
                    self._control(frame, now)
                elif stream.live or self._first_data(stream, now):
                    stream.last_us = now
                    on_frame(frame, now)
            if now > turn_ends:
                await asyncio.sleep(0)
                turn_ends = local_us() + _TURN_US

    def _first_data(self, stream: Stream, now_us: int) -> bool:
        if not stream.sent:
            self._counters.unasked += 1
            return False
        self.subscriptions.prove(stream)
        self._listener.on_live(stream.subscription, now_us)
        return True

    def _control(self, frame: Frame, now_us: int) -> None:
        if isinstance(frame, Pong):
            self._heartbeat.pong(frame.server_ms, now_us)
        elif isinstance(frame, Ack):
            self._acknowledged(frame, now_us)
        elif isinstance(frame, ErrorNotice):
            if frame.closing:
                raise ConnectionOver("notice that the exchange will close")
            if frame.symbol is None:
                self._counters.notices[frame.text] += 1
            else:
                self._counters.refused += 1
                self.subscriptions.refused(frame.symbol)
                self._listener.on_refused(frame.symbol, frame.text)
        else:
            self._counters.unasked += 1

    def _acknowledged(self, ack: Ack, now_us: int) -> None:
        if not ack.ok:
            self._counters.notices[f"{ack.method}: {ack.text}"] += 1
            return
        stream = self.subscriptions.acknowledged(ack.method.removeprefix("rs.").removeprefix("sub."))
        if stream is not None:
            self.subscriptions.prove(stream)
            self._listener.on_live(stream.subscription, now_us)

    async def _ask(self, socket: Socket) -> None:
        """Send what is due, at the pace the exchange likes."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            wait = self.subscriptions.wait_seconds(loop.time())
            if wait is None or wait > 0.0:
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                continue
            await self._pace.take()
            request = self.subscriptions.next_request(loop.time())
            if request is not None:
                await send(socket, request.frame, self._settings)
                self._counters.subscribes += request.subscribes
                self._counters.resubscribes += request.again

    def _report_lost(self, cause: str) -> None:
        lost = self.subscriptions.asked_for()
        for stream in self.subscriptions.streams.values():
            stream.live, stream.sent = False, 0
        if lost:
            self._listener.on_lost(lost, cause, self._last_frame_us())

    def _last_frame_us(self) -> int:
        return self._last_us if self._last_us is not None else self._clock.local_us()


async def _end_when_asked(asked: asyncio.Future[str]) -> None:
    raise ConnectionOver(await asked)
