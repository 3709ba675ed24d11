"""A period inside the tape: led in by the tape's head and the longest window, values are those of the whole tape."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.tape import MarketBatch
from tests.reference.batches import SECOND, batch, batches, tapes
from tests.reference.tape import GRID_SEQ, Event, Tape, Trade

IDS = tuple(
    parse_indicator(text).id
    for text in (
        "TWPA(t1=45,t2=12,min_coverage=0)",
        "TWPA(t1=50,t2=0)",
        "VWAP(t1=30,t2=0,min_coverage=0)",
        "MAX_PRICE(t1=30,t2=0,min_coverage=0)",
        "MOMENTUM_DECAY_PCT(lookback=20)",
        "ORDER_FLOW_IMBALANCE(t1=12,t2=2,min_coverage=0)",
        "VOLUME_SURGE_RATIO(t1=3,t2=0,t3=30,t4=3)",
        "COUNT_TRADES(t1=30,t2=0)",
        "SPREAD_PCT",
        "SPREAD_VOLATILITY(t1=20,t2=1,min_coverage=0)",
    )
)
LONGEST = 50 * SECOND


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


def test_a_stream_that_was_observed_all_along_has_full_cover_at_once() -> None:
    """Observed since before the lead-in, which has no trade: the price holds, the window is covered."""
    start = LONGEST + 2 * SECOND
    tape = Tape([Trade(10, 1, 7.0, 1.0, 1)], [], [Event(1, 0, "observed_on", "trades")])
    period = IndicatorEngine(IDS, SECOND, with_cover=True)
    for part in lead_in(tape, start, []):
        period.on_batch(part)
    found = period.on_batch(batches(tape, start, start + SECOND)[0])
    assert found.instants.ts.tolist() == [start + SECOND]
    assert found.values[1].tolist() == [7.0]
    assert found.cover is not None
    assert found.cover[1].tolist() == [1.0]


def test_a_symbol_that_was_removed_before_is_not_evaluated() -> None:
    tape = Tape([Trade(10, 1, 7.0, 1.0, 1)], [], [Event(1, 0, "observed_on", "trades"), Event(20, 2, "symbol_removed")])
    period = IndicatorEngine(IDS, SECOND)
    for part in lead_in(tape, 3_600 * SECOND, []):
        period.on_batch(part)
    assert len(period.on_batch(batches(tape, 3_600 * SECOND, 3_601 * SECOND)[0]).instants) == 0


def _as_warm_up(part: MarketBatch) -> MarketBatch:
    header = part.header
    warm_up = type(header)(0, 1, 0, header.from_ts, header.to_ts, 1, warmup=True)
    return MarketBatch(part.symbol, warm_up, part.trades, part.books, part.events)
