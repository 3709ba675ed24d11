"""A whole feed at a simulated exchange over real sockets: what is observed, and what ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from connectors.mexc.feed import MexcFeed
from connectors.mexc.feed_settings import FeedSettings, Interrupted
from connectors.mexc.inbox import HeldEvent
from connectors.mexc.observation import OpenGap
from connectors.mexc.receiver import BLIND
from connectors.mexc.rest_settings import RestSettings
from connectors.mexc.source import LiveState
from connectors.simulated.exchange.server import ExchangeServer
from connectors.simulated.exchange.serving import MarketRequest, open_exchange
from operators.slices import CutterState

SYMBOLS = ("AAA_USDT", "BBB_USDT")
SPEED = 4.0


async def exchange(tempo: float) -> ExchangeServer:
    request = MarketRequest(
        names=SYMBOLS, seed=3, speed=SPEED, tempo=tempo, start_ms=1_763_856_000_000, lead_seconds=20.0
    )
    server = open_exchange(request)
    await server.start()
    return server


def feed(server: ExchangeServer, symbols: tuple[str, ...], before: Interrupted | None = None) -> MexcFeed:
    settings = FeedSettings(
        "collect_x",
        "simulated",
        server.rest_url,
        server.websocket_url,
        symbols,
        clock_rate=SPEED,
        evidence_seconds=0.3,
        listing_seconds=0.5,
        reference_seconds=0.3,
        rest=RestSettings(blocked_seconds=(0.5, 1.0)),
    )
    return MexcFeed(settings, lambda _: before or Interrupted())


class Taken:
    """What a feed has given so far."""

    def __init__(self, of: MexcFeed) -> None:
        self.feed = of
        self.events: list[HeldEvent] = []
        self.gaps: list[dict[str, Any]] = []

    async def until(self, holds: Callable[[], Any], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while True:
            received = self.feed.take()
            self.events += received.events
            self.gaps += [dict(row) for row in received.rows.get("data_gaps", ())]
            if holds():
                return
            assert time.monotonic() < end, f"not within {seconds} s"
            await asyncio.sleep(0.02)

    def kinds(self, symbol: str) -> list[str]:
        return [event.kind for event in self.events if event.symbol == symbol]


def play(scenario: Callable[[ExchangeServer], Any], tempo: float = 1.0) -> None:
    async def run() -> None:
        server = await exchange(tempo)
        try:
            await scenario(server)
        finally:
            await server.close()

    asyncio.run(run())


def test_both_streams_of_each_symbol_are_observed_until_the_end() -> None:
    async def scenario(server: ExchangeServer) -> None:
        it = Taken(feed(server, SYMBOLS))
        await asyncio.to_thread(it.feed.start, None)
        try:
            await it.until(lambda: all(it.kinds(symbol).count("observed_on") == 2 for symbol in SYMBOLS))
        finally:
            await asyncio.to_thread(it.feed.stop)
        await it.until(lambda: True)
        assert all(it.kinds(symbol).count("observed_off") == 2 for symbol in SYMBOLS)
        assert it.gaps == []

    play(scenario)


def test_a_symbol_that_is_gone_when_the_session_goes_on_ends_once_and_its_gaps_with_it() -> None:
    async def scenario(server: ExchangeServer) -> None:
        gone, removed = "GONE_USDT", "REMOVED_USDT"
        now = 1_763_856_000_000_000
        before = Interrupted([OpenGap(gone, "trades", now, "restart of the collector")], removed={removed})
        it = Taken(feed(server, (*SYMBOLS, gone, removed), before))
        position = LiveState(now, now, 1, CutterState(0, now, ()))
        await asyncio.to_thread(it.feed.start, position)
        try:
            await it.until(lambda: "symbol_removed" in it.kinds(gone))
        finally:
            await asyncio.to_thread(it.feed.stop)
        assert it.kinds(removed) == []
        assert it.kinds(gone).count("symbol_removed") == 1
        assert [row["end_ts"] is None for row in it.gaps if row["symbol"] == gone] == [True, False]

    play(scenario)


def test_a_refusal_of_a_symbol_that_is_listed_does_not_end_it() -> None:
    async def scenario(server: ExchangeServer) -> None:
        it = Taken(feed(server, SYMBOLS))
        await asyncio.to_thread(it.feed.start, None)
        try:
            await it.until(lambda: "observed_on" in it.kinds(SYMBOLS[0]))
            connected = it.feed.connected
            assert connected is not None
            assert it.feed._loop is not None
            it.feed._loop.call_soon_threadsafe(connected.receiver.on_refused, SYMBOLS[0], "not exists")
            await asyncio.sleep(1.5)
            await it.until(lambda: True)
            assert "symbol_removed" not in it.kinds(SYMBOLS[0])
        finally:
            await asyncio.to_thread(it.feed.stop)

    play(scenario)


def test_what_may_have_been_lost_while_nothing_could_be_asked_is_a_gap() -> None:
    async def scenario(server: ExchangeServer) -> None:
        it = Taken(feed(server, SYMBOLS))
        await asyncio.to_thread(it.feed.start, None)
        try:
            await it.until(lambda: all(it.kinds(symbol).count("observed_on") == 2 for symbol in SYMBOLS))
            await asyncio.sleep(1.0)
            server.faults.set("blocked")
            # more trades than the exchange can be asked for afterwards
            await asyncio.sleep(3.0)
            server.faults.clear("blocked")
            await it.until(lambda: {row["symbol"] for row in it.gaps if row["cause"] == BLIND} == set(SYMBOLS))
        finally:
            await asyncio.to_thread(it.feed.stop)

    play(scenario, tempo=40.0)
