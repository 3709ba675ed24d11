"""Cutting a stretch of tape into slices of per-symbol batches.

A page holds everything of a session in `(from_ts, to_ts]`, over all symbols. The cutter turns pages that follow one
another into slices: consecutive, non-overlapping, cut only between different `ts`. What is computed from the slices
must not depend on where they are cut; the cutter only decides how much work flows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.errors import TapeflowError
from operators.tape import Books, Int64, MarketBatch, SliceHeader, TapeEvent, Trades

DEFAULT_SLICE_ROWS: Final = 65_536
_LEAST_GRID_INSTANTS: Final = 4_096
_Rows = TypeVar("_Rows", Trades, Books)
_NO_SYMBOL: Final = -1
"""In place of a symbol's index: events for everybody, whose symbol is `""`."""


class TapeOutOfOrder(TapeflowError):
    """A page that does not continue where the one before it ended."""


@dataclass(frozen=True, slots=True)
class TapePage:
    """Everything of a tape in `(from_ts, to_ts]`: columns over all symbols in (ts, seq) order.

    `trade_symbols[i]` / `book_symbols[i]` is the index of the row's symbol in the cutter's list of symbols.
    """

    from_ts: int
    to_ts: int
    trade_symbols: NDArray[np.int16]
    trades: Trades
    book_symbols: NDArray[np.int16]
    books: Books
    events: tuple[TapeEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class CutterState:
    """Where a cutter stands between two slices: enough to go on after a restart."""

    no: int
    from_ts: int
    active: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream of a page regrouped by symbol: symbol s has rows starts[s]..starts[s + 1], and the slices' ends within
    them are `ends[s]` (None without rows)."""

    starts: Int64
    ends: list[Int64 | None]

    def rows(self, symbol: int, slice_index: int) -> tuple[int, int]:
        ends = self.ends[symbol]
        if ends is None:
            return 0, 0
        start = self.starts[symbol] if slice_index == 0 else ends[slice_index - 1]
        return int(start), int(ends[slice_index])


class SliceCutter:
    """Cuts pages into slices of about `slice_rows` rows (evaluations on the grid counted as rows, so that a quiet
    tape is cut by time). `grid_us` is the evaluation interval in microseconds, 0 = no grid; `span_us` bounds the tape
    time of a slice where a caller paces the tape.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        state: CutterState,
        *,
        slice_rows: int = DEFAULT_SLICE_ROWS,
        grid_us: int = 1_000_000,
        span_us: int | None = None,
        source: int = 0,
        sources: int = 1,
        warmup: bool = False,
        lead_in: bool = False,
    ) -> None:
        if slice_rows < 1:
            raise ValueError(f"slice_rows is {slice_rows}; allowed: 1 or more")
        self._symbols = tuple(symbols)
        self._index = {"": _NO_SYMBOL} | {symbol: index for index, symbol in enumerate(symbols)}
        self._slice_rows = slice_rows
        self._grid_us = grid_us
        self._span_us = span_us
        self._source = source
        self._sources = sources
        self._warmup = warmup
        self._lead_in = lead_in
        self._no = state.no
        self._from_ts = state.from_ts
        self._active = {self._index[symbol] for symbol in state.active}

    def state(self) -> CutterState:
        """The position after the last slice that was handed out."""
        return CutterState(self._no, self._from_ts, tuple(self._symbols[index] for index in sorted(self._active)))

    def cut(self, page: TapePage, *, last: bool = False) -> Iterator[list[MarketBatch]]:
        """The page's slices, each a list of the batches of its symbols. With `last` the final one is marked so."""
        if page.from_ts != self._from_ts:
            raise TapeOutOfOrder(f"a page starts after {page.from_ts} µs; the tape has been read to {self._from_ts} µs")
        ends = self._slice_ends(page)
        trades, trade_rows = _regroup(page.trade_symbols, page.trades, ends, len(self._symbols))
        books, book_rows = _regroup(page.book_symbols, page.books, ends, len(self._symbols))
        events = sorted(page.events, key=lambda event: (event.ts, event.seq))
        next_event = 0
        for index, to_ts in enumerate(ends.tolist()):
            first_event = next_event
            while next_event < len(events) and events[next_event].ts <= to_ts:
                next_event += 1
            batch_events: dict[int, list[TapeEvent]] = {}
            for event in events[first_event:next_event]:
                batch_events.setdefault(self._index[event.symbol], []).append(event)
            yield self._slice(
                index, to_ts, trades, trade_rows, books, book_rows, batch_events, last and to_ts == page.to_ts
            )

    def _slice(
        self,
        index: int,
        to_ts: int,
        trades: Trades,
        trade_rows: _Stream,
        books: Books,
        book_rows: _Stream,
        events: dict[int, list[TapeEvent]],
        last: bool,
    ) -> list[MarketBatch]:
        on_grid = self._grid_us > 0 and to_ts // self._grid_us > self._from_ts // self._grid_us
        parts: list[tuple[int, Trades, Books]] = []
        for symbol in range(len(self._symbols)):
            first_trade, end_trade = trade_rows.rows(symbol, index)
            first_book, end_book = book_rows.rows(symbol, index)
            present = end_trade > first_trade or end_book > first_book or symbol in events
            if present or (on_grid and symbol in self._active):
                parts.append(
                    (
                        symbol,
                        trades.between(first_trade, end_trade) if end_trade > first_trade else Trades.empty(),
                        books.between(first_book, end_book) if end_book > first_book else Books.empty(),
                    )
                )
            if present:
                self._active.add(symbol)
        for_all = tuple(events.get(_NO_SYMBOL, ()))
        header = SliceHeader(
            source=self._source,
            sources=self._sources,
            no=self._no,
            from_ts=self._from_ts,
            to_ts=to_ts,
            parts=max(1, len(parts) + bool(for_all)),
            warmup=self._warmup,
            last=last,
            lead_in=self._lead_in,
        )
        self._no += 1
        self._from_ts = to_ts
        for symbol, part, book_part in parts:
            if symbol in events and _ends_removed(events[symbol][-1], part, book_part):
                self._active.discard(symbol)
        batches = [
            MarketBatch(self._symbols[symbol], header, part, book_part, tuple(events.get(symbol, ())))
            for symbol, part, book_part in parts
        ]
        if for_all or not batches:
            batches.append(MarketBatch("", header, Trades.empty(), Books.empty(), for_all))
        return batches

    def _slice_ends(self, page: TapePage) -> Int64:
        """The to_ts of each slice of the page; the last is the page's own."""
        ts = page.trades.ts
        if len(page.books):
            ts = np.sort(np.concatenate((ts, page.books.ts)), kind="stable")
        span = self._span(page)
        ends: list[int] = []
        row = 0
        start = page.from_ts
        while start < page.to_ts:
            candidate = row + self._slice_rows
            to_ts = int(ts[candidate - 1]) if candidate <= len(ts) else page.to_ts
            to_ts = min(to_ts, page.to_ts, start + span)
            ends.append(to_ts)
            row = int(np.searchsorted(ts, to_ts, side="right"))
            start = to_ts
        return np.array(ends, np.int64)

    def _span(self, page: TapePage) -> int:
        """The longest slice in tape time: by the grid instants of the symbols that may be active, or by the pace."""
        span = page.to_ts - page.from_ts
        if self._grid_us > 0:
            grid_instants = max(self._slice_rows, _LEAST_GRID_INSTANTS)
            span = min(span, max(1, grid_instants // max(1, len(self._symbols))) * self._grid_us)
        if self._span_us is not None:
            span = min(span, max(1, self._span_us))
        return span


def _ends_removed(last_event: TapeEvent, trades: Trades, books: Books) -> bool:
    """Whether the last thing of a batch is the removal of its symbol."""
    if last_event.kind != "symbol_removed":
        return False
    removal = (last_event.ts, last_event.seq)
    return all(not len(rows) or (rows.ts[-1], rows.seq[-1]) < removal for rows in (trades, books))


def _regroup(symbols: NDArray[np.int16], rows: _Rows, ends: Int64, count: int) -> tuple[_Rows, _Stream]:
    """The rows symbol by symbol, and where the slices that end at `ends` begin and end among them."""
    starts = np.zeros(count + 1, np.int64)
    symbol_ends: list[Int64 | None] = [None] * count
    if len(rows):
        rows = rows.take(np.argsort(symbols, kind="stable"))
        np.cumsum(np.bincount(symbols, minlength=count), out=starts[1:])
    for symbol in range(count):
        start, end = starts[symbol], starts[symbol + 1]
        if start < end:
            symbol_ends[symbol] = start + np.searchsorted(rows.ts[start:end], ends, side="right")
    return rows, _Stream(starts, symbol_ends)
