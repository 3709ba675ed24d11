"""A small scripted exchange over a real socket, and a listener that remembers."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.records import Frame
from connectors.mexc.rest import MexcRest, RestSettings
from connectors.mexc.stream import MexcStream, StreamSettings, Subscription

FAST = StreamSettings(
    ping_seconds=0.2,
    pong_deadline_seconds=0.2,
    first_data_seconds=0.1,
    subscribe_per_second=1_000,
    backoff_first=0.01,
    backoff_longest=0.05,
    steady_seconds=1.0,
    connect_seconds=1.0,
    close_seconds=0.2,
)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def data_frame(channel: str, symbol: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A push as the exchange writes it: symbol, data, channel, ts."""
    ms = now_ms()
    if channel == "deal":
        data: Any = [{"p": 100.5, "v": 3, "T": 1, "O": 3, "M": 1, "t": ms, "i": str(number), "cts": str(ms)}]
    elif channel == "tickers":
        row = {"symbol": "BTC_USDT", "contractId": 10, "lastPrice": 1.5, "fairPrice": 1.5, "indexPrice": 1.5}
        data = [row | {"volume24": 1, "amount24": 1.0, "maxBidPrice": 9.0, "minAskPrice": 0.1, "timestamp": ms}]
    else:
        data = {"cts": ms, "asks": [[101.0, 5, 1]], "bids": [[100.0, 4, 1]], "version": number}
        if channel == "depth":
            data |= {"end": number, "begin": number}
    frame = {"symbol": symbol} if symbol else {}
    return frame | {"data": data, "channel": f"push.{channel}", "ts": ms} | more


class ScriptedExchange:
    """Answers as in the protocol notes; the public attributes are switches a test may turn."""

    def __init__(self) -> None:
        self.connections: list[web.WebSocketResponse] = []
        self.handshakes: list[float] = []
        self.requests: list[tuple[float, int, dict[str, Any]]] = []
        self.subscribed: list[set[tuple[str, str]]] = []
        self.unknown: set[str] = set()
        self.mute: set[str] = set()
        self.refuse: list[int] = []
        self.lose: Callable[[dict[str, Any]], bool] = lambda _: False
        self.acknowledgements = 1
        self.acknowledgement_delay = 0.0
        self.pongs = 1
        self.silence_seconds: float | None = None
        self.after_subscribe: Callable[[web.WebSocketResponse, str, str], Awaitable[None]] | None = None
        self._transports: list[asyncio.Transport] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    @property
    def subscribes(self) -> list[tuple[int, str, str]]:
        """Connection number, channel and symbol of each subscription received."""
        found = []
        for _, number, request in self.requests:
            if request["method"].startswith("sub."):
                found.append((number, request["method"][4:], request["param"].get("symbol", "")))
        return found

    def pings(self, connection: int = 0) -> list[float]:
        return [at for at, number, request in self.requests if number == connection and request["method"] == "ping"]

    async def push(self, channel: str, symbol: str, number: int = 1, connection: int = -1) -> None:
        await self.connections[connection].send_json(data_frame(channel, symbol, number))

    def reset(self, connection: int = -1) -> None:
        """Tear the connection down with a TCP reset."""
        transport = self._transports[connection]
        raw = transport.get_extra_info("socket")
        raw.setsockopt(
            sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
        transport.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.handshakes.append(time.monotonic())
        if self.refuse:
            return web.Response(status=self.refuse.pop(0), text="<HTML>Access Denied</HTML>", content_type="text/html")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        number = len(self.connections)
        self.connections.append(socket)
        self.subscribed.append(set())
        assert request.transport is not None
        self._transports.append(request.transport)
        last_ping = time.monotonic()
        while True:
            try:
                wait = None if self.silence_seconds is None else last_ping + self.silence_seconds - time.monotonic()
                message = await socket.receive(timeout=wait)
            except TimeoutError:
                text = "more than 60 seconds no response, close the channel"
                await socket.send_json({"channel": "rs.error", "data": text, "ts": now_ms()})
                await asyncio.sleep(0.02)
                assert request.transport is not None
                request.transport.abort()
                break
            if message.type is not WSMsgType.TEXT:
                break
            content = json.loads(message.data)
            self.requests.append((time.monotonic(), number, content))
            if content["method"] == "ping":
                last_ping = time.monotonic()
            with suppress(ConnectionResetError):
                await self._answer(socket, number, content)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, number: int, content: dict[str, Any]) -> None:
        method = content["method"]
        if method == "ping":
            for _ in range(self.pongs):
                await socket.send_json({"channel": "pong", "data": now_ms(), "ts": now_ms()})
        elif method.startswith("unsub."):
            self.subscribed[number].discard((method[6:], content["param"].get("symbol", "")))
        elif method.startswith("sub.") and not self.lose(content):
            channel, symbol = method[4:], content["param"].get("symbol", "")
            if symbol in self.unknown:
                await socket.send_json(
                    {"channel": "rs.error", "data": f"Contract [{symbol}] not exists", "ts": now_ms()}
                )
                return
            self._later(self._acknowledge(socket, channel))
            if symbol not in self.mute and channel != "contract":
                self.subscribed[number].add((channel, symbol))
                await socket.send_json(data_frame(channel, symbol))
                if self.after_subscribe is not None:
                    await self.after_subscribe(socket, channel, symbol)

    def _later(self, job: Any) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, socket: web.WebSocketResponse, channel: str) -> None:
        if self.acknowledgement_delay:
            await asyncio.sleep(self.acknowledgement_delay * Random().random())
        with suppress(ConnectionResetError):
            for _ in range(self.acknowledgements):
                await socket.send_json({"channel": f"rs.sub.{channel}", "data": "success", "ts": now_ms()})


class Recorder:
    """A listener that keeps everything."""

    def __init__(self) -> None:
        self.frames: list[tuple[Frame, int]] = []
        self.malformed: list[tuple[bytes, str]] = []
        self.live: list[Subscription] = []
        self.lost: list[tuple[list[Subscription], str, int]] = []
        self.refused: list[tuple[str, str]] = []

    def on_frame(self, frame: Frame, received_us: int) -> None:
        self.frames.append((frame, received_us))

    def on_malformed(self, raw: bytes, reason: str, received_us: int) -> None:
        self.malformed.append((raw, reason))

    def on_live(self, subscription: Subscription, received_us: int) -> None:
        self.live.append(subscription)

    def on_lost(self, subscriptions: Collection[Subscription], cause: str, since_us: int) -> None:
        self.lost.append((list(subscriptions), cause, since_us))

    def on_refused(self, symbol: str, text: str) -> None:
        self.refused.append((symbol, text))


class Scene:
    """An exchange, a stream and its listener in one event loop."""

    def __init__(
        self, exchange: ScriptedExchange, stream: MexcStream, listener: Recorder, clock: ExchangeClock
    ) -> None:
        self.exchange = exchange
        self.stream = stream
        self.listener = listener
        self.clock = clock
        self.running: asyncio.Task[None] | None = None

    def run(self) -> asyncio.Task[None]:
        self.running = asyncio.create_task(self.stream.run())
        return self.running

    async def until(self, holds: Callable[[], Any], seconds: float = 30.0) -> None:
        """Wait until this holds; the stream must go on meanwhile."""
        end = time.monotonic() + seconds
        while not holds():
            if self.running is not None and self.running.done():
                self.running.result()
            assert time.monotonic() < end, f"not within {seconds} s"
            await asyncio.sleep(0.002)


@asynccontextmanager
async def _scene(listener: Recorder | None = None, **changes: Any) -> AsyncIterator[Scene]:
    exchange = ScriptedExchange()
    application = web.Application()
    application.router.add_get("/edge", exchange.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]
    exchange.url = f"ws://127.0.0.1:{port}/edge"
    listener = listener if listener is not None else Recorder()
    clock = ExchangeClock()
    async with aiohttp.ClientSession() as session:
        stream = MexcStream(session, exchange.url, clock, replace(FAST, **changes), listener, Random(1))
        scene = Scene(exchange, stream, listener, clock)
        try:
            yield scene
        finally:
            if scene.running is not None:
                scene.running.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await scene.running
            await runner.cleanup()


class RestExchange:
    """Answers each path (after /api/v1/contract/) with what `says` has for it, at once and for as often as asked."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.asked.append(path)
        said = self.says[path]
        if isinstance(said, int):
            text = json.dumps({"success": False, "code": said, "message": "no"})
            return web.Response(text=text, content_type="application/json")
        return web.json_response({"success": True, "code": 0, "data": said})


@asynccontextmanager
async def _rest_exchange() -> AsyncIterator[tuple[RestExchange, MexcRest]]:
    exchange = RestExchange()
    application = web.Application()
    application.router.add_get("/api/v1/contract/{path:.*}", exchange.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as session:
        try:
            quick = RestSettings(tries=1, limit_over_all=1_000)
            yield exchange, MexcRest(session, url, clock=ExchangeClock(), settings=quick)
        finally:
            await runner.cleanup()


@pytest.fixture
def rest_exchange() -> Callable[..., Any]:
    """`async with rest_exchange() as (exchange, rest):` gives a REST server and a client of it."""
    return _rest_exchange


@pytest.fixture
def scene() -> Callable[..., Any]:
    """`async with scene(setting=value, …) as it:` gives a scripted exchange and a stream that is not yet running."""
    return _scene


@pytest.fixture
def remembering_listener() -> type[Recorder]:
    """The listener's class, for tests that change what it does."""
    return Recorder


@pytest.fixture
def frame_of() -> Callable[..., dict[str, Any]]:
    """Writes a push frame."""
    return data_frame
