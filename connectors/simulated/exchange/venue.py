"""The engine of the simulated exchange: books, deals, prices, funding and contracts of all symbols.

A flow says what the market's orders and quotes are; the venue matches them, one after the other, and writes down every
deal and every change of a level. Index, fair price and funding are renewed on a grid of `GRID_MS`, each symbol at
every fourth instant. Whatever happens at a time of the grid comes before the renewal at that time, so the steps in
which a market advances make no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from connectors.simulated.exchange.anchor_prices import FAIR, INDEX, AnchorBars, AnchorPrices
from connectors.simulated.exchange.contract_details import contract_detail
from connectors.simulated.exchange.errors import InvalidContract, UnknownSymbol
from connectors.simulated.exchange.event_log import EventLog
from connectors.simulated.exchange.flow import FlowEvent, MarketFlow, Quote, TakerOrder
from connectors.simulated.exchange.funding import CAPS, CYCLES, HOUR_MS, FundingCycle
from connectors.simulated.exchange.instrument import DEALS_KEPT, Instrument
from connectors.simulated.exchange.intervals import MOST_BARS, gathered, seconds_of, without_holes
from connectors.simulated.exchange.makers import DEFAULT_LEVELS
from connectors.simulated.exchange.minute_bars import HOUR
from connectors.simulated.exchange.order_book import COMMITS_KEPT
from connectors.simulated.exchange.price_grid import PriceGrid
from connectors.simulated.exchange.records import (
    Bar,
    Depth,
    FundingChange,
    LevelChange,
    PriceChange,
    VenueDeal,
    VenueEvents,
)
from connectors.simulated.exchange.tickers import ticker
from connectors.simulated.pumps import Pump
from operators.errors import UsageError

GRID_MS: Final = 250
PRICE_GROUPS: Final = 4
"""A symbol's index and fair price are renewed every GRID_MS · PRICE_GROUPS = one second."""
FUNDING_GROUPS: Final = 240
"""A symbol's predicted funding rate is renewed every GRID_MS · FUNDING_GROUPS = one minute."""

FIRST_VERSION: Final = 8_752_000_000
VERSION_STEP: Final = 1_000_003
COMMITS_IN_ALL: Final = 200_000
"""Level changes kept for `commits`, over all symbols: with many of them each keeps fewer than `COMMITS_KEPT`."""
PRICES: Final = ("last", "index", "fair")


class Venue:
    """A market that moves when it is told to (`advance`) and answers about where it stands.

    Books are quoted from the start: everything can be asked before the first `advance`. The same flow and seed give
    the same market, whatever the steps in which it advances. Methods that take a symbol raise `UnknownSymbol` for one
    that never was. What a delisted symbol has left behind (`depth`, empty and frozen; `commits`, `deals`, `bars`,
    `funding_history`) can still be asked; the others raise `UnknownSymbol` for it too.

    `levels` is the number of levels per side around a quote.
    """

    def __init__(self, flow: MarketFlow, *, seed: int = 0, levels: int = DEFAULT_LEVELS) -> None:
        self._flow = flow
        self._log = EventLog(flow.start_ms)
        self._now_ms = flow.start_ms
        listings = flow.listings
        commits = max(min(COMMITS_KEPT, COMMITS_IN_ALL // max(len(listings), 1)), 100)
        self._instruments = [
            Instrument(
                listing,
                contract_detail(listing, number, flow.start_ms),
                self._log,
                start_ms=flow.start_ms,
                version=FIRST_VERSION + number * VERSION_STEP,
                levels=levels,
                commits_kept=commits,
            )
            for number, listing in enumerate(listings)
        ]
        self._positions = {listing.symbol: position for position, listing in enumerate(listings)}
        self._funding = [
            FundingCycle(CYCLES[number % len(CYCLES)], CAPS[number % len(CAPS)], flow.start_ms)
            for number in range(len(listings))
        ]
        self._apply(flow.opening())
        self._log.take()
        for instrument in self._instruments:
            instrument.begin()
        middles = np.array([instrument.last for instrument in self._instruments])
        grids = [instrument.book.grid for instrument in self._instruments]
        self._anchors = AnchorPrices(middles, grids, np.random.SeedSequence(seed))
        self._anchor_bars = AnchorBars(self._anchors, flow.start_ms // 1000)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that trade (without delisted ones), in the order of the listings."""
        return tuple(instrument.symbol for instrument in self._instruments if instrument.listed)

    @property
    def pumps(self) -> tuple[Pump, ...]:
        """The pumps to come and gone, as far as they are known, by onset (µs UTC)."""
        return self._flow.pumps

    @property
    def now_ms(self) -> int:
        """Up to where the market has advanced."""
        return self._now_ms

    def close(self) -> None:
        """Give back what the flow holds."""
        self._flow.close()

    def advance(self, to_ms: int) -> VenueEvents:
        """Everything that happens after `now_ms` up to `to_ms` (inclusive), and what was asked for since the last call
        (delistings, changed contracts). An earlier `to_ms` moves nothing."""
        instant = (self._now_ms // GRID_MS + 1) * GRID_MS
        while instant <= to_ms:
            self._apply(self._flow.events(instant))
            self._renew(instant)
            instant += GRID_MS
        if to_ms > self._now_ms:
            self._apply(self._flow.events(to_ms))
            self._now_ms = to_ms
        return self._log.take()

    def trades(self, symbol: str) -> bool:
        """Whether the symbol is listed now (False: unknown or delisted)."""
        position = self._positions.get(symbol)
        return position is not None and self._instruments[position].listed

    def detail(self, symbol: str | None = None) -> list[dict[str, Any]]:
        """MEXC contract objects (fresh dicts), of all listed symbols or of one; delisted symbols are not there."""
        if symbol is not None:
            return [dict(self._listed(symbol).detail)]
        return [dict(instrument.detail) for instrument in self._instruments if instrument.listed]

    def depth(self, symbol: str, limit: int = 1500) -> Depth:
        """The best `limit` levels of each side."""
        instrument = self._instruments[self._position(symbol)]
        book = instrument.book
        bids, asks = (book.bids.depth(limit), book.asks.depth(limit)) if instrument.listed else ([], [])
        return Depth(symbol, book.version, book.commits[-1].ms if book.commits else book.ms, bids, asks)

    def commits(self, symbol: str, limit: int = COMMITS_KEPT) -> list[LevelChange]:
        """The latest level changes, newest first: up to 1 000, fewer where there are more than 200 symbols."""
        commits = self._instruments[self._position(symbol)].book.commits
        return list(commits)[: -limit - 1 : -1] if limit > 0 else []

    def deals(self, symbol: str, limit: int = DEALS_KEPT) -> list[VenueDeal]:
        """The latest deals (at most 100), newest first."""
        deals = self._instruments[self._position(symbol)].deals
        return list(deals)[: -limit - 1 : -1] if limit > 0 else []

    def bars(self, symbol: str, interval: str, start_s: int, end_s: int, price: str = "last") -> list[Bar]:
        """Bars that begin in [start_s, end_s], oldest first, at most the 2 000 newest; the last may still be open.
        `interval` Min1 … Month1, `price` last, index or fair."""
        if price not in PRICES:
            raise UsageError(f"price: found {price!r}, allowed are {', '.join(PRICES)}")
        position = self._position(symbol)
        hourly = seconds_of(interval) % HOUR == 0
        now_s = self._now_ms // 1000
        if price == "last":
            finest = self._deal_bars(position, hourly)
        else:
            read = self._anchor_bars.hours if hourly else self._anchor_bars.minutes
            finest = read(INDEX if price == "index" else FAIR, position)
        bars = without_holes(gathered(finest, interval), interval, min(now_s, end_s))
        return [bar for bar in bars if start_s <= bar.start_s <= end_s][-MOST_BARS:]

    def ticker(self, symbol: str) -> dict[str, Any]:
        """The REST ticker object (`riseFallRates` as an object)."""
        instrument, position = self._listed(symbol), self._positions[symbol]
        index, fair = float(self._anchors.index[position]), float(self._anchors.fair[position])
        return ticker(instrument, index, fair, self._funding[position].rate, self._now_ms)

    def funding(self, symbol: str) -> dict[str, Any]:
        """The REST funding_rate object."""
        self._listed(symbol)
        position = self._positions[symbol]
        cycle = self._funding[position]
        return {
            "symbol": symbol,
            "fundingRate": cycle.rate,
            "maxFundingRate": cycle.cap,
            "minFundingRate": -cycle.cap,
            "collectCycle": cycle.cycle_hours,
            "nextSettleTime": cycle.next_settle_ms,
            "timestamp": self._now_ms,
            "idxPrice": float(self._anchors.index[position]),
            "fairPrice": float(self._anchors.fair[position]),
        }

    def funding_history(self, symbol: str, page: int = 1, size: int = 20) -> dict[str, Any]:
        """The REST funding_rate/history page: pageSize, totalCount, totalPage, currentPage, resultList newest first."""
        return self._funding[self._position(symbol)].page(symbol, max(page, 1), max(size, 1))

    def index_price(self, symbol: str) -> float:
        self._listed(symbol)
        return float(self._anchors.index[self._positions[symbol]])

    def fair_price(self, symbol: str) -> float:
        self._listed(symbol)
        return float(self._anchors.fair[self._positions[symbol]])

    def delist(self, symbol: str) -> None:
        """The symbol disappears at once; the next `advance` tells it (`delisted`)."""
        self._listed(symbol).listed = False
        self._log.events.delisted.append(symbol)

    def change_contract(self, symbol: str, /, **fields: Any) -> None:
        """Change fields of the contract detail (MEXC's names); the next `advance` tells it (`contracts`).

        With another priceUnit, volUnit or contractSize all orders are cancelled and the makers quote anew.
        `collectCycle` (hours), which is not in the detail, changes the funding cycle. Raises `InvalidContract`.
        """
        instrument, position = self._listed(symbol), self._positions[symbol]
        cycle = fields.pop("collectCycle", None)
        unknown = [name for name in fields if name not in instrument.detail or name in ("symbol", "id")]
        for name in ("priceUnit", "volUnit", "contractSize", *(["collectCycle"] if cycle is not None else [])):
            value = cycle if name == "collectCycle" else fields.get(name, 1)
            whole = name in ("volUnit", "collectCycle")
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 < value < 1e12:
                raise InvalidContract(f"{name} of {symbol}: found {value!r}, allowed is a positive number")
        if unknown:
            raise InvalidContract(f"{symbol} has no field to change called {', '.join(map(repr, unknown))}")
        instrument.change(fields, self._now_ms)
        if "priceUnit" in fields:
            self._anchors.regrid(position, PriceGrid(float(fields["priceUnit"])))
        if cycle is not None:
            self._funding[position].change_cycle(cycle, self._now_ms)
        self._log.events.contracts.append(symbol)

    def _position(self, symbol: str) -> int:
        position = self._positions.get(symbol)
        if position is None:
            raise UnknownSymbol(f"{symbol} is not listed")
        return position

    def _listed(self, symbol: str) -> Instrument:
        instrument = self._instruments[self._position(symbol)]
        if not instrument.listed:
            raise UnknownSymbol(f"{symbol} is not listed any more")
        return instrument

    def _apply(self, events: Sequence[FlowEvent]) -> None:
        instruments = self._instruments
        for event in events:
            instrument = instruments[event[1]]
            if not instrument.listed:
                continue
            if isinstance(event, TakerOrder):
                instrument.order(event)
            elif isinstance(event, Quote):
                instrument.quote(event)
            else:
                instrument.show(event)

    def _renew(self, ms: int) -> None:
        """Index, fair prices and funding at an instant of the grid."""
        number = ms // GRID_MS
        self._anchor_bars.turn(ms // 1000)
        self._renew_prices(ms, slice(number % PRICE_GROUPS, None, PRICE_GROUPS))
        for position in range(number % FUNDING_GROUPS, len(self._funding), FUNDING_GROUPS):
            cycle = self._funding[position]
            if cycle.sample(self._anchors.premium_of(position)):
                self._tell_funding(position, ms, cycle.rate, settled=False)
        if ms % HOUR_MS == 0:
            for position, cycle in enumerate(self._funding):
                if cycle.next_settle_ms <= ms:
                    self._tell_funding(position, ms, cycle.settle().rate, settled=True)

    def _renew_prices(self, ms: int, group: slice) -> None:
        instruments, anchors = self._instruments, self._anchors
        members = instruments[group]
        if not members:
            return
        changed = anchors.renew(
            group,
            np.array([instrument.middle for instrument in members]),
            np.array([instrument.last for instrument in members]),
            np.array([cycle.carry(ms) for cycle in self._funding[group]]),
            GRID_MS * PRICE_GROUPS / 1000.0,
        )
        self._anchor_bars.see(group)
        prices = self._log.events.prices
        index, fair = anchors.index[changed].tolist(), anchors.fair[changed].tolist()
        for position, at_index, at_fair in zip(changed.tolist(), index, fair, strict=True):
            if instruments[position].listed:
                prices.append(PriceChange(instruments[position].symbol, ms, at_index, at_fair))

    def _tell_funding(self, position: int, ms: int, rate: float, *, settled: bool) -> None:
        instrument, cycle = self._instruments[position], self._funding[position]
        if instrument.listed:
            change = FundingChange(instrument.symbol, ms, rate, cycle.next_settle_ms, settled)
            self._log.events.funding.append(change)

    def _deal_bars(self, position: int, hourly: bool) -> list[Bar]:
        bars = self._instruments[position].bars
        columns, current = (bars.hours, bars.hour) if hourly else (bars.minutes, bars.minute)
        return [*columns.rows(), current.bar()] if current is not None else []
