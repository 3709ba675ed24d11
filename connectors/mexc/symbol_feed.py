"""What a feed keeps of one symbol."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from connectors.mexc.book import Level2Book
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.deals import DealHistory
from connectors.mexc.evidence import SymbolEvidence


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
    agreeing_sides: int = 0
    next_book_us: int = 0
    """The next book is not stored before."""
    book_waits: bool = False
    """A change of the best levels waits for `next_book_us`."""
    lag_us: int | None = None
    """Receive time minus exchange time of the newest trade."""
    stalled_at: float = float("-inf")
    """Loop time of the last stall."""
    removed: bool = False
