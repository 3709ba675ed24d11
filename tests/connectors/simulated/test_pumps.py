"""Pumps are what the ground truth says: when, how far, with which volume; and a strategy finds them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from connectors.simulated.market import GeneratedMarket, generate_tape
from connectors.simulated.parameters import LEAD_SECONDS, PUMP_SPACING_SECONDS, TAIL_SECONDS, MarketParameters
from connectors.simulated.pumps import Pump
from operators.tape import Books, Float64, Int64, Trades

SECOND = 1_000_000


@pytest.fixture(scope="module")
def tape(market: GeneratedMarket) -> dict[str, tuple[Trades, Books]]:
    return {symbol: (trades, books) for symbol, trades, books in generate_tape(market.parameters)}


@pytest.fixture(scope="module")
def cases(market: GeneratedMarket, tape: dict[str, tuple[Trades, Books]]) -> list[tuple[Pump, Trades, Books]]:
    return [(pump, *tape[pump.symbol]) for pump in market.pumps]


def rows(ts: Int64, from_ts: int, to_ts: int) -> slice:
    return slice(*np.searchsorted(ts, [from_ts, to_ts], side="right"))


def per_second(trades: Trades, from_ts: int, to_ts: int) -> float:
    return float(trades.qty[rows(trades.ts, from_ts, to_ts)].sum() / (to_ts - from_ts) * SECOND)


def test_there_are_as_many_pumps_as_asked_for_spread_over_the_symbols(market: GeneratedMarket) -> None:
    assert len(market.pumps) == 16
    assert all(len(market.pumps_of(symbol)) == 2 for symbol in market.symbols)
    uneven = GeneratedMarket(MarketParameters(symbols=4, trades=100, hours=1.0, pumps=6))
    assert sorted(len(uneven.pumps_of(symbol)) for symbol in uneven.symbols) == [1, 1, 2, 2]


def test_pumps_keep_their_distance_and_their_ranges() -> None:
    parameters = MarketParameters(symbols=10, hours=12.0, pumps=200, trades=1000)
    market = GeneratedMarket(parameters)
    for symbol in market.symbols:
        onsets = np.array([pump.onset for pump in market.pumps_of(symbol)])
        assert (np.diff(onsets) >= (PUMP_SPACING_SECONDS - 0.002) * SECOND).all()
        assert onsets.min() >= parameters.start_us + LEAD_SECONDS * SECOND - 1000
        assert onsets.max() <= parameters.start_us + parameters.span - TAIL_SECONDS * SECOND
    for pump in market.pumps:
        assert pump.onset < pump.peak < pump.decay < pump.settled
        assert 20.0 <= (pump.peak - pump.onset) / SECOND <= 180.0
        assert 1.1 - 1e-6 <= pump.peak_multiple <= 3.0 + 1e-6
        assert 20.0 <= pump.volume_surge <= 100.0
    multiples = np.array([pump.peak_multiple for pump in market.pumps])
    assert 1.25 < np.median(multiples) < 1.45


def test_the_highest_price_is_the_multiple_of_the_price_before_and_near_the_peak(
    cases: list[tuple[Pump, Trades, Books]],
) -> None:
    for pump, trades, _ in cases:
        before = np.median(trades.price[rows(trades.ts, pump.onset - 30 * SECOND, pump.onset - 1)])
        around = rows(trades.ts, pump.onset, pump.settled)
        highest = around.start + int(trades.price[around].argmax())
        assert trades.price[highest] / before == pytest.approx(pump.peak_multiple, rel=0.08)
        assert pump.onset + (pump.peak - pump.onset) / 2 <= trades.ts[highest] <= pump.decay + 5 * SECOND


def test_the_volume_surges_in_the_first_half_minute(cases: list[tuple[Pump, Trades, Books]]) -> None:
    for pump, trades, _ in cases:
        start = max(pump.onset - 600 * SECOND, int(trades.ts[0]))
        surge = per_second(trades, pump.onset, pump.onset + 30 * SECOND) / per_second(trades, start, pump.onset - 1)
        assert surge > 5.0


def test_buyers_lift_the_price_and_sellers_lower_it(cases: list[tuple[Pump, Trades, Books]]) -> None:
    for pump, trades, _ in cases:
        rising = trades.side[rows(trades.ts, pump.onset, pump.peak)].mean()
        falling = trades.side[rows(trades.ts, pump.decay + 5 * SECOND, pump.decay + 125 * SECOND)].mean()
        assert rising > 0.4
        assert falling < -0.1


def test_most_of_the_rise_is_gone_when_it_has_settled(cases: list[tuple[Pump, Trades, Books]]) -> None:
    left = []
    for pump, trades, _ in cases:
        at = int(np.searchsorted(trades.ts, pump.settled))
        if at < len(trades):
            base = np.median(trades.price[rows(trades.ts, pump.onset - 30 * SECOND, pump.onset - 1)])
            left.append(math.log(trades.price[at] / base) / math.log(pump.peak_multiple))
    assert left
    # a later pump of the symbol may stand on it; the market itself has moved too
    assert abs(np.median(left) - 0.1) < 0.15


def test_spreads_widen_and_liquidity_thins_and_both_recover(cases: list[tuple[Pump, Trades, Books]]) -> None:
    for pump, _, books in cases:
        spread = (books.ask_px[:, 0] - books.bid_px[:, 0]) / books.bid_px[:, 0]
        value = (books.bid_px * books.bid_qty + books.ask_px * books.ask_qty)[:, :5].sum(axis=1)
        before = rows(books.ts, pump.onset - 300 * SECOND, pump.onset - 1)
        during = rows(books.ts, pump.onset + 5 * SECOND, pump.decay)
        after = rows(books.ts, pump.decay + 420 * SECOND, pump.decay + 600 * SECOND)
        assert spread[during].mean() > 1.4 * spread[before].mean()
        contracts = value / books.bid_px[:, 0]
        assert contracts[during].mean() < 0.75 * contracts[before].mean()
        if after.stop - after.start > 60:
            assert spread[after].mean() < 1.4 * spread[before].mean()


def test_nothing_shows_before_the_onset(cases: list[tuple[Pump, Trades, Books]]) -> None:
    for pump, trades, _ in cases:
        last = rows(trades.ts, pump.onset - 30 * SECOND, pump.onset - 1)
        earlier = rows(trades.ts, pump.onset - 90 * SECOND, pump.onset - 30 * SECOND)
        if last.stop - last.start > 5 and earlier.stop - earlier.start > 5:
            assert abs(np.mean(trades.price[last]) / np.mean(trades.price[earlier]) - 1) < 0.02


def time_weighted(trades: Trades, start_us: int, seconds: int) -> Float64:
    """∫ price dt up to each whole second (NaN before the first trade): plain and slow enough to be believed."""
    t = (trades.ts - start_us) / SECOND
    area = np.concatenate([[0.0], np.cumsum(trades.price[:-1] * np.diff(t))])
    grid = np.arange(seconds + 1)
    last = np.searchsorted(t, grid, side="right") - 1
    return np.where(last >= 0, area[last] + trades.price[last] * (grid - t[last]), np.nan)


@pytest.mark.parametrize("threshold", [4.0, 9.0])
def test_a_pump_signal_fires_on_the_pumps_and_hardly_elsewhere(
    market: GeneratedMarket, tape: dict[str, tuple[Trades, Books]], threshold: float
) -> None:
    """PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30) >= threshold and VOLUME_SURGE_RATIO(30,0,600,30) >= 3.2, each second."""
    start, seconds = market.parameters.start_us, int(market.parameters.seconds)
    found, elsewhere, chances = 0, 0, 0
    for symbol, (trades, _) in tape.items():
        pumps = market.pumps_of(symbol)
        area = time_weighted(trades, start, seconds)
        at = np.arange(600, seconds)
        baseline = (area[at - 30] - area[at - 60]) / 30
        magnitude = 100 * ((area[at] - area[at - 10]) / 10 - baseline) / baseline
        seen = np.searchsorted(trades.ts, start + np.arange(seconds + 1) * SECOND, side="right")
        volume = np.concatenate([[0.0], np.cumsum(trades.qty)])[seen]
        usual = (volume[at - 30] - volume[at - 600]) / 570
        surge = (volume[at] - volume[at - 30]) / 30 / usual
        instants = start + at[(magnitude >= threshold) & (surge >= 3.2)] * SECOND
        for pump in pumps:
            chances += 1
            within = instants[(instants >= pump.onset) & (instants <= pump.decay + 40 * SECOND)]
            found += len(within) > 0
            instants = instants[~np.isin(instants, within)]
            if threshold == 4.0 and len(within):
                entry = trades.price[np.searchsorted(trades.ts, within[0] + 130_000)]
                # room to follow, fees of 2 × 0.08 % included, and to fade for three minutes after
                peak = np.median(trades.price[rows(trades.ts, pump.peak, pump.decay)])
                later = trades.price[np.searchsorted(trades.ts, pump.decay + 180 * SECOND) - 1]
                assert peak / entry > 1.005
                assert later / peak < 0.97
        elsewhere += len(instants)
    assert found >= (1.0 if threshold == 4.0 else 0.75) * chances
    assert elsewhere == 0
