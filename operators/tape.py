"""The tape: what happened on a market, as columns.

Everything that can change a decision is on the tape with `ts` (integer microseconds UTC, non-decreasing over
the whole session) and `seq` (one counter per session): the order of the tape is (ts, seq).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int8 = NDArray[np.int8]
Float64 = NDArray[np.float64]

MICROSECONDS: Final = 1_000_000
"""Tape time units in one second."""

BUY: Final = 1
SELL: Final = -1
UNKNOWN_SIDE: Final = 0

TRADES_STREAM: Final = "trades"
BOOKS_STREAM: Final = "books"

# The kinds of tape events (architecture, "The tape"). `funding` and `mark` are stored in tables of their own.
EVENT_KINDS: Final = frozenset(
    {
        "observed_on",
        "observed_off",
        "book_invalid",
        "funding",
        "mark",
        "contract",
        "symbol_added",
        "symbol_removed",
        "command",
        "private",
        "entries_blocked",
        "entries_allowed",
    }
)


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of one symbol in (ts, seq) order; all columns have the same length n.

    `price` in quote per base coin, `qty` in base coin, `side` of the taker: +1 buy, −1 sell, 0 unknown.
    """

    ts: Int64
    seq: Int64
    price: Float64
    qty: Float64
    side: Int8

    def __len__(self) -> int:
        return len(self.ts)

    @staticmethod
    def empty() -> Trades:
        return _NO_TRADES

    def between(self, start: int, stop: int) -> Trades:
        """Rows start..stop as views."""
        return Trades(
            self.ts[start:stop],
            self.seq[start:stop],
            self.price[start:stop],
            self.qty[start:stop],
            self.side[start:stop],
        )

    def take(self, order: NDArray[np.intp]) -> Trades:
        """The rows of these indices, in this order, as copies."""
        return Trades(self.ts[order], self.seq[order], self.price[order], self.qty[order], self.side[order])


@dataclass(frozen=True, slots=True)
class Books:
    """Order books of one symbol, best level first: ts, seq `[m]`; prices and base quantities `[m, L]`, NaN padded."""

    ts: Int64
    seq: Int64
    bid_px: Float64
    bid_qty: Float64
    ask_px: Float64
    ask_qty: Float64

    def __len__(self) -> int:
        return len(self.ts)

    @staticmethod
    def empty() -> Books:
        return _NO_BOOKS

    def between(self, start: int, stop: int) -> Books:
        """Rows start..stop as views."""
        return Books(
            self.ts[start:stop],
            self.seq[start:stop],
            self.bid_px[start:stop],
            self.bid_qty[start:stop],
            self.ask_px[start:stop],
            self.ask_qty[start:stop],
        )

    def take(self, order: NDArray[np.intp]) -> Books:
        """The rows of these indices, in this order, as copies."""
        return Books(
            self.ts[order],
            self.seq[order],
            self.bid_px[order],
            self.bid_qty[order],
            self.ask_px[order],
            self.ask_qty[order],
        )


@dataclass(frozen=True, slots=True)
class TapeEvent:
    """Anything else on the tape that can change a decision. `kind` is one of `EVENT_KINDS`.

    Payloads: observed_on / observed_off `{"stream": "trades" | "books", "cause": str}`;
    contract: the fields of `operators.contracts.ContractSpecification`;
    funding `{"rate": float, "next_settle_ts": int, "settled": bool}`; mark `{"fair": float, "index": float | None}`.
    """

    ts: int
    seq: int
    symbol: str
    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SliceHeader:
    """Which stretch of the tape a batch belongs to: `(from_ts, to_ts]` of one source.

    `no` counts the slices of a source from 0; `parts` is how many batches the source sends for this slice over all
    symbols, so that a later step can tell when it holds the whole slice. After the slice nothing with
    `ts <= to_ts` can come from this source. `lead_in` slices come before the chosen period: every step takes them in
    like any other, but nothing is evaluated or decided. `warmup` slices refill rings after a restart and are numbered
    on their own; `last` marks the slice that ends at the end of the tape (or of the chosen period).
    """

    source: int
    sources: int
    no: int
    from_ts: int
    to_ts: int
    parts: int
    warmup: bool = False
    last: bool = False
    lead_in: bool = False


@dataclass(frozen=True, slots=True)
class MarketBatch:
    """What one slice holds for one symbol. The symbol `""` has the events that are for every symbol (commands); a
    slice without any batch sends an empty one of it."""

    symbol: str
    header: SliceHeader
    trades: Trades
    books: Books
    events: tuple[TapeEvent, ...] = ()


def _column(dtype: type[np.generic], shape: tuple[int, ...] = (0,)) -> NDArray[Any]:
    column = np.zeros(shape, dtype)
    column.setflags(write=False)
    return column


_NO_TRADES: Final = Trades(
    _column(np.int64), _column(np.int64), _column(np.float64), _column(np.float64), _column(np.int8)
)
_NO_BOOKS: Final = Books(
    _column(np.int64),
    _column(np.int64),
    _column(np.float64, (0, 1)),
    _column(np.float64, (0, 1)),
    _column(np.float64, (0, 1)),
    _column(np.float64, (0, 1)),
)
