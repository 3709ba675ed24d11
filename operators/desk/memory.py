"""What the desk remembers of one symbol between slices."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from decimal import Decimal

from operators.contracts import ContractSpecification
from operators.desk.machine import Machine
from operators.desk.orders import WorkingOrder
from operators.desk.positions import OpenPosition
from operators.tape import Float64


@dataclass(frozen=True, slots=True)
class Book:
    """One order book: best level first, NaN padded."""

    ts: int
    seq: int
    bid_px: Float64
    bid_qty: Float64
    ask_px: Float64
    ask_qty: Float64

    @property
    def valid(self) -> bool:
        """A desynced book is all NaN: no book."""
        return bool(len(self.bid_px)) and (self.bid_px[0] > 0 or self.ask_px[0] > 0)

    def opposite(self, direction: int) -> tuple[Float64, Float64]:
        """Prices and quantities that an order of this direction takes."""
        return (self.ask_px, self.ask_qty) if direction > 0 else (self.bid_px, self.bid_qty)


@dataclass(slots=True)
class Used:
    """What was taken from a level whose recorded quantity was `recorded`, last at `ts`."""

    taken: Decimal
    recorded: float
    ts: int


@dataclass(slots=True)
class Due:
    """Something that falls due at a tape time: an activation or cancel of an order, or a funding settlement."""

    ts: int
    order: int
    kind: str
    working: WorkingOrder | None = None
    machine: Machine | None = None


@dataclass(frozen=True, slots=True)
class Provisional:
    """Funding paid at the newest `rate` known: `rate · basis`, to be corrected when the settled rate is recorded."""

    settlement: int
    position: OpenPosition
    basis: float
    rate: float


@dataclass(slots=True)
class MarketMemory:
    """What outlives a slice. `holder` is the strategy that has the symbol; `settled_rates` by settlement time;
    `provisional` is the last funding that was paid before its settled rate was known; `begun` are the indicators that
    have had a value."""

    symbol: str
    has_books: bool
    machines: list[Machine]
    last_price: float = math.nan
    fair: float = math.nan
    book: Book | None = None
    book_broken: bool = False
    contract: ContractSpecification | None = None
    removed: bool = False
    entries_blocked: bool = False
    funding_rate: float = math.nan
    settled_rates: dict[int, float] = field(default_factory=dict)
    provisional: Provisional | None = None
    due: list[Due] = field(default_factory=list)
    used: dict[tuple[int, float], Used] = field(default_factory=dict)
    holder: str | None = None
    begun: set[str] = field(default_factory=set)

    def arrange(self, due: Due) -> None:
        """Put something into the queue of what falls due."""
        place = bisect_left([(entry.ts, entry.order) for entry in self.due], (due.ts, due.order))
        self.due.insert(place, due)

    def forget_settled(self, until: int) -> None:
        """Settlements up to a tape time have passed without a position."""
        self.due = [due for due in self.due if due.ts > until]
        self.settled_rates = {ts: rate for ts, rate in self.settled_rates.items() if ts > until}
