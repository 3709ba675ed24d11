"""A client written from the protocol notes alone, without a line of the collector's code: does it see what happened?"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from connectors.simulated.exchange.truth_reader import Truth

SYMBOLS = ("AAA_USDT", "BBB_USDT", "CCC_USD")


class Book:
    """Section 1.4: buffer, seed, apply what follows, notice gaps."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.sides: dict[str, dict[float, int]] = {"bids": {}, "asks": {}}
        self.buffered: list[dict] = []
        self.gaps = 0

    def take(self, data: dict) -> None:
        if self.version is None:
            self.buffered.append(data)
            return
        first, last = data.get("begin", data["version"]), data.get("end", data["version"])
        if last <= self.version:
            return
        if first > self.version + 1:
            self.gaps += 1
        self.version = last
        for name, side in self.sides.items():
            for price, contracts, *_ in data[name]:
                if contracts:
                    side[price] = contracts
                else:
                    side.pop(price, None)

    def seed(self, data: dict) -> None:
        self.version = data["version"]
        for name, side in self.sides.items():
            side.update({price: contracts for price, contracts, *_ in data[name]})
        buffered, self.buffered = self.buffered, []
        for frame in buffered:
            self.take(frame)


def test_books_and_deals_of_a_foreign_client_equal_what_happened(play, lively, tmp_path):
    merged, single, deals = {}, {}, {}

    async def scenario(scene):
        clients = [await scene.client() for _ in range(2)]
        for client, compress in zip(clients, (True, False), strict=True):
            for symbol in SYMBOLS:
                await client.send("sub.depth", symbol, compress=compress)
                await client.send("sub.deal", symbol)
        await clients[0].until(lambda: len(clients[0].of("push.depth")) > 20)
        seeds = {symbol: (await scene.get(f"depth/{symbol}"))["data"] for symbol in SYMBOLS}
        await asyncio.sleep(2.0)
        for client, books in zip(clients, (merged, single), strict=True):
            for symbol in SYMBOLS:
                book = books[symbol] = Book()
                for message in client.of("push.depth", symbol):
                    book.take(message["data"])
                book.seed(seeds[symbol])
        for symbol in SYMBOLS:
            deals[symbol] = [
                deal for message in clients[0].of("push.deal", symbol) for deal in reversed(message["data"])
            ]

    play(scenario, replace(lively, speed=10.0), truth=tmp_path / "truth")

    truth = Truth(tmp_path / "truth")
    assert truth.symbols == SYMBOLS
    for symbol in SYMBOLS:
        for book in (merged[symbol], single[symbol]):
            really = truth.book_at(symbol, book.version)
            assert book.gaps == 0
            for name, levels in (("bids", really.bids), ("asks", really.asks)):
                assert book.sides[name] == {level.price: level.contracts for level in levels}
        rows = truth.table("deals", symbol)
        ids = [int(deal["i"]) for deal in deals[symbol]]
        assert len(ids) > 10
        happened = rows[(rows["deal_id"] >= ids[0]) & (rows["deal_id"] <= ids[-1])]
        told = [(int(deal["i"]), deal["t"], deal["p"], deal["v"], deal["T"], deal["O"]) for deal in deals[symbol]]
        assert told == happened[["deal_id", "ms", "price", "contracts", "taker", "opens"]].tolist()
