"""The listing: contract details, read again and again, because they change and contracts vanish without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from connectors.mexc.contracts import ContractDetail
from connectors.mexc.errors import ExchangeError
from connectors.mexc.rest import MexcRest


class Listing:
    """Knows the details of the wanted symbols. `on_changed` is told each detail that is other than before,
    `on_vanished` each symbol that is no longer listed (two readings in a row: one reply may be incomplete)."""

    def __init__(
        self,
        rest: MexcRest,
        symbols: Collection[str],
        every_seconds: float,
        on_changed: Callable[[ContractDetail], None],
        on_vanished: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._symbols = set(symbols)
        self._every_seconds = every_seconds
        self._on_changed = on_changed
        self._on_vanished = on_vanished
        self._missing: set[str] = set()
        self.details: dict[str, ContractDetail] = {}

    async def read(self) -> None:
        """Read the listing now. Raises `ExchangeError`."""
        details = {detail.symbol: detail for detail in await self._rest.contracts() if detail.symbol in self._symbols}
        for detail in details.values():
            self.take(detail)
        missing = set(self.details) - set(details)
        for symbol in sorted(missing & self._missing):
            self.forget(symbol)
            self._on_vanished(symbol)
        self._missing = missing & set(self.details)

    def take(self, detail: ContractDetail) -> None:
        """A detail has come, from a reading or from the stream (which may leave out fields)."""
        known = self.details.get(detail.symbol)
        if known is not None:
            detail = detail.completed(known)
        if detail.symbol in self._symbols and known != detail:
            self.details[detail.symbol] = detail
            self._on_changed(detail)

    def forget(self, symbol: str) -> None:
        """The symbol is of no more interest."""
        self.details.pop(symbol, None)
        self._symbols.discard(symbol)

    async def run(self) -> None:
        """Read again and again until cancelled; a reading that fails is left out."""
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                await self.read()
            except ExchangeError:
                continue
