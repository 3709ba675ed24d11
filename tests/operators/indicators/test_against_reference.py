"""Every kind agrees with its slow reference on random tapes and on real ones."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE
from tests.reference.batches import SECOND, batches, instants, tapes
from tests.reference.indicators import REFERENCES, value_of
from tests.reference.tape import Event, Tape, Trade, View

SHARED = Path(__file__).parents[3].parent / "shared"

WINDOWS = ("t1=3,t2=0", "t1=10,t2=2", "t1=30.5,t2=0", "t1=60,t2=10", "t1=1,t2=0")
COMPARED = ("t1=3,t2=0,t3=20,t4=3", "t1=10,t2=1,t3=60,t4=10")
BASELINES = ("t1=2,t3=10,d=5", "t1=10,t3=60,d=30", "t1=5,t3=6,d=1")
SETTINGS = (
    "",
    "min_coverage=0",
    "min_coverage=0.5",
    "min_coverage=1,max_staleness=5",
    "min_coverage=0,max_staleness=0",
)


def choices(kind: str) -> tuple[str, ...]:
    """Parameters small enough for short tapes."""
    names = [parameter.name for parameter in CATALOGUE[kind].parameters]
    if names == ["t1", "t2"]:
        return WINDOWS
    if names == ["t1", "t2", "t3", "t4"]:
        return COMPARED
    if names == ["t1", "t3", "d"]:
        return BASELINES
    if names == ["lookback"]:
        return ("lookback=2", "lookback=30")
    if names == ["t1", "t_support_start", "t_support_end"]:
        return ("t1=3,t_support_start=40,t_support_end=10",)
    assert not names
    return ("",)


MARKET_KINDS = sorted(name for name, kind in CATALOGUE.items() if not kind.on_position)
indicator_texts = st.sampled_from(MARKET_KINDS).flatmap(
    lambda kind: st.tuples(st.sampled_from(choices(kind)), st.sampled_from(SETTINGS)).map(
        lambda parts: f"{kind}({','.join(filter(None, parts))})"
    )
)


def agree(kind: str, found: float, expected: float) -> bool:
    """Sums and means to 1e-9 of themselves, percent changes and differences to 1e-9 of what enters."""
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if kind in ("PRICE_VELOCITY", "SPREAD_PCT", "SPREAD_VOLATILITY", "ORDER_FLOW_IMBALANCE") or kind.endswith("_PCT"):
        return abs(found - expected) <= 1e-9 * (100 + abs(expected))
    return abs(found - expected) <= 1e-9 * abs(expected)


def compare(tape: Tape, end: int, ids: list[str], interval: int, max_events: int, most: int) -> None:
    """All values over the whole tape in one batch against the reference at (at most so many of) its instants."""
    engine = IndicatorEngine(ids, interval, max_events)
    (whole,) = batches(tape, 0, end)
    evaluation = engine.on_batch(whole)
    expected_instants = instants(tape, 0, end, interval)
    assert evaluation.instants.ts.tolist() == [ts for ts, _ in expected_instants]
    assert evaluation.instants.seq.tolist() == [-1 if math.isinf(seq) else int(seq) for _, seq in expected_instants]
    keys = [parse_indicator(text) for text in ids]
    for at in range(0, len(expected_instants), 1 + len(expected_instants) // most):
        ref, seq = expected_instants[at]
        view = View(tape, ref, seq, max_events)
        last = view.trades[-1].price if view.trades else math.nan
        assert evaluation.last_price[at] == last or math.isnan(last)
        for key, values in zip(keys, evaluation.values, strict=True):
            expected = value_of(key.name, view, key.values)
            assert agree(key.name, values[at], expected), (key.id, ref, seq, values[at], expected)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tapes(),
    st.lists(indicator_texts, min_size=1, max_size=8),
    st.sampled_from((0, SECOND, 7 * SECOND)),
    st.sampled_from((2**20, 2**20, 1, 5)),
)
def test_random_tapes(tape_and_end: tuple[Tape, int], texts: list[str], interval: int, max_events: int) -> None:
    tape, end = tape_and_end
    ids = list(dict.fromkeys(parse_indicator(text).id for text in texts))
    compare(tape, end, ids, interval, max_events, 50)


def test_every_market_kind_has_a_reference() -> None:
    assert sorted(REFERENCES) == MARKET_KINDS


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real tapes of ../shared/data/pump_tapes")
@pytest.mark.parametrize("name", ["APPCBTC_2020-11-18_1800", "BRDBTC_2021-10-31_1500"])
def test_real_tapes(name: str) -> None:
    trades = []
    with gzip.open(SHARED / "data" / "pump_tapes" / f"{name}.csv.gz", "rt") as lines:
        for seq, row in enumerate(csv.DictReader(lines), start=1):
            side = {"buy": 1, "sell": -1}[row["side"]]
            trades.append(Trade(int(row["timestamp"]) * 1000, seq, float(row["price"]), float(row["amount"]), side))
            if seq == 3000:
                break
    origin = trades[0].ts // SECOND * SECOND - SECOND
    trades = [trade._replace(ts=trade.ts - origin) for trade in trades]
    tape = Tape(trades, [], [Event(trades[0].ts, 0, "observed_on", "trades")])
    ids = [parse_indicator(f"{kind}(max_staleness=86400)").id for kind in MARKET_KINDS]
    compare(tape, trades[-1].ts, ids, 0, 2**20, 30)


def test_prefix_sums_on_a_month_of_heavy_tailed_trades() -> None:
    """Windowed sums and means to 1e-9 against exact sums, where plain running sums fail."""
    random = np.random.default_rng(11)
    count = 60_000
    ts = np.sort(random.integers(1, 30 * 86_400 * SECOND, count))
    price = 1e-6 * np.exp(np.cumsum(0.02 * random.standard_t(3, count)).clip(-5, 5))
    qty = random.pareto(0.6, count) + 1e-3
    trades = [
        Trade(int(t), i + 1, float(p), float(q), 1) for i, (t, p, q) in enumerate(zip(ts, price, qty, strict=True))
    ]
    tape = Tape(trades, [], [Event(1, 0, "observed_on", "trades")])
    (whole,) = batches(tape, 0, trades[-1].ts)
    ids = ["SUM_VOLUME(t1=120,t2=0)", "SUM_QUOTE_VOLUME(t1=120,t2=0)", "VWAP(t1=120,t2=0)", "TWPA(t1=120,t2=0)"]
    values = IndicatorEngine(ids, 0).on_batch(whole).values
    for at in range(count - 2_000, count):
        ref = trades[at].ts
        view = View(Tape(trades[max(0, at - 60) : at + 1], [], tape.events), ref, at + 1, 2**20)
        for key, value in zip(map(parse_indicator, ids), values[:, at], strict=True):
            assert agree(key.name, value, value_of(key.name, view, key.values)), (key.id, at)
