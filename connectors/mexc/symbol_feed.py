"""What a feed keeps of one symbol."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields
from typing import Final

from connectors.mexc.book import Level2Book
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.deals import DealHistory
from connectors.mexc.evidence import SymbolEvidence

GAPS_REMEMBERED: Final = 64


@dataclass(slots=True)
class SymbolCounters:
    """Counts of one symbol; the names are columns of `collection_counters`."""

    trades: int = 0
    books: int = 0
    duplicates: int = 0
    late: int = 0
    malformed: int = 0
    dropped: int = 0
    resyncs: int = 0
    crossed: int = 0
    contrary_sides: int = 0

    def since(self, before: SymbolCounters) -> dict[str, int]:
        """The growth since an earlier state, by name."""
        return {each.name: getattr(self, each.name) - getattr(before, each.name) for each in fields(self)}


@dataclass(slots=True)
class Stall:
    """A stream that had stalled and was asked for anew: when (loop time), what the exchange's ticker knew of it then,
    and after how many seconds of silence its connection is given up."""

    since: float
    known: object
    patience: float


@dataclass(slots=True)
class SymbolFeed:
    """One symbol while it is being received. `index` is its place in the session's symbols; times in µs of the
    exchange's clock."""

    index: int
    name: str
    detail: ContractDetail
    book: Level2Book
    history: DealHistory = field(default_factory=DealHistory)
    evidence: SymbolEvidence = field(default_factory=SymbolEvidence)
    counters: SymbolCounters = field(default_factory=SymbolCounters)
    counted: SymbolCounters = field(default_factory=SymbolCounters)
    """The counters when they were last written."""
    next_book_us: int = 0
    """The next book is not stored before."""
    book_waits: bool = False
    """A change of the best levels waits for `next_book_us`."""
    lag_us: int | None = None
    """Receive time minus exchange time of the newest trade."""
    stalls: dict[str, Stall] = field(default_factory=dict)
    """The last stall of each channel."""
    newest_change: tuple[int, int] | None = None
    """Version and time (ms) of the newest change of the book that has arrived on this subscription."""
    trades_from_us: int | None = None
    """Since when all of its trades that were received are remembered, those before a restart included."""
    trade_gaps: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=GAPS_REMEMBERED))
    """The last gaps of its trades, from and to."""
    seeded_us: int = 0
    """When the last snapshot of the book was taken in."""
    removed: bool = False
