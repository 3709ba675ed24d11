"""The golden numbers of the specification."""

from __future__ import annotations

from math import isnan

import pytest

PUMP = [(t, 1.0) for t in range(0, 541, 10)] + [(545 + 5 * i, 1.01 + 0.01 * i) for i in range(11)]
FLAT = (0.1, 4.9e-6, 77526.3)


@pytest.mark.parametrize(
    ("trades", "start", "end", "expected"),
    [
        ([(50, 1.0), (110, 2.0), (130, 3.0)], 100, 120, 1.5),
        ([(90, 100), (100, 200), (110, 300)], 95, 115, 200),
        ([(110, 2.0), (130, 3.0)], 100, 120, 2.0),
        ([(0, 100), (60, 110)], 0, 120, 105),
        ([(0, 100)], 10, 20, 100),
        ([(110, 2.0), (110, 4.0)], 100, 120, 4.0),
        ([(130, 3.0)], 100, 120, None),
        ([], 100, 120, None),
        ([(100, 5.0)], 90, 100, None),
        ([(100, 5.0)], 100, 120, 5.0),
    ],
)
@pytest.mark.parametrize("later", [0, 15])
def test_time_weighted_price_average(value_at, trades, start, end, expected, later):
    ref = end + later
    value = value_at(f"TWPA(t1={ref - start},t2={ref - end},min_coverage=0)", ref, trades)
    assert isnan(value) if expected is None else value == pytest.approx(expected, rel=1e-12)


def test_half_covered_is_no_value_where_all_must_be(value_at):
    trades = [(110, 2.0), (130, 3.0)]
    assert isnan(value_at("TWPA(t1=20,t2=0,min_coverage=1)", 120, trades))
    assert isnan(value_at("TWPA(t1=20,t2=0)", 120, trades))
    assert value_at("TWPA(t1=20,t2=0,min_coverage=0.5)", 120, trades) == 2.0


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [
        ("TWPA(t1=60,t2=0)", 1.055),
        ("TWPA(t1=300,t2=0)", 1.011),
        ("TWPA_RATIO(t1=60,t2=0,t3=300,t4=60)", 1.055),
        ("PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", 7.804878),
        ("PRICE_VELOCITY(t1=10,t3=60,d=30)", 0.195122),
        ("PRICE_MOMENTUM_PCT(t1=30,t2=0,t3=120,t4=30)", 7.125307),
        ("SUPPORT_LEVEL_PROXIMITY_PCT(t1=10,t_support_start=600,t_support_end=300)", 10.5),
    ],
)
def test_the_pump_path(value_at, indicator, expected):
    assert value_at(indicator, 600, PUMP) == pytest.approx(expected, rel=1e-6)


def test_a_volume_surge_of_ten_exactly(value_at):
    trades = [(t, 1.0, 10.0) for t in range(10, 571, 10)] + [(t, 1.0, 60.0) for t in range(575, 596, 5)]
    assert value_at("VOLUME_SURGE_RATIO(t1=30,t2=0,t3=600,t4=30)", 600, trades) == 10.0


def test_a_step_of_ten_percent(value_at):
    trades = [(0, 1.0), (50, 1.0), (90, 1.1)]
    assert value_at("PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", 100, trades) == pytest.approx(10.0, rel=1e-12)
    assert value_at("PRICE_VELOCITY", 100, trades) == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("price", FLAT)
@pytest.mark.parametrize(
    "indicator",
    ["PUMP_MAGNITUDE_PCT", "PRICE_VELOCITY", "PRICE_MOMENTUM_PCT", "MOMENTUM_DECAY_PCT(lookback=300)",
     "SUPPORT_LEVEL_PROXIMITY_PCT(t_support_start=500,t_support_end=100)"],
)  # fmt: skip
def test_a_flat_price_is_exactly_zero(value_at, indicator, price):
    trades = [(t + 0.123457 * (t % 7), price, 0.37) for t in range(0, 600, 3)]
    assert value_at(indicator, 600, trades) == 0.0


@pytest.mark.parametrize("price", FLAT)
def test_the_ratio_of_a_flat_price_is_exactly_one(value_at, price):
    trades = [(t + 0.123457 * (t % 7), price) for t in range(0, 600, 3)]
    assert value_at("TWPA_RATIO(t1=60,t2=0,t3=300,t4=60)", 600, trades) == 1.0


def test_spread_of_99_to_101(value_at):
    assert value_at("SPREAD_PCT", 10, books=[(0, 99.0, 101.0)]) == 2.0


def test_plain_measures(value_at):
    trades = [(1, 10.0, 2.0, 1), (2, 12.0, 1.0, -1), (3, 8.0, 1.0, 0), (6, 11.0, 4.0, 1)]
    window = "(t1=10,t2=5)"  # seconds 0 to 5 at ref 10: the first three trades
    expected = {
        "FIRST_PRICE": 10.0,
        "LAST_PRICE": 8.0,
        "MAX_PRICE": 12.0,
        "MIN_PRICE": 8.0,
        "SUM_VOLUME": 4.0,
        "SUM_QUOTE_VOLUME": 40.0,
        "COUNT_TRADES": 3.0,
        "AVG_TRADE_SIZE": 4.0 / 3.0,
        "TRADE_FREQUENCY": 36.0,
        "VWAP": 10.0,
        "ORDER_FLOW_IMBALANCE": 1.0 / 3.0,
    }
    for kind, value in expected.items():
        assert value_at(kind + window, 10, trades) == pytest.approx(value, rel=1e-12), kind
    assert value_at("MOMENTUM_DECAY_PCT(lookback=10)", 10, trades) == pytest.approx(100 * 1.0 / 12.0)


def test_quotes_over_time(value_at):
    books = [(0, 99.0, 101.0), (5, 97.0, 101.0)]
    assert value_at("AVG_BEST_BID(t1=10,t2=0)", 10, books=books) == 98.0
    assert value_at("AVG_BEST_ASK(t1=10,t2=0)", 10, books=books) == 101.0
    assert value_at("TW_MIDPRICE(t1=10,t2=0)", 10, books=books) == 99.5
    half_of_the_difference = (100 * 4 / 99 - 2) / 2
    assert value_at("SPREAD_VOLATILITY(t1=10,t2=0)", 10, books=books) == pytest.approx(half_of_the_difference)
    assert value_at("SPREAD_VOLATILITY(t1=3,t2=0)", 10, books=books) == 0.0


@pytest.mark.parametrize(
    ("indicator", "expected"),
    [("COUNT_TRADES", 0.0), ("SUM_VOLUME", 0.0), ("SUM_QUOTE_VOLUME", 0.0), ("TRADE_FREQUENCY", 0.0), ("VWAP", None),
     ("AVG_TRADE_SIZE", None), ("FIRST_PRICE", None), ("LAST_PRICE", None), ("MAX_PRICE", None), ("MIN_PRICE", None)],
)  # fmt: skip
def test_an_observed_window_without_trades(value_at, indicator, expected):
    value = value_at(f"{indicator}(t1=60,t2=0)", 100, [(10, 5.0)])
    assert isnan(value) if expected is None else value == expected


def test_the_edge_of_now_is_a_count_of_trades_seen():
    """Three trades at one ts give the same values in one batch as one by one: each sees itself and those before."""
    from operators.indicators.engine import IndicatorEngine
    from tests.reference.batches import SECOND, batches, row_batches
    from tests.reference.tape import Event, Tape, Trade

    events = [Event(0, 0, "observed_on", "trades")]
    tape = Tape([Trade(60 * SECOND, 1 + i, 1.0 + i, 1.0, 1) for i in range(3)], [], events)
    ids = ["COUNT_TRADES(t1=30,t2=0)", "LAST_PRICE(t1=30,t2=0)"]
    whole = IndicatorEngine(ids, 0).on_batch(batches(tape, -1, 60 * SECOND)[0])
    assert whole.values.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
    engine = IndicatorEngine(ids, 0)
    one_by_one = [engine.on_batch(part) for part in row_batches(tape, -1, 60 * SECOND, [2, 1, 1])]
    assert [part.values[0].tolist() for part in one_by_one if len(part.instants)] == [[1.0], [2.0], [3.0]]
