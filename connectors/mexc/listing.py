"""The listing: contract details, read again and again, because they change and contracts vanish without a word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Final

from connectors.mexc.contracts import ContractDetail
from connectors.mexc.errors import ExchangeError
from connectors.mexc.rest import MexcRest

_PAUSE_SECONDS: Final = 30.0
"""Between two readings, whatever is suspected."""


class Listing:
    """Knows the details of the wanted symbols. `on_changed` is told each detail that is other than before,
    `on_vanished` each symbol that is no longer listed (two signs in a row, because one reply may be incomplete:
    readings without it, or a suspicion before one). `on_listed` is told each symbol whose suspicion a reading has
    refuted."""

    def __init__(
        self,
        rest: MexcRest,
        symbols: Collection[str],
        every_seconds: float,
        on_changed: Callable[[ContractDetail], None],
        on_vanished: Callable[[str], None],
        on_listed: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._symbols = set(symbols)
        self._every_seconds = every_seconds
        self._on_changed = on_changed
        self._on_vanished = on_vanished
        self._on_listed = on_listed
        self._missing: set[str] = set()
        self._suspected: set[str] = set()
        self._suspicion = asyncio.Event()
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
        refuted, self._suspected = self._suspected & set(details), set()
        for symbol in sorted(refuted):
            self._on_listed(symbol)

    def suspect(self, symbol: str) -> None:
        """Somebody says that the exchange does not know this symbol: the next reading is soon, and decides."""
        if symbol in self.details:
            self._missing.add(symbol)
            self._suspected.add(symbol)
            self._suspicion.set()

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
        self._suspected.discard(symbol)

    async def run(self) -> None:
        """Read again and again until cancelled; a reading that fails is left out."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._suspicion.wait()
            self._suspicion.clear()
            try:
                await self.read()
            except ExchangeError:
                if self._suspected:
                    self._suspicion.set()
            await asyncio.sleep(min(_PAUSE_SECONDS, self._every_seconds))
