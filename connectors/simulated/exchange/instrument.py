"""One symbol on the venue: its contract, its book, its makers, and what has been traded."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from connectors.simulated.exchange.contract_details import is_inverse
from connectors.simulated.exchange.event_log import EventLog
from connectors.simulated.exchange.flow import Levels, Listing, Quote, TakerOrder
from connectors.simulated.exchange.makers import DEFAULT_LEVELS, Makers
from connectors.simulated.exchange.minute_bars import DealBars
from connectors.simulated.exchange.order_book import COMMITS_KEPT, BookSide, OrderBook
from connectors.simulated.exchange.price_grid import PriceGrid
from connectors.simulated.exchange.records import BUY_TAKER, CLOSED, OPENED, OTHER, SELL_TAKER, VenueDeal

DEALS_KEPT: Final = 100
OPEN_INTEREST_SECONDS: Final = 7_200
"""Open interest at the start: what is usually traded in this time."""

_OPENS: Final = (OPENED, OTHER, OTHER, CLOSED, OTHER, OPENED, OTHER, CLOSED, OTHER, OTHER, OPENED, OTHER, OTHER)


class Instrument:
    """A symbol and everything that happens to it. `last` is the price of the last deal (before the first: of the
    listing), `first` the first price there was, `open_interest` in contracts."""

    __slots__ = (
        "_contract_size",
        "_inverse",
        "_levels",
        "_log",
        "_most_levels",
        "_price_limit",
        "_quoted",
        "_spread",
        "_unit",
        "bars",
        "book",
        "deals",
        "detail",
        "first",
        "last",
        "last_ms",
        "listed",
        "makers",
        "open_interest",
        "symbol",
    )

    def __init__(
        self,
        listing: Listing,
        detail: dict[str, Any],
        log: EventLog,
        *,
        start_ms: int,
        version: int,
        levels: int = DEFAULT_LEVELS,
        commits_kept: int = COMMITS_KEPT,
    ) -> None:
        self.symbol = listing.symbol
        self.detail = detail
        self.listed = True
        self.bars = DealBars()
        self.deals: deque[VenueDeal] = deque(maxlen=DEALS_KEPT)
        grid = PriceGrid(float(detail["priceUnit"]))
        self.book = OrderBook(listing.symbol, grid, log, version, commits_kept)
        self.first = self.last = grid.price(grid.nearest(listing.price))
        self.last_ms = start_ms
        self._inverse = is_inverse(listing.symbol)
        self._levels = levels
        self._log = log
        self._quoted: Quote | Levels | None = None
        self._spread = listing.spread
        self._read_detail()
        value = self._contract_size if self._inverse else self._contract_size * self.last
        self.open_interest = round(OPEN_INTEREST_SECONDS * listing.turnover / value)

    @property
    def middle(self) -> float:
        """Half-way between best bid and ask; the last price where a side is empty."""
        book = self.book
        if not book.bids.keys or not book.asks.keys:
            return self.last
        return (book.grid.price(-book.bids.keys[0]) + book.grid.price(book.asks.keys[0])) / 2.0

    def begin(self) -> None:
        """The opening quotes are there: the market's first price is their middle."""
        grid = self.book.grid
        self.first = self.last = grid.price(grid.nearest(self.middle))

    def quote(self, quote: Quote) -> None:
        """The makers quote anew."""
        self._quoted = quote
        book = self.book
        book.ms = quote.ms
        bid = book.grid.nearest(quote.bid)
        ask = max(book.grid.nearest(quote.ask), bid + 1, 1)
        self.makers.quote(
            bid, ask, self._contracts(quote.bid_quantity, quote.bid), self._contracts(quote.ask_quantity, quote.ask)
        )

    def show(self, levels: Levels) -> None:
        """The makers bring the book to the levels of a recorded one."""
        self._quoted = levels
        book = self.book
        book.ms = levels.ms
        bids = self._rungs(levels.bid_prices, levels.bid_quantities, -1)
        asks = self._rungs(levels.ask_prices, levels.ask_quantities, 1)
        self.makers.show(bids, asks)

    def order(self, order: TakerOrder) -> None:
        """Match an order against the book. What the book does not hold within the price limit is cancelled."""
        book = self.book
        book.ms = order.ms
        buys = order.side > 0
        side = book.asks if buys else book.bids
        if order.price is None:
            if not side.keys:
                return
            best = side.keys[0]
            furthest: int | None = best + max(int(abs(best) * self._price_limit), 1)
            contracts = self._contracts(order.quantity, self.last)
        else:
            contracts = self._contracts(order.quantity, order.price)
            self.makers.meet(buys, max(book.grid.nearest(order.price), 1), contracts)
            furthest = None
        self._match(side, contracts, furthest, BUY_TAKER if buys else SELL_TAKER)

    def change(self, fields: dict[str, Any], ms: int) -> None:
        """Change fields of the detail. With another price or volume unit or contract size, all orders are cancelled
        and the makers quote anew."""
        self.detail.update(fields)
        if fields.keys() & {"priceUnit", "volUnit", "contractSize"}:
            book = self.book
            book.ms = ms
            book.clear()
            book.grid = PriceGrid(float(self.detail["priceUnit"]))
            self.detail["priceScale"] = book.grid.scale
            self._read_detail()
            if isinstance(self._quoted, Quote):
                self.quote(self._quoted._replace(ms=ms))
            elif self._quoted is not None:
                self.show(self._quoted._replace(ms=ms))

    def _read_detail(self) -> None:
        detail = self.detail
        self._contract_size = float(detail["contractSize"])
        self._unit = max(int(detail["volUnit"]), 1)
        self._most_levels = int(detail["marketOrderMaxLevel"])
        self._price_limit = float(detail["marketOrderPriceLimitRate2"])
        self.makers = Makers(self.book, self._spread, self._levels, self._unit)

    def _contracts(self, quantity: float, price: float) -> int:
        """Base coins as whole contracts, at least the least that can be traded."""
        value = quantity * price if self._inverse else quantity
        return max(round(value / self._contract_size / self._unit), 1) * self._unit

    def _rungs(self, prices: Any, quantities: Any, sign: int) -> dict[int, int]:
        rungs: dict[int, int] = {}
        for price, quantity in zip(prices, quantities, strict=True):
            ticks = self.book.grid.nearest(price)
            if ticks > 0:
                rungs[ticks * sign] = rungs.get(ticks * sign, 0) + self._contracts(quantity, price)
        return rungs

    def _match(self, side: BookSide, contracts: int, furthest: int | None, taker: int) -> None:
        log, book, ms = self._log, self.book, self.book.ms
        for fill in side.take(contracts, most_levels=self._most_levels, furthest=furthest):
            price, taken, left, orders = fill
            log.deal_id += 1
            log.sequence += 1
            opens = _OPENS[log.deal_id % 13]
            deal = VenueDeal(self.symbol, ms, log.deal_id, price, taken, taker, opens, log.sequence)
            log.events.deals.append(deal)
            self.deals.append(deal)
            book.changed(side.is_bid, price, left, orders)
            value = taken * self._contract_size
            self.bars.add(ms, price, taken, value / price if self._inverse else value * price)
            self.last, self.last_ms = price, ms
            if opens == OPENED:
                self.open_interest += taken
            elif opens == CLOSED:
                self.open_interest = max(self.open_interest - taken, 0)
