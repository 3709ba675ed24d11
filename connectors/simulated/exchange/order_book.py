"""A limit order book: price levels, each a queue of resting orders, served best price first, then first come first.

>>> from connectors.simulated.exchange.event_log import EventLog
>>> book = OrderBook("ALPHA_USDT", PriceGrid(0.1), EventLog())
>>> book.asks.place(1003, 5, 1); book.asks.place(1001, 2, 1); book.asks.place(1001, 4, 1)
>>> [(fill.price, fill.contracts, fill.left) for fill in book.asks.take(7, most_levels=20, furthest=None)]
[(100.1, 6, 0), (100.3, 1, 4)]
>>> book.asks.best, book.version
(1003, 3)
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import Final, NamedTuple

from connectors.simulated.exchange.event_log import EventLog
from connectors.simulated.exchange.price_grid import PriceGrid
from connectors.simulated.exchange.records import DepthLevel, LevelChange

COMMITS_KEPT: Final = 1000


class Level:
    """Everything that rests at one price: `queue` holds the orders' sizes, first come first; `contracts` is their sum.

    All of them are the makers': an order that somebody owns would be an entry of its own in the queue, served in turn.
    """

    __slots__ = ("contracts", "price", "queue")

    def __init__(self, price: float) -> None:
        self.price = price
        self.contracts = 0
        self.queue: list[int] = []

    def take(self, contracts: int) -> None:
        """Serve the oldest orders first. `contracts` is less than the level holds."""
        self.contracts -= contracts
        queue = self.queue
        while contracts >= queue[0]:
            contracts -= queue.pop(0)
        queue[0] -= contracts

    def cancel(self, contracts: int) -> None:
        """Take back from the youngest orders. `contracts` is less than the level holds."""
        self.contracts -= contracts
        queue = self.queue
        while contracts >= queue[-1]:
            contracts -= queue.pop()
        queue[-1] -= contracts


class Fill(NamedTuple):
    """What an order took from one level, and what is left there."""

    price: float
    contracts: int
    left: int
    orders: int


class BookSide:
    """The levels of one side. A level's key is its price in ticks, negative on the bid side, so that the best level
    has the smallest key on both sides; `keys` is sorted.

    Every operation but `take` writes a level change of its own; the changes of a `take` are written by
    `OrderBook.changed`, so that each can follow its deal.
    """

    __slots__ = ("_book", "_sign", "is_bid", "keys", "levels")

    def __init__(self, book: OrderBook, *, is_bid: bool) -> None:
        self._book = book
        self._sign = -1 if is_bid else 1
        self.is_bid = is_bid
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    @property
    def best(self) -> int | None:
        """The best price in ticks."""
        return self.keys[0] * self._sign if self.keys else None

    def place(self, key: int, contracts: int, orders: int) -> None:
        """`contracts` more at a price, as `orders` new orders (one, if there are too few contracts) at the end of its
        queue."""
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(self._book.grid.price(key * self._sign))
            insort(self.keys, key)
        level.contracts += contracts
        if orders == 1 or contracts < orders:
            level.queue.append(contracts)
        else:
            share, more = divmod(contracts, orders)
            level.queue += [share + 1] * more + [share] * (orders - more)
        self._book.changed(self.is_bid, level.price, level.contracts, len(level.queue))

    def cancel(self, key: int, contracts: int) -> None:
        """`contracts` (less than there are) fewer at a price, the youngest orders first."""
        level = self.levels[key]
        level.cancel(contracts)
        self._book.changed(self.is_bid, level.price, level.contracts, len(level.queue))

    def remove(self, key: int) -> None:
        """Nothing is left at a price."""
        self.keys.remove(key)
        self._book.changed(self.is_bid, self.levels.pop(key).price, 0, 0)

    def take(self, contracts: int, *, most_levels: int, furthest: int | None) -> list[Fill]:
        """Match `contracts` against the best levels: at most so many of them, none with a key beyond `furthest`."""
        keys, levels = self.keys, self.levels
        fills: list[Fill] = []
        while contracts and keys and len(fills) < most_levels:
            key = keys[0]
            if furthest is not None and key > furthest:
                break
            level = levels[key]
            if contracts >= level.contracts:
                del keys[0], levels[key]
                fills.append(Fill(level.price, level.contracts, 0, 0))
                contracts -= level.contracts
            else:
                level.take(contracts)
                fills.append(Fill(level.price, contracts, level.contracts, len(level.queue)))
                break
        return fills

    def depth(self, limit: int) -> list[DepthLevel]:
        """The best levels."""
        levels = self.levels
        rows = [levels[key] for key in self.keys[:limit]]
        return [DepthLevel(level.price, level.contracts, len(level.queue)) for level in rows]


class OrderBook:
    """Both sides of one symbol. `version` grows by one with each change of a level; `ms` is the time at which things
    happen now, set by whoever works on the book."""

    __slots__ = ("_log", "asks", "bids", "commits", "grid", "ms", "symbol", "version")

    def __init__(
        self, symbol: str, grid: PriceGrid, log: EventLog, version: int = 0, commits_kept: int = COMMITS_KEPT
    ) -> None:
        self.symbol = symbol
        self.grid = grid
        self.version = version
        self.ms = 0
        self.bids = BookSide(self, is_bid=True)
        self.asks = BookSide(self, is_bid=False)
        self.commits: deque[LevelChange] = deque(maxlen=commits_kept)
        self._log = log

    def changed(self, is_bid: bool, price: float, contracts: int, orders: int) -> None:
        """Number a change and write it down."""
        log = self._log
        log.sequence += 1
        self.version += 1
        change = LevelChange(self.symbol, self.ms, self.version, is_bid, price, contracts, orders, log.sequence)
        log.events.changes.append(change)
        self.commits.append(change)

    def clear(self) -> None:
        """Remove all levels, the worst first."""
        for side in (self.bids, self.asks):
            for key in reversed(side.keys.copy()):
                side.remove(key)
