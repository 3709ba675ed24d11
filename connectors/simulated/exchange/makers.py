"""The market makers of one symbol: they keep a ladder of orders around the price that the flow quotes.

The best level is where the quote wants it; the further ones sit on every `step`-th tick, so that they stay where they
are while the best price moves (`step` follows the price when that doubles or halves). A maker leaves a level alone
while its size is within a factor of two of what is wanted there: a quote that changes nothing makes no change. Each
quote looks at the best level and at another one in turn, so that a book fills up again and adapts to thinner or deeper
times in as many quotes as it has levels.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from connectors.simulated.exchange.order_book import BookSide, OrderBook

DEFAULT_LEVELS: Final = 20
LEVEL_GROWTH: Final = 0.35
"""The k-th further level wants (1 + k·growth) times the size of the best."""
LEVEL_SIGMA: Final = 0.6
STEP_SPREADS: Final = 0.4
"""Distance of further levels, as a share of the usual spread."""
DEPTH_MEMORY: Final = 0.1
"""Weight of a quote's size in the moving average from which the further levels' sizes come."""

_JITTER: Final = tuple(np.exp(LEVEL_SIGMA * np.random.Generator(np.random.PCG64(20)).standard_normal(256)).tolist())
_MIX: Final = 2_654_435_761


class Makers:
    """Quotes for the book of one symbol, whose usual relative spread is `spread`. Sizes are contracts, multiples of
    `unit`; prices are ticks."""

    __slots__ = ("_book", "_depth", "_levels", "_spread", "_step", "_stepped_at", "_turn", "_unit")

    def __init__(self, book: OrderBook, spread: float, levels: int = DEFAULT_LEVELS, unit: int = 1) -> None:
        self._book = book
        self._levels = levels
        self._spread = spread
        self._step = 1
        self._stepped_at = 0
        self._unit = unit
        self._depth = {True: 0.0, False: 0.0}
        self._turn = 0

    def quote(self, bid: int, ask: int, bid_contracts: int, ask_contracts: int) -> None:
        """Bring the book to the quote `bid` < `ask`. Cancels come before new orders, so the book never crosses. There
        are no bids below one tick."""
        self._turn += 1
        if not self._stepped_at <= 2 * ask <= 4 * self._stepped_at:
            self._step, self._stepped_at = max(round(STEP_SPREADS * self._spread * ask), 1), ask
        bids = self._ladder(-bid, limit=0)
        asks = self._ladder(ask)
        book = self._book
        self._withdraw(book.bids, bids)
        self._withdraw(book.asks, asks)
        self._supply(book.bids, bids, bid_contracts)
        self._supply(book.asks, asks, ask_contracts)

    def meet(self, buys: bool, ticks: int, contracts: int) -> None:
        """See to it that an order for `contracts` prints at `ticks`: that price is the best and holds more than it."""
        book = self._book
        side, other = (book.asks, book.bids) if buys else (book.bids, book.asks)
        if side.best == ticks:
            self._top_up(side, contracts)
            return
        opposite = other.best
        if opposite is None or (opposite >= ticks if buys else opposite <= ticks):
            opposite = ticks - 1 if buys else ticks + 1
        usual = self._sized(self._depth[True]), self._sized(self._depth[False])
        if buys:
            self.quote(opposite, ticks, *usual)
        else:
            self.quote(ticks, opposite, *usual)
        self._top_up(side, contracts)

    def show(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Bring the book to exactly these levels (contracts by key), cancels first. Sides that cross are not shown."""
        if bids and asks and -min(bids) >= min(asks):
            return
        book = self._book
        for side, wanted in ((book.bids, bids), (book.asks, asks)):
            for key in [key for key in side.keys if key not in wanted]:
                side.remove(key)
        for side, wanted in ((book.bids, bids), (book.asks, asks)):
            if wanted:
                self._depth[side.is_bid] = float(wanted[min(wanted)])
            for key, size in wanted.items():
                self._resize(side, key, size)

    def _ladder(self, best: int, limit: int | None = None) -> list[int]:
        """The keys of a side with this best key; none at or beyond `limit` (a price of zero)."""
        step = self._step
        first = (best // step + 1) * step
        keys = [best, *range(first, first + step * (self._levels - 1), step)]
        if limit is not None and keys[-1] >= limit:
            keys = [key for key in keys if key < limit]
        return keys

    def _top_up(self, side: BookSide, contracts: int) -> None:
        """More at the best price, so that an order for `contracts` leaves something."""
        key = side.keys[0]
        missing = contracts + self._unit - side.levels[key].contracts
        if missing > 0:
            side.place(key, missing, 1)

    def _withdraw(self, side: BookSide, wanted: list[int]) -> None:
        if side.keys != wanted:
            keep = set(wanted)
            for key in [key for key in side.keys if key not in keep]:
                side.remove(key)

    def _supply(self, side: BookSide, wanted: list[int], best_contracts: int) -> None:
        if not wanted:
            return
        is_bid, levels = side.is_bid, side.levels
        depth = self._depth[is_bid]
        depth += DEPTH_MEMORY * (best_contracts - depth) if depth else best_contracts
        self._depth[is_bid] = depth
        self._adapt(side, wanted[0], best_contracts)
        if len(levels) < len(wanted):
            for position, key in enumerate(wanted):
                if key not in levels:
                    side.place(key, self._size(depth, position, key), 1 + (key & 1))
        if len(wanted) > 1:
            position = 1 + self._turn % (len(wanted) - 1)
            self._adapt(side, wanted[position], self._size(depth, position, wanted[position]))

    def _size(self, depth: float, position: int, key: int) -> int:
        return self._sized(depth * (1.0 + LEVEL_GROWTH * position) * _JITTER[(key * _MIX >> 8) & 255])

    def _sized(self, contracts: float) -> int:
        unit = self._unit
        return max(round(contracts / unit), 1) * unit

    def _adapt(self, side: BookSide, key: int, wanted: int) -> None:
        """Resize a level that is far from what is wanted."""
        level = side.levels.get(key)
        if level is None or not wanted <= 2 * level.contracts <= 4 * wanted:
            self._resize(side, key, wanted)

    def _resize(self, side: BookSide, key: int, wanted: int) -> None:
        level = side.levels.get(key)
        more = wanted if level is None else wanted - level.contracts
        if more > 0:
            side.place(key, more, 1 + (wanted & 1))
        elif more < 0:
            side.cancel(key, -more)
