"""What happens on the simulated exchange, as plain records, and what it answers when asked.

Times are milliseconds UTC, sizes whole contracts, prices quote per base coin on the grid of the contract's price unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BUY_TAKER: Final = 1
SELL_TAKER: Final = 2

OPENED: Final = 1
CLOSED: Final = 2
OTHER: Final = 3


class VenueDeal(NamedTuple):
    """What one taker order took from one price level. `taker` 1 bought, 2 sold; `opens` 1 both sides opened,
    2 both closed, 3 other. `deal_id` grows over the whole venue."""

    symbol: str
    ms: int
    deal_id: int
    price: float
    contracts: int
    taker: int
    opens: int
    sequence: int


class LevelChange(NamedTuple):
    """A price level's new absolute size (0 = gone) and number of orders. `version` counts a symbol's changes by one."""

    symbol: str
    ms: int
    version: int
    is_bid: bool
    price: float
    contracts: int
    orders: int
    sequence: int


class PriceChange(NamedTuple):
    """New index and fair price of a symbol; at least one of them is other than before."""

    symbol: str
    ms: int
    index: float  # type: ignore[assignment]  # the tuple's method of that name is not wanted here
    fair: float


class FundingChange(NamedTuple):
    """A new predicted `rate` of the cycle that ends at `next_settle_ms`; or, `settled`, the rate that was charged at
    `ms`, `next_settle_ms` being the end of the cycle that begins."""

    symbol: str
    ms: int
    rate: float
    next_settle_ms: int
    settled: bool


@dataclass(slots=True)
class VenueEvents:
    """What happened in a stretch of time; each list in the order of time.

    Deals and level changes share one counter, `sequence`: sorted by it the two lists are the exact order in which
    things happened. Each deal is followed at once by the change of the level that it took from (its sequence + 1).
    `contracts` are symbols whose detail changed, `delisted` symbols that are gone.
    """

    deals: list[VenueDeal] = field(default_factory=list)
    changes: list[LevelChange] = field(default_factory=list)
    prices: list[PriceChange] = field(default_factory=list)
    funding: list[FundingChange] = field(default_factory=list)
    contracts: list[str] = field(default_factory=list)
    delisted: list[str] = field(default_factory=list)


class DepthLevel(NamedTuple):
    """One price level of a book."""

    price: float
    contracts: int
    orders: int


class Depth(NamedTuple):
    """A book as it stands: best level first. `ms` is the time of the last change; a delisted symbol's book is empty
    and its `ms` stands still."""

    symbol: str
    version: int
    ms: int
    bids: list[DepthLevel]
    asks: list[DepthLevel]


class Bar(NamedTuple):
    """A bar that begins at `start_s` (seconds UTC). `contracts` and `amount` (settle coin) are 0 for index and fair
    prices and for bars without a deal, which are flat at the close before. `open` … `close` are what was really seen;
    `previous_close` is the close of the bar before (of the first bar: its own open)."""

    start_s: int
    open: float
    high: float
    low: float
    close: float
    contracts: int
    amount: float
    previous_close: float = math.nan
