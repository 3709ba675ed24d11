"""A month of a thin coin's heavy-tailed trades and books: values to 1e-9 against exact sums."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest

from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE
from tests.reference.batches import SECOND, batches
from tests.reference.indicators import value_of
from tests.reference.small import MARKET_KINDS
from tests.reference.tape import Book, Event, Tape, Trade, View

COUNT = 50_000
CHECKED = 150
RECENT = 120
"""So many trades and books hold every window of 10 minutes at the end of the tape."""

WINDOWS = {
    ("t1", "t2"): "t1=120,t2=0",
    ("t1", "t2", "t3", "t4"): "t1=60,t2=0,t3=600,t4=60",
    ("t1", "t2", "levels"): "t1=120,t2=0,levels=3",
    ("t1", "t2", "t3", "t4", "levels"): "t1=60,t2=0,t3=600,t4=60,levels=3",
    ("t1", "t3", "d"): "t1=60,t3=300,d=120",
    ("t1", "t3", "d", "lag"): "t1=60,t3=300,d=120,lag=60",
    ("t1", "t_support_start", "t_support_end"): "t1=60,t_support_start=600,t_support_end=120",
    ("lookback",): "lookback=600",
    ("windows",): "windows=60/180/60;120/480/120",
    ("num_samples", "sample_interval", "t1", "t3", "d"): "t1=60,t3=300,d=120",
    ("t1", "t3", "d", "lookback", "direction"): "t1=60,t3=300,d=120,lookback=30,direction=down",
    ("period", "bar"): "period=5,bar=3600",
    ("period", "bar", "k"): "period=5,bar=3600,k=2",
    ("t1", "bar"): "t1=600,bar=60",
}
OVER_BARS = {name for name in MARKET_KINDS if {"period", "bar"} <= {each.name for each in CATALOGUE[name].parameters}}


def month() -> Tape:
    random = np.random.default_rng(11)
    ts = np.sort(random.integers(1, 30 * 86_400 * SECOND, COUNT))
    drawn_back = accumulate(0.02 * random.standard_t(3, COUNT), lambda sum_so_far, step: 0.9995 * sum_so_far + step)
    prices = 1e-6 * np.exp(np.fromiter(drawn_back, np.float64))
    quantities = random.pareto(0.6, (COUNT, 3)) + 1e-3
    tape = Tape([], [], [Event(1, 0, "observed_on", "trades"), Event(1, 1, "observed_on", "books")])
    for place, (at, price, quantity) in enumerate(zip(ts.tolist(), prices.tolist(), quantities.tolist(), strict=True)):
        seq = 2 + 2 * place
        tape.trades.append(Trade(at, seq, price, quantity[0], 1 - place % 3))
        if place % 3 == 0:
            deeper = tuple((price * (0.998 - n), quantity[n], price * (1.002 + n), quantity[0]) for n in (0, 1))
            tape.books.append(Book(at, seq + 1, price * 0.999, price * 1.001, *quantity[1:], deeper))
    return tape


def text_of(name: str) -> str:
    parameters = WINDOWS.get(tuple(each.name for each in CATALOGUE[name].parameters), "")
    return parse_indicator(f"{name}({','.join(filter(None, (parameters, 'min_coverage=0')))})").id


def entering(name: str, expected: float) -> float:
    """Largest magnitude that enters: of sums and means themselves, of percents and scores 100 at least."""
    return (
        abs(expected) if CATALOGUE[name].unit in ("quote per base", "quote", "base", "trades") else 100 + abs(expected)
    )


def test_a_month_of_heavy_tailed_trades() -> None:
    """Plain running sums miss 1e-9 here."""
    tape = month()
    ids = [text_of(name) for name in MARKET_KINDS]
    (whole,) = batches(tape, 0, tape.trades[-1].ts)
    found = IndicatorEngine(ids, 0).on_batch(whole)
    compared = dict.fromkeys(MARKET_KINDS, 0)
    for at in range(len(found.instants) - CHECKED, len(found.instants)):
        ref, seq = int(found.instants.ts[at]), int(found.instants.seq[at])
        recent = Tape(*([row for row in rows[-RECENT - CHECKED :] if (row.ts, row.seq) <= (ref, seq)][-RECENT:]
                        for rows in (tape.trades, tape.books)), tape.events)  # fmt: skip
        view, long_view = View(recent, ref, seq, 2**20), None
        for name, text, value in zip(MARKET_KINDS, ids, found.values[:, at], strict=True):
            if name in OVER_BARS:
                if at % 50:
                    continue
                long_view = long_view or View(tape, ref, seq, 2**20)
            parameters = dict(parse_indicator(text).parameters)
            expected = value_of(name, long_view if name in OVER_BARS and long_view else view, parameters)
            assert value == pytest.approx(expected, rel=0, abs=1e-9 * entering(name, expected), nan_ok=True), (text, at)
            compared[name] += not math.isnan(expected)
    without = {name for name, times in compared.items() if not times}
    assert without <= {name for name in MARKET_KINDS if CATALOGUE[name].unavailable}
