"""A tape written as a test's sentence, and the value that an indicator has at one moment of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Book, Event, Tape, Trade

ValueAt = Callable[..., float]


@pytest.fixture
def value_at() -> ValueAt:
    """`value_at(text, ref, trades=[(t, price) or (t, price, qty) or (t, price, qty, side)], books=[(t, bid,
    ask) or (t, bid, ask, bid_qty, ask_qty)])`:
    the value at the grid instant of second `ref`, both streams being observed from second 0."""

    def value(text: str, ref: int, trades: Sequence[tuple] = (), books: Sequence[tuple] = ()) -> float:
        tape = Tape([], [], [Event(0, 0, "observed_on", "trades"), Event(0, 1, "observed_on", "books")])
        for seq, (t, *rest) in enumerate(trades, start=2):
            price, qty, side = (*rest, *(None, 1.0, 0)[len(rest) :])
            tape.trades.append(Trade(round(t * SECOND), seq, price, qty, side))
        for seq, (t, *quotes) in enumerate(books, start=2 + len(trades)):
            tape.books.append(Book(round(t * SECOND), seq, *quotes))
        engine = IndicatorEngine([parse_indicator(text).id])
        evaluation = engine.on_batch(batches(tape, -1, ref * SECOND)[0])
        assert evaluation.instants.ts[-1] == ref * SECOND
        return float(evaluation.values[0, -1])

    return value
