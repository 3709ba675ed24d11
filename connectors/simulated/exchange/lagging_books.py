"""Books of the past, for replies that lag behind the stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from connectors.simulated.exchange.faults import Setting
from connectors.simulated.exchange.records import Depth, DepthLevel, LevelChange


class PastBook:
    """A book that can be moved forward change by change."""

    __slots__ = ("asks", "bids", "ms", "symbol", "version")

    def __init__(self, depth: Depth) -> None:
        self.symbol, self.version, self.ms = depth.symbol, depth.version, depth.ms
        self.bids = {level.price: level for level in depth.bids}
        self.asks = {level.price: level for level in depth.asks}

    def apply(self, change: LevelChange) -> None:
        """The next change."""
        side = self.bids if change.is_bid else self.asks
        if change.contracts:
            side[change.price] = DepthLevel(change.price, change.contracts, change.orders)
        else:
            side.pop(change.price, None)
        self.version, self.ms = change.version, change.ms

    def depth(self, limit: int | None = None) -> Depth:
        """The book as it stands, best levels first."""
        bids = sorted(self.bids.values(), key=lambda level: -level.price)[:limit]
        asks = sorted(self.asks.values(), key=lambda level: level.price)[:limit]
        return Depth(self.symbol, self.version, self.ms, bids, asks)


class LaggingBook:
    """One symbol from the time on when its book was first kept back."""

    def __init__(self, depth: Depth) -> None:
        self.oldest = PastBook(depth)
        self.later: deque[LevelChange] = deque()
        self._given: Depth | None = None
        self._replies = 0

    def note(self, change: LevelChange, behind: int) -> None:
        """A change; what lies much further back than `behind` is forgotten."""
        self.later.append(change)
        while len(self.later) > 4 * behind:
            self.oldest.apply(self.later.popleft())

    def reply(self, behind: int, mode: str) -> Depth:
        """A book of the past, in full: `behind`, `same` as the one before, `older` than that, or the three in turn."""
        if mode == "cycle":
            mode = ("behind", "same", "older")[self._replies % 3]
        self._replies += 1
        given = self._given
        if given is None or mode == "behind":
            newest = self.later[-1].version if self.later else self.oldest.version
            given = self._at(newest - behind)
        elif mode == "older":
            given = self._at(given.version - behind)
        self._given = given
        return given

    def _at(self, version: int) -> Depth:
        """The book at a version, or the oldest there is."""
        book = PastBook(self.oldest.depth())
        for change in self.later:
            if change.version > version:
                break
            book.apply(change)
        return book.depth()


class LaggingBooks:
    """The books of all symbols that `stale_depth` is about. Nothing is kept while it is off."""

    def __init__(self) -> None:
        self._books: dict[str, LaggingBook] = {}
        self._behind = 1

    def begin(self, setting: Setting, depths: Iterable[Depth]) -> None:
        """Keep the past from now on, beginning with these books (in full)."""
        self._behind = setting.count("behind")
        self._books = {depth.symbol: LaggingBook(depth) for depth in depths}

    def end(self) -> None:
        self._books.clear()

    def note(self, changes: Iterable[LevelChange]) -> None:
        """What has changed."""
        if self._books:
            for change in changes:
                book = self._books.get(change.symbol)
                if book is not None:
                    book.note(change, self._behind)

    def depth(self, symbol: str, setting: Setting, limit: int) -> Depth | None:
        """The reply for a symbol; None where its past is not kept."""
        book = self._books.get(symbol)
        if book is None:
            return None
        past = book.reply(setting.count("behind"), setting.word("mode"))
        return past._replace(bids=past.bids[:limit], asks=past.asks[:limit])
