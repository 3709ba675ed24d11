"""The golden numbers of the specification."""

from __future__ import annotations

from math import isnan
from statistics import stdev

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
        ("PRICE_DEVIATION_PCT(t1=600,t2=300)", 11.0),
        ("MOMENTUM_REVERSAL_INDEX", 3.827751),
        ("VELOCITY_STABILIZATION_INDEX", 0.00788922),
        ("VELOCITY_CASCADE", 0.0210294),
    ],
)
def test_the_pump_path(value_at, indicator, expected):
    assert value_at(indicator, 600, PUMP) == pytest.approx(expected, rel=1e-6, abs=5e-8)


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
     "PRICE_DEVIATION_PCT", "SUPPORT_LEVEL_PROXIMITY_PCT(t_support_start=500,t_support_end=100)",
     "PRICE_ACCELERATION", "VELOCITY_CASCADE", "VELOCITY_STABILIZATION_INDEX", "VOLATILITY_PCT"],
)  # fmt: skip
def test_a_flat_price_is_exactly_zero(value_at, indicator, price):
    trades = [(t + 0.123457 * (t % 7), price, 0.37) for t in range(0, 600, 3)]
    assert value_at(indicator, 600, trades) == 0.0


@pytest.mark.parametrize("price", FLAT)
def test_the_ratio_of_a_flat_price_is_exactly_one(value_at, price):
    trades = [(t + 0.123457 * (t % 7), price) for t in range(0, 600, 3)]
    assert value_at("TWPA_RATIO(t1=60,t2=0,t3=300,t4=60)", 600, trades) == 1.0


@pytest.mark.parametrize("price", FLAT)
@pytest.mark.parametrize("indicator", ["MOMENTUM_REVERSAL_INDEX", "RSI(period=5,bar=10)",
                                       "BOLLINGER_PERCENT_B(period=5,bar=10)"])  # fmt: skip
def test_what_a_flat_price_has_not(value_at, indicator, price):
    """No top speed, neither rises nor falls, no width of the bands."""
    trades = [(t + 0.123457 * (t % 7), price, 0.37) for t in range(0, 600, 3)]
    assert isnan(value_at(indicator, 600, trades))


@pytest.mark.parametrize(
    ("velocities", "expected"), [((0.6, 0.3, 0.15), 0.537050), ((0.15, 0.3, 0.6), -0.291313), ((0.3, 0.3, 0.3), 0.0)]
)
def test_a_cascade_of_velocities(value_at, velocities, expected):
    """A path of steps whose default velocities are these: (5, 0) against (15, 10), (10, 0) against (40, 30), (20, 0)
    against (80, 60), whose centres are 10, 30 and 60 s apart."""
    rises = [1 + v * seconds / 100 for v, seconds in zip(velocities, (10, 30, 60), strict=True)]
    last = rises[0]  # where the price of seconds 20 to 5 ago is 1
    averages = ((last + 1) / 2, (last + 3) / 4)
    trades = [(0, averages[1] / rises[2]), (40, averages[0] / rises[1]), (60, 1.0), (75, last)]
    for v, windows in zip(velocities, ("t1=5,t3=15,d=5", "t1=10,t3=40,d=10", "t1=20,t3=80,d=20"), strict=True):
        assert value_at(f"PRICE_VELOCITY({windows})", 80, trades) == pytest.approx(v, rel=1e-9)
    assert value_at("VELOCITY_CASCADE", 80, trades) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("closes", "expected"), [((1, 2, 3, 4), 100.0), ((1, 2, 3, 2), 66.6667), ((3, 2, 1), None)])
def test_relative_strength(value_at, closes, expected):
    trades = [(60 * bar, close) for bar, close in enumerate(closes)]
    value = value_at("RSI(period=3)", 60 * len(closes), trades)
    assert isnan(value) if expected is None else value == pytest.approx(expected, abs=5e-5)


def test_averages_of_closes(value_at):
    """Bars of 10 s close at 1, 2, 3 and, without a trade, at 3 again; the trade at 40 is in the next bar."""
    trades = [(1, 7.0), (9, 1.0), (12, 2.0), (29.999999, 3.0), (40, 9.0)]
    assert value_at("SMA(period=3,bar=10,min_coverage=0)", 40, trades) == pytest.approx(8 / 3)
    assert value_at("SMA(period=4,bar=10)", 40, trades) == 2.25
    assert value_at("EMA(period=3,bar=10)", 40, trades) == 2.5  # (1 + 2 + 3) / 3, then halfway to 3
    assert isnan(value_at("SMA(period=5,bar=10,min_coverage=0)", 49, trades))
    assert value_at("SMA(period=1,bar=10)", 50, trades) == 9.0
    upper_half = (9 - 2.25) / (4 * 0.6875**0.5)
    assert value_at("BOLLINGER_PERCENT_B(period=4,bar=10)", 40, trades) == pytest.approx(0.5 + upper_half)
    returns = (1 / 7 - 1, 1.0, 0.5, 0.0)
    assert value_at("VOLATILITY_PCT(t1=40,bar=10)", 40, trades) == pytest.approx(100 * stdev(returns))
    assert value_at("VOLATILITY_PCT(t1=30,bar=10)", 40, trades) == pytest.approx(100 * stdev(returns[1:]))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_movement_that_turned_round(value_at, direction):
    """At the top 0, stopped 100, beyond it more: the price goes 1 % a second, stands, and comes back."""
    sign = 1 if direction == "up" else -1
    rises = [(t, 100.0 + sign * max(0, min(t - 60, 20, 130 - t))) for t in range(150)]
    index = f"MOMENTUM_REVERSAL_INDEX(t1=2,t3=6,d=2,lookback=60,direction={direction})"
    assert value_at(index, 70, rises) == pytest.approx(0.0, abs=10.0)
    assert value_at(index, 95, rises) == 100.0
    assert value_at(index, 120, rises) > 150.0


def test_imbalance_of_60_to_40(value_at):
    assert value_at("BID_ASK_IMBALANCE_PCT", 60, books=[(0, 99.0, 101.0, 60.0, 40.0)]) == 20.0


def test_liquidity_from_1000_to_600(value_at):
    books = [(0, 99.0, 101.0, 5.0, 5.0), (570, 99.0, 101.0, 3.0, 3.0)]
    assert value_at("LIQUIDITY_QUOTE(levels=1)", 570, books=books[:1]) == 1000.0
    assert value_at("LIQUIDITY_QUOTE(levels=1)", 600, books=books) == 600.0
    assert value_at("LIQUIDITY_DRAIN_PCT(levels=1)", 600, books=books) == 40.0
    assert isnan(value_at("LIQUIDITY_DRAIN_PCT(levels=5)", 600, books=books))  # more than the tape stores


def test_a_spread_twice_as_wide(value_at):
    assert value_at("SPREAD_WIDENING_RATIO", 600, books=[(0, 99.0, 101.0), (570, 98.0, 102.0)]) == 2.0


def test_deals_two_percent_off_the_mid(value_at):
    assert value_at("DEAL_VS_MID_PCT", 60, [(0, 98.0)], [(0, 99.0, 101.0)]) == pytest.approx(2.0)


def test_trades_five_times_as_fast(value_at):
    trades = [(t, 1.0) for t in range(5, 570, 5)] + [(t, 1.0) for t in range(571, 600)]
    assert value_at("INTER_TRADE_ACCELERATION", 600, trades) == pytest.approx(5.0)
    bursts = [(t, 1.0) for t in (10, 20, 30)] + [(590, 1.0)] * 5
    assert value_at("INTER_TRADE_ACCELERATION", 600, bursts) == pytest.approx(10_000.0)  # at least 1 ms
    assert isnan(value_at("INTER_TRADE_ACCELERATION", 600, bursts[:5]))


EXHAUSTED = [(t, 100.0 if t < 300 else 80.0, 1.0) for t in range(10, 571, 10)] + [(590, 80.0, 1.0)]


def half_exhausted(retracement=10.5, speed=0.15):
    """A trade every 10 s (surge 1.0) that ends so many percent below 100, falling with this speed."""
    last = 100.0 - retracement
    before = last / (1 - 0.3 * speed)
    return [(t, 100.0 if t < 560 else before if t < 590 else last, 1.0) for t in range(10, 601, 10)]


@pytest.mark.parametrize(
    ("trades", "quantities", "expected"),
    [
        (EXHAUSTED, (60.0, 40.0), 100.0),
        (EXHAUSTED, (40.0, 60.0), 90.0),
        (EXHAUSTED, (30.0, 70.0), 80.0),
        (EXHAUSTED, None, 100.0),
        (half_exhausted(), (40.0, 60.0), 50.0),
        (half_exhausted(), None, 50.0),
        (half_exhausted(speed=0.21), (40.0, 60.0), 35.0),
        ([(t, 80.0, 1.0 if t < 570 else 0.1) for t in range(10, 600, 10)], (60.0, 40.0), 50.0),
    ],
)
def test_the_exhaustion_score(value_at, trades, quantities, expected):
    """All factors met, halves of them, a symbol without books, and calm where nothing was dumped: 50 at most."""
    books = [] if quantities is None else [(0, 79.9, 80.1, *quantities)]
    assert value_at("DUMP_EXHAUSTION_SCORE", 600, trades, books) == pytest.approx(expected)


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
