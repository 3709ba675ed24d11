"""What the readers of all formats deliver: blocks of columns, and the rows that could not be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.tape import Float64, Int8, Int64

NULL: Final = int(np.iinfo(np.int64).min)
"""An absent time or trade id inside an int64 column."""

Bool: TypeAlias = NDArray[np.bool_]
Int32: TypeAlias = NDArray[np.int32]
Texts: TypeAlias = NDArray[np.object_]

LONGEST_RAW_TEXT: Final = 2_000
"""Characters of an unreadable row that are kept."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not imported. `line` is the 1-based physical line (in Parquet: the row), `ts` its time in µs where
    that could be read, `raw` its text (cut at `LONGEST_RAW_TEXT`), `raw_hash` 63 bits of the whole text's BLAKE2.
    `stream` is what it would have been part of, where its file has several kinds of rows."""

    line: int
    reason: str
    raw: str
    raw_hash: int
    ts: int | None = None
    stream: str | None = None


def rejected(line: int, reason: str, raw: bytes, ts: int | None = None, stream: str | None = None) -> Rejected:
    """A rejection of the row with the text `raw`."""
    text = raw.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return Rejected(line, reason, text[:LONGEST_RAW_TEXT], hash_63(raw), ts, stream)


def hash_63(raw: bytes) -> int:
    """63 bits of BLAKE2: fits a LONG and is never negative."""
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class TradeBlock:
    """Trades in the order of the file; every column has one entry per trade.

    `ts` orders the tape, `exchange_ts` is the exchange's own time (the same in most files), `received_ts` may be
    `NULL`, as may `trade_id`. `quantity` is in the file's own unit (contracts or base coins), `symbol_codes` are
    indices into `symbols`, `late` marks trades that a recording had stored without using them.
    """

    lines: Int64
    ts: Int64
    exchange_ts: Int64
    received_ts: Int64
    price: Float64
    quantity: Float64
    side: Int8
    trade_id: Int64
    late: Bool
    symbol_codes: Int32
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: slice | NDArray[Any]) -> TradeBlock:
        """These rows, in this order."""
        return _take(self, rows)


@dataclass(frozen=True, slots=True)
class BookBlock:
    """Order books in the order of the file; prices and quantities are `[rows, levels]`, best first, NaN padded."""

    lines: Int64
    ts: Int64
    exchange_ts: Int64
    received_ts: Int64
    bid_px: Float64
    bid_qty: Float64
    ask_px: Float64
    ask_qty: Float64
    symbol_codes: Int32
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: slice | NDArray[Any]) -> BookBlock:
        """These rows, in this order."""
        return _take(self, rows)


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Tape events that a file tells of: `kind` is one of `operators.tape.EVENT_KINDS`, `payload` its JSON object."""

    lines: Int64
    ts: Int64
    kind: Texts
    payload: Texts
    symbol_codes: Int32
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: slice | NDArray[Any]) -> EventBlock:
        """These rows, in this order."""
        return _take(self, rows)


Block: TypeAlias = TradeBlock | BookBlock | EventBlock


@dataclass(frozen=True, slots=True)
class Reading:
    """One step of reading a file: a block of rows and what was rejected among them (in the order of the lines).

    `beside` has the rows of other kinds from the same stretch of the file. Together they are in the order of their
    lines; where one line makes several rows, those of `block` come first and then those of `beside` in its order.
    """

    block: Block
    rejected: tuple[Rejected, ...] = ()
    beside: tuple[Block, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All rows."""
        return (self.block, *self.beside)


_Block = TypeVar("_Block", TradeBlock, BookBlock, EventBlock)


def _take(block: _Block, rows: slice | NDArray[Any]) -> _Block:
    return replace(block, **{name: getattr(block, name)[rows] for name in block.__slots__ if name != "symbols"})
