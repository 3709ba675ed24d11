"""Reference prices: index and fair price, and funding, of all symbols in one request now and then.

The rate that is shown drifts until the settlement, so after each one the history is asked what was really charged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from connectors.mexc.errors import ExchangeError
from connectors.mexc.replies import FundingRate
from connectors.mexc.rest import MexcRest

SETTLEMENT_PATIENCE: Final = 6
MOST_MISSED: Final = 100
"""Settlements of a symbol that are asked for after an interruption: as many as one reply gives."""
_SETTLEMENT_PAUSE: Final = 5.0
_HOUR_MS: Final = 3_600_000
EventHandler = Callable[[int, str, str, Mapping[str, Any]], None]
"""Gets the exchange time (µs), symbol, kind (`mark` or `funding`) and payload."""


class ReferencePrices:
    """Tells `on_event` each change of the wanted symbols' marks and funding, and each settlement once it is known;
    `on_cycle` the hours between settlements, each time."""

    def __init__(
        self,
        rest: MexcRest,
        symbols: Collection[str],
        every_seconds: float,
        on_event: EventHandler,
        on_cycle: Callable[[str, float | None], None],
    ) -> None:
        self._rest = rest
        self._symbols = set(symbols)
        self._every_seconds = every_seconds
        self._on_event = on_event
        self._on_cycle = on_cycle
        self._known: dict[str, FundingRate] = {}
        self._since_us: int | None = None

    def go_on(self, since_us: int) -> None:
        """The session goes on after an interruption: settlements later than `since_us` have not been told."""
        self._since_us = since_us

    def forget(self, symbol: str) -> None:
        """The symbol is of no more interest."""
        self._symbols.discard(symbol)
        self._known.pop(symbol, None)

    async def run(self) -> None:
        """Ask again and again until cancelled; a request that fails is left out."""
        async with asyncio.TaskGroup() as settlements:
            while True:
                try:
                    rates = await self._rest.funding_rates()
                except ExchangeError:
                    rates = []
                for rate in rates:
                    if rate.symbol in self._symbols:
                        self._on_cycle(rate.symbol, rate.cycle_hours)
                        for settle_ms in self._take(rate):
                            settlements.create_task(self._settled(rate.symbol, settle_ms))
                await asyncio.sleep(self._every_seconds)

    def _take(self, rate: FundingRate) -> list[int]:
        """Tell what has changed; returns the settlements that have passed since the last look (ms)."""
        known = self._known.get(rate.symbol)
        self._known[rate.symbol] = rate
        at_us = rate.ms * 1_000
        if rate.fair is not None and (known is None or (rate.fair, rate.index) != (known.fair, known.index)):
            self._on_event(at_us, rate.symbol, "mark", {"fair": rate.fair, "index": rate.index})
        if rate.next_settle_ms is None:
            return []
        if known is None or (rate.rate, rate.next_settle_ms) != (known.rate, known.next_settle_ms):
            payload = _payload(rate.rate, rate.next_settle_ms, settled=False)
            self._on_event(at_us, rate.symbol, "funding", payload)
        if known is None:
            return self._passed_meanwhile(rate.next_settle_ms, rate.cycle_hours)
        passed = known.next_settle_ms is not None and known.next_settle_ms < rate.next_settle_ms
        return [known.next_settle_ms] if passed and known.next_settle_ms is not None else []

    def _passed_meanwhile(self, next_settle_ms: int, cycle_hours: float | None) -> list[int]:
        """The settlements during an interruption, oldest first, as far as one reply of the history reaches."""
        if self._since_us is None or not cycle_hours:
            return []
        cycle_ms = round(cycle_hours * _HOUR_MS)
        earlier = (next_settle_ms - times * cycle_ms for times in range(MOST_MISSED, 0, -1))
        return [settle_ms for settle_ms in earlier if settle_ms * 1_000 > self._since_us]

    async def _settled(self, symbol: str, settle_ms: int) -> None:
        """Find the settlement in the history, which may know of it only after a while. A ban does not count: it lasts
        longer than any patience."""
        looks = 0
        while looks < SETTLEMENT_PATIENCE:
            try:
                history = await self._rest.funding_history(symbol)
            except ExchangeError as error:
                looks += not error.retryable
                await asyncio.sleep(max(_SETTLEMENT_PAUSE, self._rest.blocked_seconds))
                continue
            looks += 1
            for entry in history:
                if entry.settle_ms == settle_ms:
                    payload = _payload(entry.rate, settle_ms, settled=True)
                    self._on_event(settle_ms * 1_000, symbol, "funding", payload)
                    return
            await asyncio.sleep(_SETTLEMENT_PAUSE)


def _payload(rate: float, settle_ms: int, *, settled: bool) -> dict[str, Any]:
    return {"rate": rate, "next_settle_ts": settle_ms * 1_000, "settled": settled}
