"""Seeding books: snapshots over REST for those that have none, one after the other, within the exchange's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from connectors.mexc.book import Seed
from connectors.mexc.errors import UNKNOWN_CONTRACT, ExchangeError, ExchangeRejected
from connectors.mexc.rest import MexcRest
from connectors.mexc.symbol_feed import SymbolFeed

SNAPSHOT_LEVELS: Final = 1_000
WORKERS: Final = 4
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0


class BookSeeder:
    """Fetches a snapshot for each book asked for, again with growing pauses until the book accepts one.

    `symbols` may grow meanwhile. `on_seeded` is told the symbol whose book is whole again, `on_refused` one that the
    exchange says it does not know: its book stays wanted until `forget`.
    """

    def __init__(
        self,
        rest: MexcRest,
        symbols: Mapping[str, SymbolFeed],
        on_seeded: Callable[[str], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._symbols = symbols
        self._on_seeded = on_seeded
        self._on_refused = on_refused
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._wanted: dict[str, float] = {}
        self._pauses: set[asyncio.Task[None]] = set()

    def want(self, symbol: str) -> None:
        """Get a snapshot for this symbol, soon."""
        if symbol not in self._wanted:
            self._wanted[symbol] = _FIRST_PAUSE
            self._queue.put_nowait(symbol)

    def forget(self, symbol: str) -> None:
        """The symbol's book is not wanted any more."""
        self._wanted.pop(symbol, None)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            symbol = await self._queue.get()
            feed = self._symbols.get(symbol)
            if feed is None or symbol not in self._wanted:
                continue
            try:
                seed = feed.book.on_snapshot(await self._rest.depth(symbol, SNAPSHOT_LEVELS), SNAPSHOT_LEVELS)
            except ExchangeError as error:
                if isinstance(error, ExchangeRejected) and error.code == UNKNOWN_CONTRACT:
                    self._on_refused(symbol)
                seed = Seed.BEHIND
            if symbol not in self._wanted:
                continue
            if seed is Seed.ACCEPTED:
                del self._wanted[symbol]
                self._on_seeded(symbol)
            else:
                pause = self._wanted[symbol]
                self._wanted[symbol] = min(2.0 * pause, _LONGEST_PAUSE)
                task = asyncio.create_task(self._later(symbol, pause))
                self._pauses.add(task)
                task.add_done_callback(self._pauses.discard)

    async def _later(self, symbol: str, pause: float) -> None:
        await asyncio.sleep(pause)
        self._queue.put_nowait(symbol)
