"""Audits: trades that a stream has lost although it goes on as if nothing had happened.

A connection that was stuck for a moment and flows again, or a stream that the exchange has left out for some seconds,
leaves no trace in trades: their ids have holes anyway. So the exchange is asked for the last trades of one symbol
after the other, round and round; and at once for those of a symbol whose changes of the book have a hole, because what
has lost one may have lost the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from connectors.mexc.deals import MOST_IN_REPLY
from connectors.mexc.errors import ExchangeError
from connectors.mexc.records import Deal
from connectors.mexc.rest import MexcRest

WORKERS: Final = 2
_PAUSE_SECONDS: Final = 1.0
"""What is on its way while a doubt comes up arrives before it is looked into."""


class Doubt(NamedTuple):
    """Trades of a symbol may have been lost between these exchange times (µs), and why."""

    symbol: str
    start_us: int
    end_us: int
    cause: str


Answered: TypeAlias = Callable[[str, Sequence[Deal] | None, Doubt | None], None]
"""Is told a symbol, the exchange's last trades of it (None: it gives none), and the doubt that they are to settle."""


class Audit:
    """Asks for one of `symbols()` every `seconds`, and for those in doubt as soon as can be."""

    def __init__(
        self, rest: MexcRest, symbols: Callable[[], Sequence[str]], seconds: float, on_answered: Answered
    ) -> None:
        self._rest = rest
        self._symbols = symbols
        self._seconds = seconds
        self._on_answered = on_answered
        self._doubts: dict[str, Doubt] = {}
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def doubt(self, doubt: Doubt) -> None:
        """Look into this. Doubts of a symbol that nobody has looked into yet become one."""
        known = self._doubts.get(doubt.symbol)
        if known is None:
            self._doubts[doubt.symbol] = doubt
            self._waiting.put_nowait(doubt.symbol)
        else:
            start, end = min(known.start_us, doubt.start_us), max(known.end_us, doubt.end_us)
            self._doubts[doubt.symbol] = known._replace(start_us=start, end_us=end)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._go_round())
            for _ in range(WORKERS):
                tasks.create_task(self._settle())

    async def _go_round(self) -> None:
        place = 0
        while True:
            await asyncio.sleep(self._seconds)
            symbols = self._symbols()
            if not symbols:
                continue
            place += 1
            symbol = symbols[place % len(symbols)]
            try:
                reply = await self._rest.deals(symbol, MOST_IN_REPLY)
            except ExchangeError:
                # the round comes back to it
                continue
            self._on_answered(symbol, reply, None)

    async def _settle(self) -> None:
        while True:
            symbol = await self._waiting.get()
            await asyncio.sleep(_PAUSE_SECONDS)
            # what comes up from here on is looked into after it
            doubt = self._doubts.pop(symbol)
            try:
                reply = await self._rest.deals(doubt.symbol, MOST_IN_REPLY)
            except ExchangeError:
                # not asked again: this process may not live to hear the answer
                self._on_answered(doubt.symbol, None, doubt)
            else:
                self._on_answered(doubt.symbol, reply, doubt)
