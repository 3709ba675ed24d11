"""Cover: gaps, desynchronised books, one-sided books and staleness."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest

from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Book, Event, Tape, Trade


def evaluate(tape: Tape, ref: int, *texts: str) -> Evaluation:
    ids = [parse_indicator(text).id for text in texts]
    return IndicatorEngine(ids, with_cover=True).on_batch(batches(tape, -1, ref * SECOND)[0])


def trades(*rows: tuple[int, float]) -> list[Trade]:
    return [Trade(t * SECOND, 10 + i, price, 1.0, 1) for i, (t, price) in enumerate(rows)]


def test_a_gap_is_left_out_of_averages_and_rates():
    """Observed 0..40 and 70..100: the mean over 40 s of 1.0 and 30 s of 1.0 and 3.0; rates per 70 s."""
    events = [Event(0, 0, "observed_on", "trades"), Event(40 * SECOND, 50, "observed_off", "trades"),
              Event(70 * SECOND, 51, "observed_on", "trades")]  # fmt: skip
    tape = Tape(trades((0, 1.0), (80, 3.0)), [], events)
    found = evaluate(tape, 100, "TWPA(t1=100,t2=0,min_coverage=0.7)", "TRADE_FREQUENCY(t1=100,t2=0,min_coverage=0)",
                     "TWPA(t1=100,t2=0)", "TWPA(t1=20,t2=0)")  # fmt: skip
    assert found.cover[:, -1].tolist() == [0.7, 0.7, 0.7, 1.0]
    assert found.values[0, -1] == pytest.approx((40 * 1.0 + 10 * 1.0 + 20 * 3.0) / 70)
    assert found.values[1, -1] == pytest.approx(60 / 70)  # the trade at the start is not in (0, 100]
    assert isnan(found.values[2, -1])
    assert found.values[3, -1] == pytest.approx(3.0)


def test_without_observation_nothing_has_a_value():
    found = evaluate(Tape(trades((0, 1.0), (50, 2.0)), [], []), 60, "TWPA(t1=10,t2=0)", "COUNT_TRADES(t1=10,t2=0)")
    assert np.isnan(found.values).all()
    assert not found.cover.any()


def test_a_symbol_without_the_stream_has_no_value_even_where_no_cover_is_asked_for():
    tape = Tape([], [Book(0, 1, 1.0, 2.0)], [Event(0, 0, "observed_on", "books")])
    assert np.isnan(evaluate(tape, 60, "COUNT_TRADES(t1=10,t2=0,min_coverage=0)").values).all()


def test_a_desynchronised_book_is_unobserved_until_the_next_book():
    events = [Event(0, 0, "observed_on", "books"), Event(40 * SECOND, 5, "book_invalid")]
    tape = Tape([], [Book(0, 1, 99.0, 101.0), Book(60 * SECOND, 6, 98.0, 102.0)], events)
    found = evaluate(tape, 100, "SPREAD_PCT", "TW_MIDPRICE(t1=100,t2=0,min_coverage=0.5)")
    spread = dict(zip(found.instants.ts // SECOND, found.values[0], strict=True))
    assert spread[39] == 2.0
    assert isnan(spread[40])
    assert isnan(spread[59])
    assert spread[60] == 4.0
    assert found.cover[1, -1] == 0.8
    assert found.values[1, -1] == 100.0


def test_after_a_gap_the_old_book_is_not_in_force():
    events = [Event(0, 0, "observed_on", "books"), Event(20 * SECOND, 5, "observed_off", "books"),
              Event(30 * SECOND, 6, "observed_on", "books")]  # fmt: skip
    tape = Tape([], [Book(0, 1, 99.0, 101.0), Book(40 * SECOND, 7, 98.0, 102.0)], events)
    spread = evaluate(tape, 50, "SPREAD_PCT")
    value = dict(zip(spread.instants.ts // SECOND, spread.values[0], strict=True))
    assert isnan(value[35])
    assert value[40] == 4.0


def test_a_missing_side_has_no_value_and_does_not_cover():
    tape = Tape([], [Book(0, 1, 99.0, 101.0), Book(60 * SECOND, 2, nan, 102.0), Book(90 * SECOND, 3, 100.0, 102.0)],
                [Event(0, 0, "observed_on", "books")])  # fmt: skip
    found = evaluate(tape, 100, "TW_MIDPRICE(t1=100,t2=0,min_coverage=0)", "AVG_BEST_ASK(t1=100,t2=0)", "SPREAD_PCT")
    assert found.cover[:2, -1].tolist() == [0.7, 1.0]
    assert found.values[0, -1] == pytest.approx((60 * 100 + 10 * 101) / 70)
    assert found.values[1, -1] == pytest.approx((60 * 101 + 40 * 102) / 100)
    assert isnan(found.values[2, found.instants.ts.tolist().index(75 * SECOND)])


def test_older_than_max_staleness_is_no_value():
    tape = Tape(trades((0, 1.0)), [], [Event(0, 0, "observed_on", "trades")])
    found = evaluate(tape, 4000, "TWPA(t1=60,t2=0)", "TWPA(t1=60,t2=0,max_staleness=100)", "COUNT_TRADES(t1=60,t2=0)")
    last = [int(found.instants.ts[~np.isnan(values)][-1]) // SECOND for values in found.values]
    assert last == [3600, 100, 3600]


def test_before_the_first_trade_staleness_counts_from_the_beginning_of_observation():
    tape = Tape([], [], [Event(5 * SECOND, 0, "observed_on", "trades")])
    found = evaluate(tape, 200, "COUNT_TRADES(t1=60,t2=0,max_staleness=100)")
    with_value = found.instants.ts[~np.isnan(found.values[0])] // SECOND
    assert (with_value[0], with_value[-1]) == (62, 105)  # 57 of 60 s are 0.95
    assert found.values[0, 100] == 0.0


def test_a_window_beyond_the_ring_has_no_value_and_is_counted():
    tape = Tape(trades(*((t, 1.0) for t in range(30))), [], [Event(0, 0, "observed_on", "trades")])
    engine = IndicatorEngine(["COUNT_TRADES(t1=10,t2=0)", "COUNT_TRADES(t1=5,t2=0)"], 0, max_ring_events=5)
    found = engine.on_batch(batches(tape, -1, 29 * SECOND)[0])
    assert np.isnan(found.values[0]).all()
    assert found.values[1, 5:].tolist() == [5.0] * 25
    assert engine.ring_overflows == 25  # from the sixth trade on the longer window holds one that is not seen
