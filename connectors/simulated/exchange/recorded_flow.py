"""Recorded tapes as a flow: what was traded then is traded again, at the same prices and sizes.

Each recorded trade is an order that prints at its price: where the tape has no books, the makers move theirs to that
price first. Where it has books, they are the makers' quotes. Tapes are shifted so that the earliest of them begins at
the market's start; with `repeat` they begin again a second after the end, otherwise the market falls silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.simulated.exchange.errors import InvalidFlow
from connectors.simulated.exchange.flow import FlowEvent, Levels, Listing, Quote, TakerOrder
from connectors.simulated.exchange.recorded_tapes import RecordedTape
from connectors.simulated.pumps import Pump
from operators.tape import MICROSECONDS, Books, Float64, Int8, Int64, Trades

PAUSE_MS: Final = 1_000
DEPTH_TRADES: Final = 8.0
"""Made-up best levels hold this many median trades."""
USUAL_SPREAD: Final = 1e-3
"""Relative, where a tape does not tell."""


class RecordedFlow:
    """The tapes as a market that begins at `start_ms` UTC; one tape per symbol.

    `skip_seconds` leaves out the beginning, `tempo` plays faster (10: ten times as many trades per second). Trades
    whose side was not recorded get it from the way the price moved (buys where it rose, as the one before where it
    stood). No pumps are known.
    """

    def __init__(
        self,
        tapes: Sequence[RecordedTape],
        *,
        start_ms: int,
        repeat: bool = True,
        tempo: float = 1.0,
        skip_seconds: float = 0.0,
    ) -> None:
        if not 0.01 <= tempo <= 1000:
            raise InvalidFlow(f"tempo: found {tempo:g}, allowed is a number from 0.01 to 1000")
        _check(tapes)
        self._tapes = list(tapes)
        self._start_ms = start_ms
        self._repeat = repeat
        cut = min(int(tape.trades.ts[0]) for tape in tapes) + round(skip_seconds * MICROSECONDS)
        self._sides = [_known_sides(tape.trades) for tape in tapes]
        self._ms, self._symbol, self._is_book, self._rows = _merged(tapes, cut, tempo)
        if not len(self._ms) or self._is_book.all():
            raise InvalidFlow(f"skip_seconds: found {skip_seconds:g}, and there are no trades after them")
        self._length = int(self._ms[-1]) + PAUSE_MS
        self._begin_ms = start_ms
        self._row = 0
        self._listings = tuple(_listing(tape) for tape in tapes)

    @property
    def start_ms(self) -> int:
        return self._start_ms

    @property
    def end_ms(self) -> int | None:
        return None if self._repeat else self._start_ms + self._length - PAUSE_MS

    @property
    def listings(self) -> tuple[Listing, ...]:
        return self._listings

    @property
    def pumps(self) -> tuple[Pump, ...]:
        return ()

    def opening(self) -> list[FlowEvent]:
        """Each symbol's first book, or quotes around its first price."""
        events: list[FlowEvent] = []
        for number, tape in enumerate(self._tapes):
            mine = self._symbol == number
            books = self._rows[mine & self._is_book]
            trades = self._rows[mine & ~self._is_book]
            if len(books) and tape.books is not None:
                events.append(_levels(tape.books, int(books[0]), self._start_ms, number))
            else:
                price = float(tape.trades.price[trades[0] if len(trades) else -1])
                events.append(self._around(price, number))
        return events

    def events(self, to_ms: int) -> list[FlowEvent]:
        events: list[FlowEvent] = []
        while True:
            end = int(np.searchsorted(self._ms, to_ms - self._begin_ms, side="right"))
            events += self._between(self._row, end)
            self._row = max(end, self._row)
            if self._row < len(self._ms) or not self._repeat or self._begin_ms + self._length > to_ms:
                return events
            self._begin_ms += self._length
            self._row = 0

    def close(self) -> None:
        """Nothing is held."""

    def _between(self, begin: int, end: int) -> list[FlowEvent]:
        rows = slice(begin, max(begin, end))
        columns = (self._ms[rows] + self._begin_ms, self._symbol[rows], self._is_book[rows], self._rows[rows])
        events: list[FlowEvent] = []
        for ms, symbol, is_book, row in zip(*(column.tolist() for column in columns), strict=True):
            tape = self._tapes[symbol]
            if is_book and tape.books is not None:
                events.append(_levels(tape.books, row, ms, symbol))
            else:
                trades = tape.trades
                side, quantity, price = int(self._sides[symbol][row]), float(trades.qty[row]), float(trades.price[row])
                events.append(TakerOrder(ms, symbol, side, quantity, price))
        return events

    def _around(self, price: float, number: int) -> Quote:
        """A quote half a spread from the price on either side."""
        listing = self._listings[number]
        half = max(price * listing.spread, listing.contract.price_unit) / 2.0
        quantity = DEPTH_TRADES * float(np.median(self._tapes[number].trades.qty))
        return Quote(self._start_ms, number, price - half, price + half, quantity, quantity)


def _check(tapes: Sequence[RecordedTape]) -> None:
    names = [tape.symbol for tape in tapes]
    if not tapes or len(set(names)) < len(names):
        raise InvalidFlow(f"tapes: found {', '.join(names) or 'none'}, allowed is one for each symbol")
    empty = [tape.symbol for tape in tapes if not len(tape.trades)]
    if empty:
        raise InvalidFlow(f"tapes: there are no trades of {', '.join(empty)}")


def _merged(
    tapes: Sequence[RecordedTape], cut: int, tempo: float
) -> tuple[Int64, NDArray[np.int64], NDArray[np.bool_], Int64]:
    """Time since the start (ms), tape, whether it is a book, and row of everything from `cut` on, in order."""
    parts = []
    for number, tape in enumerate(tapes):
        for stream, is_book in ((tape.trades, False), (tape.books, True)):
            if stream is not None and len(stream):
                rows = np.flatnonzero(stream.ts >= cut)
                full = np.full(len(rows), number, np.int64), np.full(len(rows), is_book)
                parts.append((stream.ts[rows], stream.seq[rows], *full, rows))
    ts, seq, symbol, book, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((seq, symbol, ts))
    ms = np.floor((ts[order] - cut) / 1000.0 / tempo).astype(np.int64)
    return ms, symbol[order], book[order], rows[order]


def _known_sides(trades: Trades) -> Int8:
    """The sides, those unknown from the last move of the price (a buy where there was none)."""
    if np.all(trades.side != 0):
        return trades.side
    moves = np.sign(np.diff(trades.price, prepend=trades.price[0])).astype(np.int8)
    moved = np.maximum.accumulate(np.where(moves != 0, np.arange(len(moves)), 0))
    guessed = np.where(moves[moved] == 0, 1, moves[moved])
    return np.where(trades.side == 0, guessed, trades.side).astype(np.int8)


def _listing(tape: RecordedTape) -> Listing:
    trades = tape.trades
    seconds = max((trades.ts[-1] - trades.ts[0]) / MICROSECONDS, 1.0)
    turnover = float(np.sum(trades.price * trades.qty) / seconds)
    return Listing(tape.symbol, tape.contract, float(trades.price[0]), _spread(tape), turnover)


def _spread(tape: RecordedTape) -> float:
    """The median relative distance of neighbouring trades on different sides; at least a step of the price."""
    price: Float64 = tape.trades.price
    turns = np.flatnonzero(np.diff(_known_sides(tape.trades)) != 0)
    least = tape.contract.price_unit / float(np.median(price))
    if not len(turns):
        return max(USUAL_SPREAD, least)
    return max(float(np.median(np.abs(np.diff(price)[turns]) / price[turns])), least)


def _levels(books: Books, row: int, ms: int, symbol: int) -> Levels:
    sides: list[list[float]] = []
    for prices, quantities in ((books.bid_px[row], books.bid_qty[row]), (books.ask_px[row], books.ask_qty[row])):
        there = np.isfinite(prices) & (quantities > 0)
        sides += [prices[there].tolist(), quantities[there].tolist()]
    return Levels(ms, symbol, *sides)
