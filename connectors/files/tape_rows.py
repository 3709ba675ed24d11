"""The rows of several files as one tape: cut to a period, without duplicates, stamped and numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np

from connectors.files.blocks import Block, BookBlock, EventBlock, Reading, Rejected, TradeBlock
from connectors.files.containers import OnBytes, ignore_bytes
from connectors.files.errors import MixedSymbols
from connectors.files.format import PartReader
from connectors.files.lines import BLOCK_BYTES
from connectors.files.tape_clock import TOLERANCE_US, TapeClock
from connectors.files.trade_ids import DuplicateFilter
from operators.tape import Int64

_SORTED_ROWS: Final = 100_000
_Block = TypeVar("_Block", TradeBlock, BookBlock, EventBlock)


@dataclass(frozen=True, slots=True)
class TapeStep:
    """Rows of a kind in the order of the tape, with their numbers (from 0), and what was rejected in `source`. The
    first step that has rows has the tape's first one."""

    block: Block
    seq: Int64
    rejected: tuple[Rejected, ...] = ()
    source: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one reading has for the tape: rows of one kind or several, in the order of their lines."""

    blocks: tuple[Block, ...]
    rejected: tuple[Rejected, ...]
    source: str
    stream: str

    def order(self) -> Int64:
        """Which rows of all blocks, laid end to end, come first, second and so on."""
        if len(self.blocks) == 1:
            return np.arange(len(self.blocks[0]))
        return np.argsort(np.concatenate([block.lines for block in self.blocks]), kind="stable")


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
        for stretch in self._taken(on_bytes):
            for step in self._stamped(stretch):
                yield replace(step, seq=step.seq + seq)
            seq += sum(map(len, stretch.blocks))

    def _stamped(self, stretch: _Stretch) -> list[TapeStep]:
        """The stretch with tape times, numbered from 0."""
        order = stretch.order()
        lines, times = (
            np.concatenate([getattr(block, column) for block in stretch.blocks])[order] for column in ("lines", "ts")
        )
        ts, seq = np.empty_like(times), np.empty_like(order)
        ts[order], seq[order] = self._clock.stamp(times, lines, stretch.source), np.arange(len(order))
        return _split(stretch, seq, ts)

    def _taken(self, on_bytes: OnBytes) -> Iterator[_Stretch]:
        for reader in self._readers:
            label, stream = reader.part.label, reader.streams[0]
            for reading in reader.readings(on_bytes, self._block_bytes):
                blocks = tuple(self._used(block, label) for block in reading.blocks)
                yield _Stretch(blocks, self._refused(reading), label, stream)
                if self._is_past_the_end(reading):
                    break

    def _used(self, block: Block, label: str) -> Block:
        """The rows of a block that come on the tape, with their names there."""
        block = self._named(self._cut(block), label)
        return self._without_duplicates(block) if isinstance(block, TradeBlock) and len(block) else block

    def _is_past_the_end(self, reading: Reading) -> bool:
        """Whether nothing more of a part can lie in the period (it cannot go back by more than a second)."""
        first = [int(block.ts.min()) for block in reading.blocks if len(block)]
        return not self._sort and self._to_ts is not None and bool(first) and min(first) > self._to_ts + TOLERANCE_US

    def _period(self) -> tuple[int, int]:
        low = self._from_ts if self._from_ts is not None else 0
        return low, self._to_ts if self._to_ts is not None else np.iinfo(np.int64).max

    def _cut(self, block: Block) -> Block:
        if self._from_ts is None and self._to_ts is None:
            return block
        low, high = self._period()
        inside = (block.ts >= low) & (block.ts <= high)
        return block if inside.all() else block.take(inside)

    def _refused(self, reading: Reading) -> tuple[Rejected, ...]:
        if self._from_ts is None and self._to_ts is None:
            return reading.rejected
        low, high = self._period()
        return tuple(entry for entry in reading.rejected if entry.ts is None or low <= entry.ts <= high)

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


def _split(stretch: _Stretch, seq: Int64, ts: Int64) -> list[TapeStep]:
    """A step per kind, the one with the first row first; what was rejected comes with the first step."""
    steps = []
    start = 0
    for block in stretch.blocks:
        rows = slice(start, start := start + len(block))
        steps.append(TapeStep(replace(block, ts=ts[rows]), seq[rows], (), stretch.source, stretch.stream))
    steps.sort(key=lambda step: int(step.seq[0]) if len(step.seq) else len(ts))
    return [replace(steps[0], rejected=stretch.rejected), *steps[1:]]


def _sorted_steps(stretches: list[_Stretch]) -> Iterator[TapeStep]:
    """The same rows numbered in the order of their times, each kind sorted; rejections come first."""
    kinds: dict[type[Block], list[tuple[Any, Int64]]] = {}
    times: list[Int64] = []
    ranks: list[Int64] = []
    start = 0
    for stretch in stretches:
        order = stretch.order()
        rank = np.empty_like(order)
        rank[order] = np.arange(start, start + len(order))
        ranks.append(rank)
        start += len(order)
        times += [block.ts for block in stretch.blocks]
    seq = np.empty(start, np.int64)
    if stretches:
        seq[np.lexsort((np.concatenate(ranks), np.concatenate(times)))] = np.arange(start)
    start = 0
    for stretch in stretches:
        for block in stretch.blocks:
            numbers = seq[start : start + len(block)]
            start += len(block)
            kinds.setdefault(type(block), []).append((block, numbers))
        if stretch.rejected:
            first = stretch.blocks[0]
            yield TapeStep(first.take(slice(0, 0)), seq[:0], stretch.rejected, stretch.source, stretch.stream)
    stretches.clear()
    for blocks in sorted(kinds.values(), key=_first_number):
        yield from _sorted_kind(blocks)


def _first_number(blocks: list[tuple[Any, Int64]]) -> int:
    return min((int(seq.min()) for _, seq in blocks if len(seq)), default=-1)


def _sorted_kind(blocks: list[tuple[Any, Int64]]) -> Iterator[TapeStep]:
    whole = joined([block for block, _ in blocks])
    seq = np.concatenate([numbers for _, numbers in blocks])
    blocks.clear()
    order = np.argsort(seq)
    for start in range(0, len(order), _SORTED_ROWS):
        rows = order[start : start + _SORTED_ROWS]
        yield TapeStep(whole.take(rows), seq[rows])


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
