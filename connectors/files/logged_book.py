"""One symbol's book, rebuilt from a log: what is worth a row, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from connectors.files.binance_frames import LoggedBest, LoggedChange
from connectors.mexc.book import BROKEN, BookChange, Level2Book, Seed
from connectors.mexc.records import DepthFull

LEVELS: Final = 10
"""The best levels of a side that a row has."""
INTERVAL_US: Final = 100_000
"""The least exchange time between two rows of a symbol."""
_REQUESTED: Final = frozenset({5, 10, 20, 50, 100, 500, 1_000, 5_000})
"""How many levels snapshots are asked for: one that has so many goes no further, but the book does."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change of the best levels that has no row yet: its own time, when it became known, when it arrived."""

    exchange_us: int
    known_us: int
    received_us: int


@dataclass(slots=True)
class Unjoined:
    """Changes since `line` that no snapshot has made a book of."""

    line: int
    us: int
    raw: bytes
    count: int = 0


@dataclass(slots=True)
class LoggedBook:
    """`waiting` gets its row at `due_us` at the earliest, with the book as it is then; without it there is nothing to
    tell. `unjoined` are the changes that wait for a snapshot; None while the book is one."""

    symbol: str
    book: Level2Book = field(default_factory=lambda: Level2Book(LEVELS))
    due_us: int = 0
    waiting: Waiting | None = None
    unjoined: Unjoined | None = None

    def on_change(self, change: LoggedChange, received_us: int, line: int, raw: bytes) -> str | None:
        """Take a change. Returns why the book is none from here on, where it was one before."""
        result = self.book.on_delta(change.delta)
        if result in BROKEN:
            self.waiting = None
            self.unjoined = Unjoined(line, change.us, raw, int(result is BookChange.GAP))
            return f"book: {result.value}"
        if result is BookChange.TOP_CHANGED:
            self.waiting = Waiting(change.us, change.us, received_us)
        elif result is BookChange.BUFFERED:
            self.unjoined = self.unjoined or Unjoined(line, change.us, raw)
            self.unjoined.count += 1
        if self.book.thin:
            # so that a later snapshot of the log, which is older than the changes logged before it, joins on
            self.book.refresh()
        return None

    def on_best(self, best: LoggedBest, now_us: int, received_us: int) -> str | None:
        """Take best levels that were pushed as a whole. Returns as `on_change`."""
        full = best.full._replace(ms=now_us // 1_000) if best.us is None else best.full
        before = self.book.synced
        result = self.book.on_full(full)
        if result is BookChange.TOP_CHANGED:
            self.waiting = Waiting(now_us if best.us is None else best.us, now_us, received_us)
        elif result in BROKEN:
            self.waiting = None
            return f"book: {result.value}" if before else None
        return None

    def on_snapshot(self, full: DepthFull, now_us: int, received_us: int) -> Seed:
        """Take a snapshot; it is known from `now_us` on."""
        levels = max(len(full.bids), len(full.asks))
        seed = self.book.on_snapshot(full, levels if levels in _REQUESTED else None)
        if seed is Seed.ACCEPTED:
            self.unjoined = None
            self.waiting = Waiting(self.book.ms * 1_000, now_us, received_us)
        return seed
