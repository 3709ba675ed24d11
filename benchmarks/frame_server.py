"""An exchange that does nothing but send: `python -m benchmarks.frame_server SYMBOLS FRAMES` (frames of one round).

A process of its own, with only what a collector asks for at its start. It prints its address; `GET /status` tells how
far it is, `GET /send/ROUNDS` begins to send as fast as the collector takes it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
import time
from typing import Any, Final

from benchmarks.running_frames import Chunk, RunningFrames

_KEY: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PONG: Final = 0xA
_CLOSE: Final = 0x8
_TEXT: Final = 0x1


class Subscriber:
    """One WebSocket connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.streams: set[tuple[str, str]] = set()
        self.chunks: list[Chunk] = []
        self.ponged = asyncio.Event()

    def send(self, content: bytes, kind: int = _TEXT) -> None:
        size = len(content)
        length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
        self.writer.write(bytes([0x80 | kind]) + length + content)


class FrameServer:
    """Answers, waits for the word, sends."""

    def __init__(self, frames: RunningFrames) -> None:
        self.market = frames
        self.rounds = 0
        self.seeded: set[str] = set()
        self.subscribers: list[Subscriber] = []
        self.status: dict[str, Any] = {"frames": 0, "trades": 0, "bytes": 0, "began": None, "received": None}
        self._sending: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"address": f"http://127.0.0.1:{port}"}), flush=True)
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = head.split(" ", 2)[1]
                if path.startswith("/edge"):
                    await self._stream(head, reader, writer)
                    return
                content = json.dumps(self._answer(path)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                    + str(len(content)).encode()
                    + b"\r\n\r\n"
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> Any:
        path, _, _ = path.partition("?")
        parts = path.strip("/").split("/")
        if parts[0] == "status":
            streams = sum(len(each.streams) for each in self.subscribers)
            return self.status | {"streams": streams, "seeded": len(self.seeded), "connections": len(self.subscribers)}
        if parts[0] == "send":
            self._sending = asyncio.create_task(self._send(int(parts[1])))
            return self.status
        return {"success": True, "code": 0, "data": self._data(parts[3], parts[4:])}

    def _data(self, endpoint: str, rest: list[str]) -> Any:
        now = time.time_ns() // 1_000_000
        symbols = self.market.symbols
        if endpoint == "ping":
            return now
        if endpoint == "depth":
            self.seeded.add(rest[0])
            books = self.market.books if self.rounds else self.market.first_books
            return books[rest[0]].reply(self.market.version_after(rest[0], self.rounds), now)
        if endpoint == "detail":
            return [
                {"symbol": name, "baseCoin": name[:-5], "quoteCoin": "USDT", "settleCoin": "USDT", "contractSize": 0.1}
                | {"priceUnit": 0.01, "volUnit": 1, "minVol": 1, "maxVol": 1_000_000, "maxLeverage": 50, "state": 0}
                for name in symbols
            ]
        if endpoint == "ticker":
            return [{"symbol": name, "lastPrice": 100.0, "timestamp": now - 60_000} for name in symbols]
        if endpoint == "funding_rate":
            settle = (now // 28_800_000 + 1) * 28_800_000
            return [
                {"symbol": name, "fundingRate": 0.0001, "collectCycle": 8, "nextSettleTime": settle, "timestamp": now}
                for name in symbols
            ]
        return []

    async def _stream(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key.split(":", 1)[1].strip().encode() + _KEY).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )
        subscriber = Subscriber(writer)
        self.subscribers.append(subscriber)
        try:
            while True:
                kind, content = await _read(reader)
                if kind == _CLOSE:
                    subscriber.send(content, _CLOSE)
                    return
                if kind == _PONG:
                    subscriber.ponged.set()
                elif kind == _TEXT:
                    self._asked(subscriber, json.loads(content))
        finally:
            self.subscribers.remove(subscriber)

    def _asked(self, subscriber: Subscriber, request: Any) -> None:
        method, now = request["method"], time.time_ns() // 1_000_000
        if method == "ping":
            subscriber.send(json.dumps({"channel": "pong", "data": now, "ts": now}).encode())
            return
        subscriber.send(json.dumps({"channel": f"rs.{method}", "data": "success", "ts": now}).encode())
        channel, symbol = method.removeprefix("sub."), request["param"].get("symbol")
        if symbol is not None and (channel, symbol) not in subscriber.streams:
            subscriber.streams.add((channel, symbol))
            subscriber.send(self.market.first_frame(channel, symbol, now))
            self.status["frames"] += 1
            self.status["trades"] += channel == "deal"

    async def _send(self, rounds: int) -> None:
        for each in self.subscribers:
            each.chunks = self.market.chunks(each.streams)
        self.status["began"] = time.time()
        for _ in range(rounds):
            await asyncio.gather(*(self._send_round(each) for each in self.subscribers))
            self.rounds += 1
        # who answers a ping has taken what was sent before it
        for each in self.subscribers:
            each.send(b"", 0x9)
        await asyncio.gather(*(each.ponged.wait() for each in self.subscribers))
        self.status["received"] = time.time()

    async def _send_round(self, subscriber: Subscriber) -> None:
        status = self.status
        for chunk in subscriber.chunks:
            content = chunk.at(self.rounds, time.time_ns() // 1_000_000)
            subscriber.writer.write(content)
            status["frames"] += chunk.frames
            status["trades"] += chunk.trades
            status["bytes"] += len(content)
            await subscriber.writer.drain()


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One frame of a client: its kind and what it says."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    masked = await reader.readexactly(size)
    return first & 0xF, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))


def main() -> None:
    symbols = [f"COIN{index:04d}_USDT" for index in range(int(sys.argv[1]))]
    asyncio.run(FrameServer(RunningFrames(symbols, int(sys.argv[2]), seed=5)).serve())


if __name__ == "__main__":
    main()
