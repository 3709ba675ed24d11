"""One symbol's part of the slice in hand, and what is known at each of its moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from operators.desk.memory import Book, MarketMemory
from operators.desk.moment import DUE, EVENT, GRID, Key, Moment
from operators.evaluation import BOOK_INSTANT, GRID_INSTANT, TRADE_INSTANT, Evaluation, Instants
from operators.strategy.compiled import StrategyVerdicts
from operators.tape import BOOKS_STREAM, Books, Int64, MarketBatch, SliceHeader, TapeEvent, Trades


class MarketSlice:
    """One symbol's part of the slice in hand, with cursors that only go forward.

    `index` is the next evaluation instant to consider, `upcoming` the next relevant one; `committed` how many of them
    extremes and holds have taken in; `passed` the last place visited. Empty (no instants) for symbols that have
    something due but no events.
    """

    __slots__ = (
        "_begins",
        "_breaks",
        "_trade_instants",
        "_warming",
        "committed",
        "evaluation",
        "events",
        "index",
        "length",
        "marks",
        "memory",
        "next_event",
        "passed",
        "upcoming",
        "used_checked",
        "verdicts",
    )

    def __init__(
        self,
        memory: MarketMemory,
        evaluation: Evaluation,
        verdicts: Sequence[StrategyVerdicts],
        visited: frozenset[str],
    ) -> None:
        self.memory = memory
        self.evaluation = evaluation
        self.verdicts = verdicts
        self.length = len(evaluation.instants)
        self.index = 0
        self.committed = 0
        self.upcoming = 0
        self.used_checked = 0
        self.next_event = 0
        self.passed: Key = (-1, DUE, 0, memory.symbol)
        self._trade_instants: Int64 | None = None
        self._begins: Int64 | None = None
        self._warming: bool | None = None
        self.marks: list[TapeEvent] = []
        self._breaks: list[tuple[int, int]] = []
        self.events: list[TapeEvent] = []
        for event in evaluation.batch.events:
            if event.kind == "mark":
                self.marks.append(event)
            elif event.kind in visited:
                self.events.append(event)
            elif event.kind == "book_invalid" or _books_off(event):
                self._breaks.append((event.ts, event.seq))
            elif event.kind == "observed_on" and event.payload.get("stream") == BOOKS_STREAM:
                memory.has_books = True

    # Where things are

    def evaluated(self, index: int) -> Moment:
        """The moment of evaluation instant `index`."""
        instants = self.evaluation.instants
        kind = int(instants.kind[index])
        return Moment(
            ts=int(instants.ts[index]),
            phase=GRID if kind == GRID_INSTANT else EVENT,
            order=0 if kind == GRID_INSTANT else int(instants.seq[index]),
            index=index,
            instants=index + 1,
            trades=int(instants.trades[index]),
            books=int(instants.books[index]),
            is_trade=kind == TRADE_INSTANT,
        )

    def moment(self, ts: int, phase: int, order: int) -> Moment:
        """A moment without an evaluation of this symbol: something due, an event, another symbol's instant."""
        batch = self.evaluation.batch
        instants = self.evaluation.instants
        if phase == DUE:
            count = int(instants.ts.searchsorted(ts))
        elif phase == EVENT:
            count = int(instants.ts.searchsorted(ts))
            last = int(instants.ts.searchsorted(ts, side="right"))
            while count < last and instants.kind[count] != GRID_INSTANT and instants.seq[count] <= order:
                count += 1
        else:
            count = int(instants.ts.searchsorted(ts, side="right"))
        return Moment(
            ts=ts,
            phase=phase,
            order=order,
            index=-1,
            instants=count,
            trades=_count(batch.trades.ts, batch.trades.seq, ts, phase, order),
            books=_count(batch.books.ts, batch.books.seq, ts, phase, order),
        )

    def key_of(self, index: int) -> Key:
        """The place of evaluation instant `index` in the total order."""
        instants = self.evaluation.instants
        if instants.kind[index] == GRID_INSTANT:
            return int(instants.ts[index]), GRID, 0, self.memory.symbol
        return int(instants.ts[index]), EVENT, int(instants.seq[index]), self.memory.symbol

    def index_at(self, ts: int) -> int:
        """The first evaluation instant at or after a tape time."""
        return int(self.evaluation.instants.ts.searchsorted(ts))

    def instant_of_trade(self, trade: int) -> int:
        """The evaluation instant of a trade of the slice."""
        if self._trade_instants is None:
            self._trade_instants = np.flatnonzero(self.evaluation.instants.kind == TRADE_INSTANT)
        return int(self._trade_instants[trade])

    def is_book(self, index: int) -> bool:
        """Whether an evaluation instant is a book."""
        return index >= 0 and self.evaluation.instants.kind[index] == BOOK_INSTANT

    # What is known there

    @property
    def warming(self) -> bool:
        """Whether an indicator has no value yet at the beginning of the slice."""
        if self._warming is None:
            self._warming = bool(self.begins.any())
        return self._warming

    @property
    def begins(self) -> Int64:
        """For each indicator the first instant that has had a value of it: before, it warms up."""
        if self._begins is None:
            evaluation, begun = self.evaluation, self.memory.begun
            self._begins = np.zeros(len(evaluation.indicator_ids), np.int64)
            for row, indicator_id in enumerate(evaluation.indicator_ids):
                if indicator_id not in begun:
                    known = ~np.isnan(evaluation.values[row])
                    self._begins[row] = known.argmax() if known.any() else self.length
        return self._begins

    def last_price(self, moment: Moment) -> float:
        """The newest trade price, NaN before the first trade."""
        if moment.trades:
            return float(self.evaluation.batch.trades.price[moment.trades - 1])
        return self.memory.last_price

    def last_price_at(self, moment: Moment) -> float:
        """The same at another symbol's moment."""
        trades = self.evaluation.batch.trades
        count = _count(trades.ts, trades.seq, moment.ts, moment.phase, moment.order)
        return float(trades.price[count - 1]) if count else self.memory.last_price

    def fair(self, moment: Moment) -> float:
        """The newest fair price of the tape, NaN where it has none."""
        fair = self.memory.fair
        for mark in self.marks:
            if not _before(mark.ts, mark.seq, moment):
                break
            fair = _price(mark.payload.get("fair"))
        return fair

    def book(self, moment: Moment) -> Book | None:
        """The book in force, None if there is none or a gap or desync lies between it and the moment."""
        if moment.books:
            book = self._book_at(moment.books - 1)
            broken = False
        elif self.memory.book is not None:
            book = self.memory.book
            broken = self.memory.book_broken
        else:
            return None
        broken = broken or any((book.ts, book.seq) < place and _before(*place, moment) for place in self._breaks)
        return book if book.valid and not broken else None

    def settled_at(self, settlement: int) -> float | None:
        """The settled rate that the tape records at the very instant of the settlement."""
        for event in self.events:
            payload = event.payload
            at_settlement = event.kind == "funding" and event.ts == settlement
            if at_settlement and payload.get("settled") and payload.get("next_settle_ts") == settlement:
                return float(payload["rate"])
        return None

    def value(self, indicator_id: str, index: int) -> float:
        """An indicator's value at an evaluation instant."""
        return float(self.evaluation.values[self.evaluation.indicator_ids.index(indicator_id), index])

    def books_between(self, start: int, stop: int) -> list[Book]:
        return [self._book_at(index) for index in range(start, stop)]

    def finish(self) -> None:
        """Remember what the next slice needs."""
        memory, batch = self.memory, self.evaluation.batch
        if len(batch.trades):
            memory.last_price = float(batch.trades.price[-1])
        if self.marks:
            memory.fair = _price(self.marks[-1].payload.get("fair"))
        if len(batch.books):
            book = self._book_at(len(batch.books) - 1)
            memory.book = Book(
                book.ts, book.seq, book.bid_px.copy(), book.bid_qty.copy(), book.ask_px.copy(), book.ask_qty.copy()
            )
            memory.book_broken = False
        begun = self.begins < self.length
        memory.begun.update(one for one, has in zip(self.evaluation.indicator_ids, begun, strict=True) if has)
        if self._breaks and memory.book is not None and (memory.book.ts, memory.book.seq) < self._breaks[-1]:
            memory.book_broken = True

    def _book_at(self, index: int) -> Book:
        books = self.evaluation.batch.books
        return Book(
            int(books.ts[index]),
            int(books.seq[index]),
            books.bid_px[index],
            books.bid_qty[index],
            books.ask_px[index],
            books.ask_qty[index],
        )


def _books_off(event: TapeEvent) -> bool:
    return event.kind == "observed_off" and event.payload.get("stream") == BOOKS_STREAM


def _price(value: Any) -> float:
    return math.nan if value is None else float(value)


def _before(ts: int, seq: int, moment: Moment) -> bool:
    """Whether an event lies at or before the moment."""
    if ts != moment.ts or moment.phase != EVENT:
        return ts < moment.ts or (ts == moment.ts and moment.phase > EVENT)
    return seq <= moment.order


def _count(ts: Int64, seq: Int64, until: int, phase: int, order: int) -> int:
    """How many rows lie at or before (until, phase, order)."""
    if not len(ts):
        return 0
    if phase == DUE:
        return int(ts.searchsorted(until))
    last = int(ts.searchsorted(until, side="right"))
    if phase == EVENT:
        first = int(ts.searchsorted(until))
        return int(first + seq[first:last].searchsorted(order, side="right"))
    return last


def empty_evaluation(symbol: str, header: SliceHeader) -> Evaluation:
    """A symbol's part of a slice that says nothing about it."""
    none = np.zeros(0, np.int64)
    batch = MarketBatch(symbol, header, Trades.empty(), Books.empty())
    instants = Instants(none, none, np.zeros(0, np.int8), none, none)
    return Evaluation(batch, instants, (), np.zeros((0, 0)), np.zeros(0))
