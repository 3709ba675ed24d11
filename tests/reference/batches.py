"""From a tape of plain lists to the batches that an engine reads, and the instants at which it evaluates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from operators.tape import Books, MarketBatch, SliceHeader, TapeEvent, Trades
from tests.reference.tape import GRID_SEQ, LEVELS, NAN, Book, Event, Tape, Trade

SYMBOL = "A_USDT"
SECOND = 1_000_000


def batch(
    tape: Tape,
    after: tuple[int, float],
    until: tuple[int, float],
    header_to: int | None = None,
    *,
    warmup: bool = False,
    lead_in: bool = False,
) -> MarketBatch:
    """Everything after one (ts, seq) and up to another as a batch of the slice (after ts, until ts]."""

    def inside(rows: list) -> list:
        return [row for row in rows if after < (row.ts, row.seq) <= until]

    trades, books = inside(tape.trades), inside(tape.books)

    def column(rows: list, index: int, dtype: type) -> np.ndarray:
        return np.array([row[index] for row in rows], dtype)

    def levels(index: int) -> np.ndarray:
        return np.array([[level[index] for level in book.levels] for book in books]).reshape(-1, LEVELS)

    return MarketBatch(
        SYMBOL,
        SliceHeader(0, 1, 0, after[0], until[0] if header_to is None else header_to, 1, warmup=warmup, lead_in=lead_in),
        Trades(*(column(trades, i, t) for i, t in enumerate((np.int64, np.int64, np.float64, np.float64, np.int8)))),
        Books(column(books, 0, np.int64), column(books, 1, np.int64), *(levels(index) for index in range(4))),
        tuple(
            TapeEvent(event.ts, event.seq, SYMBOL, event.kind, {"stream": event.stream, "cause": "test"})
            for event in inside(tape.events)
        ),
    )


def batches(tape: Tape, from_ts: int, to_ts: int, cuts: Iterable[int] = ()) -> list[MarketBatch]:
    """The stretch (from_ts, to_ts] cut at these ts."""
    edges = [from_ts, *sorted({cut for cut in cuts if from_ts < cut < to_ts}), to_ts]
    return [batch(tape, (start, GRID_SEQ), (end, GRID_SEQ)) for start, end in pairwise(edges)]


def row_batches(tape: Tape, from_ts: int, to_ts: int, sizes: Iterable[int]) -> list[MarketBatch]:
    """The same cut after every so many rows, between rows of equal ts too (which no source does)."""
    moments = sorted((row.ts, row.seq) for rows in (tape.trades, tape.books, tape.events) for row in rows)
    found, after, at, header_from = [], (from_ts, GRID_SEQ), 0, from_ts
    for size in sizes:
        if at + size >= len(moments):
            break
        at += size
        header_to = max(header_from, moments[at][0] - 1)  # what comes next is not before that
        part = batch(tape, after, moments[at - 1], header_to)
        found.append(_with_start(part, header_from))
        after, header_from = moments[at - 1], header_to
    found.append(_with_start(batch(tape, after, (to_ts, GRID_SEQ)), header_from))
    return found


def _with_start(part: MarketBatch, from_ts: int) -> MarketBatch:
    header = SliceHeader(0, 1, 0, from_ts, part.header.to_ts, 1)
    return MarketBatch(part.symbol, header, part.trades, part.books, part.events)


def instants(tape: Tape, from_ts: int, to_ts: int, interval: int) -> list[tuple[int, float]]:
    """(ts, seq) of every evaluation, a grid instant's seq being infinite."""
    found = [(row.ts, float(row.seq)) for rows in (tape.trades, tape.books) for row in rows]
    moments = sorted(
        (row.ts, row.seq, getattr(row, "kind", "")) for rows in (tape.trades, tape.books, tape.events) for row in rows
    )
    if interval:
        for grid in range((from_ts // interval + 1) * interval, to_ts + 1, interval):
            before = [kind for ts, _, kind in moments if ts <= grid]
            if before and before[-1] != "symbol_removed":
                found.append((grid, GRID_SEQ))
    return sorted(found)


def busy_tape(seconds: int = 120, *, scale: float = 1.0, flat: bool = False) -> Tape:
    """Five trades and two books a second of a price that rises, falls and rises faster; unevenly spaced."""
    random = np.random.default_rng(17)
    tape = Tape([], [], [Event(1, 0, "observed_on", "trades"), Event(1, 1, "observed_on", "books")])
    for seq in range(2, 7 * seconds):
        ts = seq * SECOND // 7 + int(random.integers(0, 100_000))
        price = scale * (1.0 if flat else 1.0 + 0.1 * math.sin(ts / 7e6) + float(random.normal(0.0, 0.001)))
        if seq % 7 in (2, 5):
            deeper = tuple((price * (0.999 - 0.001 * n), 8.0, price * (1.001 + 0.001 * n), 16.0) for n in (1, 2))
            wide = 1.0 if flat else float(random.integers(1, 4))
            quantities = [float(quantity) for quantity in random.integers(1, 30, 2)]
            tape.books.append(
                Book(ts, seq, price * (1 - 0.001 * wide), price * (1 + 0.001 * wide), *quantities, deeper)
            )
        else:
            quantity = float(random.pareto(1.5)) + 0.1
            tape.trades.append(Trade(ts, seq, price, quantity, int(random.integers(-1, 2))))
    return tape


GAPS = st.sampled_from((0, 0, 0, 1, 2_000, 300_000, SECOND, 2 * SECOND, 3_500_001, 11 * SECOND, 45 * SECOND))
EVEN_GAPS = st.sampled_from((0, 0, 0, SECOND // 2, SECOND, SECOND, 2 * SECOND, 3_500_000, 11 * SECOND, 45 * SECOND))
"""Between events at whole and half seconds, where edges of windows, ends of bars and the grid are."""
PRICES = st.sampled_from((0.1, 4.9e-6, 77526.3)) | st.floats(-9, 6).map(lambda exponent: 10**exponent)
BOOK_QUANTITIES = st.sampled_from((1.0, 60.0, 40.0, 0.3, 1e5))
WHAT = st.sampled_from(("trade",) * 8 + ("book",) * 5 + ("on", "off", "book on", "book off", "book_invalid", "removed"))


@st.composite
def _book(draw: st.DrawFn, ts: int, seq: int, price: float) -> Book:
    """One or both sides with up to as many levels as the tape stores."""
    half_spread, step = draw(st.sampled_from(((0.01, 0.001), (0.001, 0.01), (0.1, 0.1))))
    bids, asks = draw(st.sampled_from(((3, 3), (1, 1), (2, 3), (3, 1), (0, 2), (1, 0), (0, 0))))

    def level(number: int) -> tuple[float, float, float, float]:
        away = half_spread + number * step
        bid = (price * (1 - away), draw(BOOK_QUANTITIES)) if number < bids else (NAN, NAN)
        ask = (price * (1 + away), draw(BOOK_QUANTITIES)) if number < asks else (NAN, NAN)
        return *bid, *ask

    bid, bid_qty, ask, ask_qty = level(0)
    return Book(ts, seq, bid, ask, bid_qty, ask_qty, tuple(level(number) for number in range(1, LEVELS)))


@st.composite
def tapes(draw: st.DrawFn, longest: int = 40) -> tuple[Tape, int]:
    """A tape that begins after ts 0, and its end: bursts, equal times, gaps longer than windows, flat stretches, all at
    odd times or at whole and half seconds."""
    tape = Tape([], [], [])
    ts, gaps = draw(st.sampled_from(((1, GAPS), (SECOND, EVEN_GAPS))))
    if draw(st.booleans()):
        tape.events.append(Event(ts, 0, "observed_on", "trades"))
        tape.events.append(Event(ts, 1, "observed_on", "books"))
    base = price = draw(PRICES)
    for seq in range(2, 2 + draw(st.integers(0, longest))):
        ts += draw(gaps)
        what = draw(WHAT)
        price = draw(st.sampled_from((price, price, price * 1.01, price * 0.99, base, base * 100, base / 100)))
        if what == "trade":
            quantity = draw(st.sampled_from((1.0, 0.1, 37.5, 1e6, 1e-6)))
            tape.trades.append(Trade(ts, seq, price, quantity, draw(st.sampled_from((1, -1, 0)))))
        elif what == "book":
            tape.books.append(draw(_book(ts, seq, price)))
        elif what in ("on", "off"):
            tape.events.append(Event(ts, seq, f"observed_{what}", "trades"))
        elif what in ("book on", "book off"):
            tape.events.append(Event(ts, seq, f"observed_{what[5:]}", "books"))
        elif what == "removed":
            tape.events.append(Event(ts, seq, "symbol_removed"))
        else:
            tape.events.append(Event(ts, seq, what))
    return tape, ts + draw(st.sampled_from((0, 1, 2_500_000, 70 * SECOND)))
