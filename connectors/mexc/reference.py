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
_SETTLEMENT_PAUSE: Final = 5.0
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
                        settled = self._take(rate)
                        if settled is not None:
                            settlements.create_task(self._settled(rate.symbol, settled))
                await asyncio.sleep(self._every_seconds)

    def _take(self, rate: FundingRate) -> int | None:
        """Tell what has changed; returns the settlement that has passed since the last look (ms), if one has."""
        known = self._known.get(rate.symbol)
        self._known[rate.symbol] = rate
        at_us = rate.ms * 1_000
        if rate.fair is not None and (known is None or (rate.fair, rate.index) != (known.fair, known.index)):
            self._on_event(at_us, rate.symbol, "mark", {"fair": rate.fair, "index": rate.index})
        if rate.next_settle_ms is None:
            return None
        if known is None or (rate.rate, rate.next_settle_ms) != (known.rate, known.next_settle_ms):
            payload = _payload(rate.rate, rate.next_settle_ms, settled=False)
            self._on_event(at_us, rate.symbol, "funding", payload)
        passed = known is not None and known.next_settle_ms is not None and known.next_settle_ms < rate.next_settle_ms
        return known.next_settle_ms if passed and known is not None else None

    async def _settled(self, symbol: str, settle_ms: int) -> None:
        """Find the settlement in the history, which may know of it only after a while."""
        for _ in range(SETTLEMENT_PATIENCE):
            try:
                history = await self._rest.funding_history(symbol)
            except ExchangeError:
                history = []
            for entry in history:
                if entry.settle_ms == settle_ms:
                    payload = _payload(entry.rate, settle_ms, settled=True)
                    self._on_event(settle_ms * 1_000, symbol, "funding", payload)
                    return
            await asyncio.sleep(_SETTLEMENT_PAUSE)


def _payload(rate: float, settle_ms: int, *, settled: bool) -> dict[str, Any]:
    return {"rate": rate, "next_settle_ts": settle_ms * 1_000, "settled": settled}
