"""An exchange that runs for the length of a test, and a client that knows only JSON."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from connectors.simulated.exchange.server import ExchangeServer, ServerSettings
from connectors.simulated.exchange.serving import MarketRequest, open_exchange

START_MS = 1_763_856_000_000
SYMBOLS = ("AAA_USDT", "BBB_USDT", "CCC_USD")
LIVELY = MarketRequest(names=SYMBOLS, seed=3, speed=20.0, start_ms=START_MS, lead_seconds=20.0)


class Client:
    """A WebSocket that remembers all messages."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url
        self.messages: list[dict[str, Any]] = []
        self.kinds: list[WSMsgType] = []
        self.texts: list[str] = []
        self.closed: int | None = None
        """The close code, once the connection is over."""

    async def connect(self) -> Client:
        self.socket = await self.session.ws_connect(self.url, max_msg_size=8 << 20, compress=0)
        self.listening = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        while True:
            message = await self.socket.receive()
            if message.type is WSMsgType.BINARY:
                text = gzip.decompress(message.data).decode()
            elif message.type is WSMsgType.TEXT:
                text = message.data
            else:
                # a close frame without a code is 1005, no close frame at all 1006
                is_close = message.type is WSMsgType.CLOSE
                self.closed = int(message.data or 1005) if is_close else 1006
                return
            self.kinds.append(message.type)
            self.texts.append(text)
            self.messages.append(json.loads(text))

    async def send(self, method: str, symbol: str | None = None, **param: Any) -> None:
        if symbol is not None:
            param = {"symbol": symbol, **param}
        await self.socket.send_str(json.dumps({"method": method, "param": param}))

    def of(self, channel: str, symbol: str | None = None) -> list[dict[str, Any]]:
        return [
            message
            for message in self.messages
            if message["channel"] == channel and (symbol is None or message.get("symbol") == symbol)
        ]

    async def until(self, holds: Callable[[], Any], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s; got {self.texts[-5:]}"
            await asyncio.sleep(0.005)

    async def get(self, base: str, path: str, **headers: str) -> Any:
        async with self.session.get(f"{base}/api/v1/contract/{path}", headers=headers) as reply:
            return await reply.json(content_type=None)

    async def close(self) -> None:
        if hasattr(self, "socket"):
            await self.socket.close()
            self.listening.cancel()


class Scene:
    """An exchange and its clients in one event loop."""

    def __init__(self, server: ExchangeServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(self.session, self.server.websocket_url)
        self.clients.append(client)
        return await client.connect()

    async def get(self, path: str, **headers: str) -> Any:
        return await Client(self.session, "").get(self.server.rest_url, path, **headers)


Scenario = Callable[[Scene], Awaitable[None]]


def _play(scenario: Scenario, request: MarketRequest = LIVELY, seconds: float = 30.0, **settings: Any) -> None:
    async def run() -> None:
        server = open_exchange(replace(request, server=ServerSettings(**settings)))
        await server.start()
        async with aiohttp.ClientSession() as session:
            scene = Scene(server, session)
            try:
                async with asyncio.timeout(seconds):
                    await scenario(scene)
                server.check()
            finally:
                for client in scene.clients:
                    await client.close()
                await server.close()

    asyncio.run(run())


@pytest.fixture
def play() -> Callable[..., None]:
    """`play(scenario, request, **settings)` runs an exchange around an async function of a Scene."""
    return _play


@pytest.fixture
def lively() -> MarketRequest:
    """Three symbols, twenty times as fast as real time; the first pump comes after a second."""
    return LIVELY
