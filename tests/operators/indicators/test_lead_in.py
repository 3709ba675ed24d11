"""A period inside the tape: led in by the tape's head and the longest window, values are those of the whole tape."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine, longest_window_us
from operators.tape import MarketBatch
from tests.reference.batches import SECOND, batch, batches, busy_tape, tapes
from tests.reference.small import MARKET_KINDS, small, small_id
from tests.reference.tape import GRID_SEQ, Event, Tape, Trade

REMEMBERING = {"EMA", "RSI"}
"""Kinds whose averages never quite forget: they are compared with a tolerance below."""
IDS = tuple(
    small_id(kind, setting, choice=choice)
    for kind in MARKET_KINDS
    if kind not in REMEMBERING
    for choice in (0, len(small(kind)) - 1)
    for setting in ("", "min_coverage=0")
)
LONGEST = longest_window_us(IDS)


def newest(rows: list, until: int) -> list:
    """The newest row of each kind (and stream) up to a ts, in tape order."""
    kinds = {(getattr(row, "kind", ""), getattr(row, "stream", "")): row for row in rows if row.ts <= until}
    return sorted(kinds.values(), key=lambda row: (row.ts, row.seq))


def head_of(tape: Tape, until: int) -> Tape:
    """What is still in force of a tape at a ts."""
    return Tape(*(newest(rows, until) for rows in (tape.trades, tape.books, tape.events)))


def lead_in(tape: Tape, start: int, cuts: list[int]) -> list[MarketBatch]:
    """What comes before the period after `start`; a source sends no batch where nothing happened."""
    since = max(0, start - LONGEST)
    edges = [since, *sorted({cut for cut in cuts if since < cut < start}), start]
    found = [batch(head_of(tape, since), (-1, GRID_SEQ), (since, GRID_SEQ), lead_in=True)]
    found += [batch(tape, (begin, GRID_SEQ), (end, GRID_SEQ), lead_in=True) for begin, end in pairwise(edges)]
    return [part for part in found if len(part.trades) or len(part.books) or part.events]


def assert_close(found: Evaluation, expected: Evaluation) -> None:
    """Running sums begin elsewhere, so that their last digits may differ; nothing else does."""
    assert np.array_equal(found.instants.ts, expected.instants.ts)
    assert np.array_equal(found.instants.seq, expected.instants.seq)
    assert np.array_equal(found.cover, expected.cover, equal_nan=True)
    assert np.array_equal(found.last_price, expected.last_price, equal_nan=True)
    assert np.array_equal(np.isnan(found.values), np.isnan(expected.values))
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-9)


@settings(max_examples=150, deadline=None)
@given(
    tapes(),
    st.integers(1, 150 * SECOND),
    st.lists(st.integers(0, 150 * SECOND), max_size=5),
    st.sampled_from((0, SECOND)),
)
def test_a_period_has_the_values_of_the_whole_tape(
    tape_and_end: tuple[Tape, int], start: int, cuts: list[int], interval: int
) -> None:
    tape, end = tape_and_end
    end = max(end, start + SECOND)
    whole = IndicatorEngine(IDS, interval, with_cover=True)
    first, second = batches(tape, 0, end, [start])
    whole.on_batch(first)
    period = IndicatorEngine(IDS, interval, with_cover=True)
    for part in lead_in(tape, start, cuts):
        assert len(period.on_batch(part).instants) == 0
        state = pickle.loads(pickle.dumps(period.snapshot()))  # restarted here, all of it is sent again
        period = IndicatorEngine.restore(state, IDS, interval, with_cover=True)
        for again in lead_in(tape, start, cuts):
            if again.header.to_ts <= part.header.to_ts:
                period.on_batch(_as_warm_up(again))
    assert_close(period.on_batch(second), whole.on_batch(second))


@pytest.mark.parametrize("start", [70 * SECOND, 95_300_000, 140 * SECOND])
def test_a_busy_period_has_the_values_of_the_whole_tape(start: int) -> None:
    """Where every kind has a value all the time, so that nothing that was left out goes unnoticed."""
    tape = busy_tape(170)
    first, second = batches(tape, 0, start + 20 * SECOND, [start])
    whole, period = (IndicatorEngine(IDS, SECOND, with_cover=True) for _ in range(2))
    whole.on_batch(first)
    for part in lead_in(tape, start, [start - 20 * SECOND, start - 5 * SECOND]):
        period.on_batch(part)
    expected = whole.on_batch(second)
    assert np.isfinite(expected.values).any(axis=1).mean() > 0.8
    assert_close(period.on_batch(second), expected)


def test_a_stream_that_was_observed_all_along_has_full_cover_at_once() -> None:
    """Observed since before the lead-in, which has no trade: the price holds, the window is covered."""
    start = LONGEST + 2 * SECOND
    tape = Tape([Trade(10, 1, 7.0, 1.0, 1)], [], [Event(1, 0, "observed_on", "trades")])
    period = IndicatorEngine(IDS, SECOND, with_cover=True)
    for part in lead_in(tape, start, []):
        period.on_batch(part)
    found = period.on_batch(batches(tape, start, start + SECOND)[0])
    assert found.instants.ts.tolist() == [start + SECOND]
    held = IDS.index(small_id("TWPA"))
    assert found.values[held].tolist() == [7.0]
    assert found.cover is not None
    assert found.cover[held].tolist() == [1.0]


def test_a_symbol_that_was_removed_before_is_not_evaluated() -> None:
    tape = Tape([Trade(10, 1, 7.0, 1.0, 1)], [], [Event(1, 0, "observed_on", "trades"), Event(20, 2, "symbol_removed")])
    period = IndicatorEngine(IDS, SECOND)
    for part in lead_in(tape, 3_600 * SECOND, []):
        period.on_batch(part)
    assert len(period.on_batch(batches(tape, 3_600 * SECOND, 3_601 * SECOND)[0]).instants) == 0


def random_walk(bars: int) -> Tape:
    """A trade a second, of a price that goes at random."""
    random = np.random.default_rng(3)
    prices = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.002, bars)))
    trades = [Trade(i * SECOND, i, float(price), 1.0, 1) for i, price in enumerate(prices, start=1)]
    return Tape(trades, [], [Event(1, 0, "observed_on", "trades")])


@pytest.mark.parametrize("bars_before", [0, 20, 60, 140])
def test_averages_that_never_forget_converge(bars_before: int) -> None:
    """EMA and RSI remember further back than their warm-up, after which they have a value: the seed's weight falls by
    (period − 1) / (period + 1), for the RSI by (period − 1) / period, with every bar. After ten periods it is gone."""
    period, tape = 14, random_walk(1_000)
    ids = [f"EMA(period={period},bar=1)", f"RSI(period={period},bar=1)"]
    start = 800 * SECOND
    since = start - longest_window_us(ids) - bars_before * SECOND
    first, second = batches(tape, 0, start + SECOND, [start])
    whole = IndicatorEngine(ids, SECOND)
    whole.on_batch(first)
    period_only = IndicatorEngine(ids, SECOND)
    period_only.on_batch(batch(head_of(tape, since), (-1, GRID_SEQ), (since, GRID_SEQ), lead_in=True))
    period_only.on_batch(batch(tape, (since, GRID_SEQ), (start, GRID_SEQ), lead_in=True))
    found, expected = period_only.on_batch(second).values[:, -1], whole.on_batch(second).values[:, -1]
    prices = [trade.price for trade in tape.trades]
    assert abs(found[0] - expected[0]) <= (13 / 15) ** bars_before * (max(prices) - min(prices))
    assert abs(found[1] - expected[1]) <= 100 * (13 / 14) ** bars_before * 2
    if bars_before == 140:
        assert found[0] == pytest.approx(expected[0], rel=1e-8)
        assert found[1] == pytest.approx(expected[1], abs=0.01)


def _as_warm_up(part: MarketBatch) -> MarketBatch:
    header = part.header
    warm_up = type(header)(0, 1, 0, header.from_ts, header.to_ts, 1, warmup=True)
    return MarketBatch(part.symbol, warm_up, part.trades, part.books, part.events)
