"""What the indicators step hands to the strategy conditions and to the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operators.tape import Float64, Int8, Int64, MarketBatch

TRADE_INSTANT: Final = 0
BOOK_INSTANT: Final = 1
GRID_INSTANT: Final = 2

NO_SEQ: Final = -1
"""`Instants.seq` of a grid instant (NULL in the database)."""


@dataclass(frozen=True, slots=True)
class Instants:
    """The evaluation instants of one symbol in one slice, in tape order; all columns have the same length n.

    One after each trade and book in (ts, seq) order, and one at each grid instant g with from_ts < g <= to_ts, after
    all events with ts <= g. `trades` / `books` is how many trades / books *of this batch* the instant has seen, so
    the newest trade at instant i is `batch.trades.price[trades[i] - 1]` where `trades[i] > 0`.
    """

    ts: Int64
    seq: Int64
    kind: Int8
    trades: Int64
    books: Int64

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Indicator values of one symbol over one slice: `values[k, i]` is indicator `indicator_ids[k]` at instant i.

    NaN = no value. `cover[k, i]` (observed share of the window, 0..1) is present only where it was asked for.
    `last_price` is the newest trade price at each instant `[n]` (NaN before the first trade of the session).
    """

    batch: MarketBatch
    instants: Instants
    indicator_ids: tuple[str, ...]
    values: Float64
    last_price: Float64
    cover: Float64 | None = None
