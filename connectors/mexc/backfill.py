"""Backfill: after a gap the exchange is asked for its last trades, and those that were missed are added as late.

The exchange gives the last 100 trades of a symbol, no more: what lies further back is lost, and said to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from connectors.mexc.deals import MOST_IN_REPLY, Recovered
from connectors.mexc.errors import ExchangeError
from connectors.mexc.observation import OpenGap
from connectors.mexc.records import Deal
from connectors.mexc.rest import MexcRest
from connectors.mexc.symbol_feed import SymbolFeed

WORKERS: Final = 4
TRIES: Final = 4
_PAUSE_SECONDS: Final = 2.0


class Backfill:
    """Asks for the trades of closed gaps, one after the other. `on_recovered` gets each gap, what was missed in it, and
    the reply. A gap whose answer never comes stays unknown."""

    def __init__(
        self,
        rest: MexcRest,
        symbols: Mapping[str, SymbolFeed],
        on_recovered: Callable[[OpenGap, Recovered, Sequence[Deal]], None],
    ) -> None:
        self._rest = rest
        self._symbols = symbols
        self._on_recovered = on_recovered
        self._queue: asyncio.Queue[OpenGap] = asyncio.Queue()

    def want(self, gap: OpenGap) -> None:
        """Look for the trades of a gap that has closed."""
        self._queue.put_nowait(gap)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            gap = await self._queue.get()
            for attempt in range(TRIES):
                try:
                    reply = await self._rest.deals(gap.symbol, MOST_IN_REPLY)
                except ExchangeError:
                    # a ban lasts longer than any pause of ours
                    await asyncio.sleep(max(_PAUSE_SECONDS * (attempt + 1), self._rest.blocked_seconds))
                    continue
                end_ms = None if gap.end_us is None else gap.end_us // 1_000
                found = self._symbols[gap.symbol].history.missing(reply, gap.start_us // 1_000, end_ms)
                if found.stale and attempt + 1 < TRIES:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                self._on_recovered(gap, found, reply)
                break
