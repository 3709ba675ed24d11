"""The listing: contracts vanish only where the contract list itself leaves them out, and twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from connectors.mexc.listing import Listing
from connectors.mexc.rest import MexcRest

Exchange = Callable[..., Any]


def contract(symbol: str, size: float = 1.0) -> dict[str, Any]:
    return {"symbol": symbol, "contractSize": size}


class Told:
    """A listing of A and B, and what it has told."""

    def __init__(self, rest: MexcRest, every_seconds: float = 0.02) -> None:
        self.changed: list[tuple[str, float]] = []
        self.vanished: list[str] = []
        self.listed: list[str] = []
        self.listing = Listing(
            rest,
            ("A_USDT", "B_USDT"),
            every_seconds,
            lambda detail: self.changed.append((detail.symbol, detail.contract_size)),
            self.vanished.append,
            self.listed.append,
        )


def test_details_are_told_when_they_change(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Told(rest)
            exchange.says["detail"] = [contract("A_USDT"), contract("C_USDT")]
            await it.listing.read()
            await it.listing.read()
            exchange.says["detail"] = [contract("A_USDT", 2.0)]
            await it.listing.read()
            assert it.changed == [("A_USDT", 1.0), ("A_USDT", 2.0)]

    asyncio.run(scenario())


def test_one_incomplete_reply_is_believed_by_nobody(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Told(rest)
            for symbols in (("A_USDT", "B_USDT"), ("A_USDT",), ("A_USDT", "B_USDT"), ("A_USDT",)):
                exchange.says["detail"] = [contract(symbol) for symbol in symbols]
                await it.listing.read()
            assert it.vanished == []
            await it.listing.read()
            assert it.vanished == ["B_USDT"]
            assert set(it.listing.details) == {"A_USDT"}

    asyncio.run(scenario())


def test_a_suspicion_is_decided_by_the_next_reading(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Told(rest)
            exchange.says["detail"] = [contract("A_USDT"), contract("B_USDT")]
            await it.listing.read()
            it.listing.suspect("A_USDT")
            await it.listing.read()
            assert (it.vanished, it.listed) == ([], ["A_USDT"])
            exchange.says["detail"] = [contract("A_USDT")]
            it.listing.suspect("B_USDT")
            await it.listing.read()
            assert (it.vanished, it.listed) == (["B_USDT"], ["A_USDT"])

    asyncio.run(scenario())


def test_a_suspicion_brings_the_next_reading_forward(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Told(rest, every_seconds=600.0)
            exchange.says["detail"] = [contract("A_USDT")]
            await it.listing.read()
            exchange.says["detail"] = []
            running = asyncio.create_task(it.listing.run())
            it.listing.suspect("A_USDT")
            async with asyncio.timeout(5.0):
                while not it.vanished:
                    await asyncio.sleep(0.01)
            running.cancel()

    asyncio.run(scenario())


def test_a_forgotten_symbol_stays_forgotten(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Told(rest)
            it.listing.forget("A_USDT")
            exchange.says["detail"] = [contract("A_USDT")]
            await it.listing.read()
            it.listing.suspect("A_USDT")
            assert (it.changed, it.listing.details) == ([], {})

    asyncio.run(scenario())
