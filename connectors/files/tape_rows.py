"""The rows of several files as one tape: cut to a period, without duplicates, stamped and numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np

from connectors.files.blocks import Block, BookBlock, Reading, Rejected, TradeBlock
from connectors.files.containers import OnBytes, ignore_bytes
from connectors.files.errors import MixedSymbols
from connectors.files.format import PartReader
from connectors.files.lines import BLOCK_BYTES
from connectors.files.tape_clock import TOLERANCE_US, TapeClock
from connectors.files.trade_ids import DuplicateFilter
from operators.tape import BOOKS_STREAM, TRADES_STREAM, Int64

_SORTED_ROWS: Final = 100_000
_Block = TypeVar("_Block", TradeBlock, BookBlock)


@dataclass(frozen=True, slots=True)
class TapeStep:
    """Rows that follow one another on the tape, with their numbers (from 0), and what was rejected in `source`."""

    block: Block
    seq: Int64
    rejected: tuple[Rejected, ...]
    source: str
    stream: str


class TapeRows:
    """All rows of the parts in the order given, or with `sort` in the order of their times (equal ones as given).

    Only rows with `from_ts <= time <= to_ts` are taken. `symbol` names all rows; a part that holds several markets
    raises `MixedSymbols` then. Trades whose id the session has had are dropped and counted. Rows that go back in time
    are handled as in `TapeClock`; sorting takes the memory for all rows at once.
    """

    def __init__(
        self,
        readers: Sequence[PartReader],
        *,
        symbol: str | None = None,
        from_ts: int | None = None,
        to_ts: int | None = None,
        sort: bool = False,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._readers = readers
        self._symbol = symbol
        self._from_ts, self._to_ts = from_ts, to_ts
        self._sort = sort
        self._block_bytes = block_bytes
        self._clock = TapeClock()
        self._filters: dict[str, DuplicateFilter] = {}
        self._market: str | None = None
        self.duplicates = 0

    @property
    def stepped_back(self) -> int:
        """Rows stamped later than their own time, because they came after newer ones."""
        return self._clock.stepped_back

    def steps(self, on_bytes: OnBytes = ignore_bytes) -> Iterator[TapeStep]:
        """The tape, from its start to its end; to be called once."""
        if self._sort:
            yield from _sorted_steps(list(self._taken(on_bytes)))
            return
        seq = 0
        for step in self._taken(on_bytes):
            rows = len(step.block)
            ts = self._clock.stamp(step.block.ts, step.block.lines, step.source)
            block = step.block if ts is step.block.ts else replace(step.block, ts=ts)
            yield replace(step, block=block, seq=np.arange(seq, seq + rows))
            seq += rows

    def _taken(self, on_bytes: OnBytes) -> Iterator[TapeStep]:
        none = np.zeros(0, np.int64)
        for reader in self._readers:
            for reading in reader.readings(on_bytes, self._block_bytes):
                block, refused = self._cut(reading)
                block = self._named(block, reader.part.label)
                if isinstance(block, TradeBlock) and len(block):
                    block = self._without_duplicates(block)
                yield TapeStep(block, none, refused, reader.part.label, reader.stream)
                if self._is_past_the_end(reading):
                    break

    def _is_past_the_end(self, reading: Reading) -> bool:
        """Whether nothing more of a part can lie in the period (it cannot go back by more than a second)."""
        if self._sort or self._to_ts is None or not len(reading.block):
            return False
        return int(reading.block.ts.min()) > self._to_ts + TOLERANCE_US

    def _cut(self, reading: Reading) -> tuple[Block, tuple[Rejected, ...]]:
        block, refused = reading.block, reading.rejected
        if self._from_ts is None and self._to_ts is None:
            return block, refused
        low = self._from_ts if self._from_ts is not None else 0
        high = self._to_ts if self._to_ts is not None else np.iinfo(np.int64).max
        inside = (block.ts >= low) & (block.ts <= high)
        refused = tuple(entry for entry in refused if entry.ts is None or low <= entry.ts <= high)
        return (block if inside.all() else block.take(inside)), refused

    def _named(self, block: Block, label: str) -> Block:
        if self._symbol is None or not len(block):
            return block
        for code in np.unique(block.symbol_codes).tolist() if len(block.symbols) > 1 else [0]:
            market = block.symbols[code]
            if market == self._symbol:
                continue
            self._market = self._market or market
            if market != self._market:
                raise MixedSymbols(
                    f"with {label}, both {self._market} and {market} would be called {self._symbol}; leave out --symbol"
                )
        return replace(block, symbol_codes=np.zeros(len(block), np.int32), symbols=(self._symbol,))

    def _without_duplicates(self, block: TradeBlock) -> TradeBlock:
        codes = np.unique(block.symbol_codes).tolist() if len(block.symbols) > 1 else [0]
        keep: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
        for code in codes:
            known = self._filters.setdefault(block.symbols[code], DuplicateFilter())
            rows = slice(None) if len(codes) == 1 else np.flatnonzero(block.symbol_codes == code)
            new = known.first_seen(block.trade_id[rows])
            if new is not None:
                keep = np.ones(len(block), np.bool_) if keep is None else keep
                keep[rows] = new
        if keep is None:
            return block
        self.duplicates += len(block) - int(np.count_nonzero(keep))
        return block.take(keep)


def _sorted_steps(steps: list[TapeStep]) -> Iterator[TapeStep]:
    """The same rows numbered in the order of their times, each stream sorted; rejections come first."""
    trades: list[tuple[TradeBlock, Int64]] = []
    books: list[tuple[BookBlock, Int64]] = []
    seq = np.zeros(0, np.int64)
    if steps:
        order = np.argsort(np.concatenate([step.block.ts for step in steps]), kind="stable")
        seq = np.empty(len(order), np.int64)
        seq[order] = np.arange(len(order))
    start = 0
    for step in steps:
        numbers = seq[start : start + len(step.block)]
        start += len(step.block)
        if isinstance(step.block, TradeBlock):
            trades.append((step.block, numbers))
        else:
            books.append((step.block, numbers))
        if step.rejected:
            yield replace(step, block=step.block.take(slice(0, 0)), seq=numbers[:0])
    steps.clear()
    yield from _sorted_stream(trades, TRADES_STREAM)
    yield from _sorted_stream(books, BOOKS_STREAM)


def _sorted_stream(blocks: list[tuple[_Block, Int64]], stream: str) -> Iterator[TapeStep]:
    if not blocks:
        return
    whole = joined([block for block, _ in blocks])
    seq = np.concatenate([numbers for _, numbers in blocks])
    blocks.clear()
    order = np.argsort(seq)
    for start in range(0, len(order), _SORTED_ROWS):
        rows = order[start : start + _SORTED_ROWS]
        yield TapeStep(whole.take(rows), seq[rows], (), "", stream)


def joined(blocks: Sequence[_Block]) -> _Block:
    """One block for several (at least one) of a kind; books are padded to the deepest one's levels."""
    names: dict[str, int] = {}
    codes = []
    for block in blocks:
        table = np.array([names.setdefault(name, len(names)) for name in block.symbols], np.int32)
        codes.append(table[block.symbol_codes])
    levels = max(block.bid_px.shape[1] if isinstance(block, BookBlock) else 0 for block in blocks)
    columns = {
        name: np.concatenate([_padded(getattr(block, name), levels) for block in blocks])
        for name in blocks[0].__slots__
        if name not in ("symbols", "symbol_codes")
    }
    return replace(blocks[0], **columns, symbol_codes=np.concatenate(codes), symbols=tuple(names))


def _padded(column: np.ndarray, levels: int) -> np.ndarray:
    if column.ndim == 1 or column.shape[1] == levels:
        return column
    return np.pad(column, ((0, 0), (0, levels - column.shape[1])), constant_values=np.nan)
