"""Seeding: a book gets its snapshot; what the exchange will not give now is asked for again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from connectors.mexc.book import Level2Book
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.rest import MexcRest
from connectors.mexc.seeding import BookSeeder
from connectors.mexc.symbol_feed import SymbolFeed
from tests.connectors.mexc.working import work_until

Exchange = Callable[..., Any]
A = "A_USDT"


class Seeding:
    """A seeder of one symbol at work."""

    def __init__(self, rest: MexcRest) -> None:
        self.feed = SymbolFeed(0, A, ContractDetail(A, 1.0), Level2Book(5))
        self.seeded: list[str] = []
        self.refused: list[str] = []
        self.seeder = BookSeeder(rest, {A: self.feed}, self.seeded.append, self.refused.append)

    async def until(self, holds: Callable[[], Any]) -> None:
        await work_until(self.seeder.run(), holds)


def book() -> dict[str, Any]:
    return {"asks": [[101.0, 5, 1]], "bids": [[100.0, 4, 1]], "version": 7, "timestamp": time.time_ns() // 1_000_000}


def test_a_book_that_is_wanted_gets_its_snapshot_once(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Seeding(rest)
            exchange.says[f"depth/{A}"] = book()
            it.seeder.want(A)
            it.seeder.want(A)
            await it.until(lambda: it.seeded)
            assert it.feed.book.synced
            assert exchange.asked == [f"depth/{A}"]

    asyncio.run(scenario())


@pytest.mark.parametrize(("code", "unknown"), [(1001, True), (1002, False), (2015, False)])
def test_a_refusal_ends_nothing_and_is_told_only_where_it_is_about_the_contract(
    rest_exchange: Exchange, code: int, unknown: bool
) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Seeding(rest)
            exchange.says[f"depth/{A}"] = code
            it.seeder.want(A)
            asyncio.get_running_loop().call_later(0.3, exchange.says.update, {f"depth/{A}": book()})
            await it.until(lambda: it.seeded)
            assert it.refused == ([A] if unknown else [])

    asyncio.run(scenario())


def test_an_empty_book_is_asked_for_again(rest_exchange: Exchange) -> None:
    async def scenario() -> None:
        async with rest_exchange() as (exchange, rest):
            it = Seeding(rest)
            exchange.says[f"depth/{A}"] = book() | {"asks": [], "bids": []}
            it.seeder.want(A)
            await it.until(lambda: len(exchange.asked) == 2)
            assert (it.seeded, it.feed.book.synced) == ([], False)

    asyncio.run(scenario())
