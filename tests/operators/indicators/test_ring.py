"""Rings grow with the trades in the longest window, and shrink again."""

from __future__ import annotations

import numpy as np

from operators.indicators.engine import IndicatorEngine
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Event, Tape, Trade


def test_a_ring_is_as_large_as_its_window_needs():
    burst = [Trade(SECOND + i * 100, 1 + i, 1.0, 1.0, 1) for i in range(50_000)]
    quiet = [Trade((60 + i) * SECOND, 60_000 + i, 1.0, 1.0, 1) for i in range(2_000)]
    tape = Tape(burst + quiet, [], [Event(0, 0, "observed_on", "trades")])
    engine = IndicatorEngine(["TWPA(t1=20,t2=0)"], 0)
    ring = engine._rings[0]
    first, *rest = batches(tape, -1, 2_100 * SECOND, range(30 * SECOND, 2_100 * SECOND, 10 * SECOND))
    engine.on_batch(first)
    assert ring.capacity >= 50_000
    for part in rest:
        engine.on_batch(part)
    assert ring.capacity < 1_000
    assert ring.end < 600


def test_a_ring_is_bounded_by_max_ring_events():
    trades = [Trade(1 + i * 1000, 1 + i, 1.0, 1.0, 1) for i in range(20_000)]
    tape = Tape(trades, [], [Event(0, 0, "observed_on", "trades")])
    engine = IndicatorEngine(["TWPA(t1=3600,t2=0)"], 0, max_ring_events=300)
    for part in batches(tape, -1, 20 * SECOND, range(0, 20 * SECOND, 50_000)):
        engine.on_batch(part)
    assert engine._rings[0].capacity < 2_000


def test_read_only_and_strided_columns_are_accepted():
    """Sources hand out views of shared columns; the values are the same."""
    tape = Tape(
        [Trade(i * SECOND, i, 1.0 + i, 1.0, 1) for i in range(1, 20)], [], [Event(0, 0, "observed_on", "trades")]
    )
    (part,) = batches(tape, -1, 20 * SECOND)
    expected = IndicatorEngine(["VWAP(t1=10,t2=0)"]).on_batch(part).values
    wide = np.repeat(part.trades.price, 2)[::2]
    wide.setflags(write=False)
    part.trades.ts.setflags(write=False)
    columns = type(part.trades)(part.trades.ts, part.trades.seq, wide, part.trades.qty, part.trades.side)
    view = type(part)(part.symbol, part.header, columns, part.books, part.events)
    assert np.array_equal(IndicatorEngine(["VWAP(t1=10,t2=0)"]).on_batch(view).values, expected, equal_nan=True)
