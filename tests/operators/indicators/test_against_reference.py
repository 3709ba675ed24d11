"""Every kind agrees with its slow reference on random tapes and on real ones."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from tests.reference.answers import agree
from tests.reference.batches import SECOND, batches, instants, tapes
from tests.reference.indicators import REFERENCES, value_and_confidence
from tests.reference.small import MARKET_KINDS, small, small_id
from tests.reference.tape import Book, Event, Tape, Trade, View

SHARED = Path(__file__).parents[3].parent / "shared"

SETTINGS = (
    "",
    "min_coverage=0",
    "min_coverage=0.5",
    "min_coverage=1,max_staleness=5",
    "min_coverage=0,max_staleness=0",
)

indicator_ids = st.sampled_from(MARKET_KINDS).flatmap(
    lambda kind: st.builds(
        lambda choice, setting: small_id(kind, setting, choice=choice),
        st.integers(0, len(small(kind)) - 1),
        st.sampled_from(SETTINGS),
    )
)


def compare(tape: Tape, end: int, ids: list[str], interval: int, max_events: int, most: int) -> None:
    """All values over the whole tape in one batch against the reference at (at most so many of) its instants."""
    engine = IndicatorEngine(ids, interval, max_events, with_cover=True)
    (whole,) = batches(tape, 0, end)
    evaluation = engine.on_batch(whole)
    assert evaluation.cover is not None
    expected_instants = instants(tape, 0, end, interval)
    assert evaluation.instants.ts.tolist() == [ts for ts, _ in expected_instants]
    assert evaluation.instants.seq.tolist() == [-1 if math.isinf(seq) else int(seq) for _, seq in expected_instants]
    keys = [parse_indicator(text) for text in ids]
    for at in range(0, len(expected_instants), 1 + len(expected_instants) // most):
        ref, seq = expected_instants[at]
        view = View(tape, ref, seq, max_events)
        last = view.trades[-1].price if view.trades else math.nan
        assert evaluation.last_price[at] == last or math.isnan(last)
        for key, values, covers in zip(keys, evaluation.values, evaluation.cover, strict=True):
            expected, confidence = value_and_confidence(key.name, view, dict(key.parameters))
            assert agree(key.name, values[at], expected), (key.id, ref, seq, values[at], expected)
            assert covers[at] == pytest.approx(confidence, rel=1e-12, nan_ok=True), (key.id, ref, seq)


def compare_random(tape_and_end: tuple[Tape, int], ids: list[str], interval: int, max_events: int) -> None:
    tape, end = tape_and_end
    compare(tape, end, list(dict.fromkeys(ids)), interval, max_events, 40)


arguments = (
    tapes(),
    st.lists(indicator_ids, min_size=1, max_size=8),
    st.sampled_from((0, SECOND, 7 * SECOND)),
    st.sampled_from((2**20, 2**20, 1, 5)),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(*arguments)
def test_random_tapes(tape_and_end: tuple[Tape, int], ids: list[str], interval: int, max_events: int) -> None:
    compare_random(tape_and_end, ids, interval, max_events)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(*arguments)
def test_many_random_tapes(tape_and_end: tuple[Tape, int], ids: list[str], interval: int, max_events: int) -> None:
    compare_random(tape_and_end, ids, interval, max_events)


def test_every_market_kind_has_a_reference() -> None:
    assert sorted(REFERENCES) == list(MARKET_KINDS), "write what is missing in tests/reference/, from the specification"


QUICKER = {"MOMENTUM_REVERSAL_INDEX": "lookback=60,"}
"""In place of defaults for which the reference would take minutes."""


def with_books(trades: list[Trade]) -> Tape:
    """Trades of a real tape, with quotes around every fifth of them."""
    tape = Tape(
        [], [], [Event(trades[0].ts, 0, "observed_on", "trades"), Event(trades[0].ts, 1, "observed_on", "books")]
    )
    for place, trade in enumerate(trades):
        tape.trades.append(trade._replace(seq=2 + 2 * place))
        if place % 5 == 0:
            bid, ask = trade.price * 0.999, trade.price * (1.001 + 0.001 * (place % 3))
            deeper = tuple((bid * (1 - 0.001 * level), 5.0 + place % 7, ask * 1.001**level, 3.0) for level in (1, 2))
            tape.books.append(Book(trade.ts, 3 + 2 * place, bid, ask, trade.qty, 1.0 + place % 11, deeper))
    return tape


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real tapes of ../shared/data/pump_tapes")
@pytest.mark.parametrize("name", ["APPCBTC_2020-11-18_1800", "BRDBTC_2021-10-31_1500"])
def test_real_tapes(name: str) -> None:
    """Small parameters and the defaults."""
    trades = []
    with gzip.open(SHARED / "data" / "pump_tapes" / f"{name}.csv.gz", "rt") as lines:
        for seq, row in enumerate(csv.DictReader(lines), start=1):
            side = {"buy": 1, "sell": -1}[row["side"]]
            trades.append(Trade(int(row["timestamp"]) * 1000, seq, float(row["price"]), float(row["amount"]), side))
            if seq == 1500:
                break
    origin = trades[0].ts // SECOND * SECOND - SECOND
    tape = with_books([trade._replace(ts=trade.ts - origin) for trade in trades])
    ids = [small_id(kind) for kind in MARKET_KINDS]
    ids += [parse_indicator(f"{kind}({QUICKER.get(kind, '')}max_staleness=86400)").id for kind in MARKET_KINDS]
    compare(tape, tape.trades[-1].ts, list(dict.fromkeys(ids)), 0, 2**20, 10)


def test_gaps_of_hours_between_trades() -> None:
    """Windows, bars and seconds across them."""
    starts = (1, 3 * 3600, 3 * 3600 + 40, 11 * 3600)
    rows = [(start * SECOND + step * 700_000, 1.0 + 0.01 * step) for start in starts for step in range(9)]
    tape = with_books([Trade(ts, seq, price, 1.0, 1) for seq, (ts, price) in enumerate(rows)])
    compare(tape, rows[-1][0] + SECOND, [small_id(kind, "max_staleness=86400") for kind in MARKET_KINDS], 0, 2**20, 30)
