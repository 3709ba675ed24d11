"""Bars of deals, and what longer bars and the last 24 hours are made of."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.simulated.exchange.anchor_prices import FAIR, INDEX, AnchorBars, AnchorPrices
from connectors.simulated.exchange.intervals import (
    SECONDS,
    UnknownInterval,
    gathered,
    next_start,
    seconds_of,
    start_of,
    without_holes,
)
from connectors.simulated.exchange.minute_bars import BARS_KEPT, DAY, MINUTE, DealBars
from connectors.simulated.exchange.price_grid import PriceGrid
from connectors.simulated.exchange.records import Bar

MIDNIGHT = 1_763_856_000


def finished(bars: DealBars) -> list[Bar]:
    assert bars.minute is not None
    return [*bars.minutes.rows(), bars.minute.bar()]


def test_a_bar_has_the_first_and_last_price_and_the_extremes() -> None:
    bars = DealBars()
    for ms, price, contracts in ((1_000, 2.0, 3), (59_999, 1.0, 1), (30_000 + 60_000, 5.0, 2)):
        bars.add(MIDNIGHT * 1000 + ms, price, contracts, price * contracts)
    first, second = finished(bars)
    assert first[:7] == (MIDNIGHT, 2.0, 2.0, 1.0, 1.0, 4, 7.0)
    assert second[:7] == (MIDNIGHT + 60, 5.0, 5.0, 5.0, 5.0, 2, 10.0)
    assert bars.hour is not None
    assert bars.hour.bar()[:7] == (MIDNIGHT, 2.0, 5.0, 1.0, 5.0, 6, 17.0)


def test_before_the_first_deal_there_are_no_figures() -> None:
    assert DealBars().day(MIDNIGHT) is None


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 99), st.integers(1, 9)), min_size=1, max_size=80))
@settings(deadline=None)
def test_the_day_is_the_sum_of_its_minutes(deals: list[tuple[int, int, int]]) -> None:
    bars, second = DealBars(), MIDNIGHT
    for gap, price, contracts in deals:
        second += gap
        bars.add(second * 1000, float(price), contracts, float(price * contracts))
        day = bars.day(second)
        oldest = second - second % MINUTE - DAY + MINUTE
        inside = [bar for bar in finished(bars) if bar.start_s >= oldest]
        before = [bar.close for bar in finished(bars) if bar.start_s < oldest]
        assert day is not None
        assert day.contracts == sum(bar.contracts for bar in inside)
        assert math.isclose(day.amount, sum(bar.amount for bar in inside))
        assert (day.high, day.low) == (max(bar.high for bar in inside), min(bar.low for bar in inside))
        assert day.reference == (before[-1] if before else finished(bars)[0].open)


def test_a_day_without_deals_stands_at_the_last_price() -> None:
    bars = DealBars()
    bars.add(MIDNIGHT * 1000, 3.0, 4, 12.0)
    assert bars.day(MIDNIGHT + 2 * DAY) == (0, 0.0, 3.0, 3.0, 3.0)


def test_old_bars_are_dropped_and_the_day_goes_on() -> None:
    bars = DealBars()
    for minute in range(2 * BARS_KEPT):
        bars.add((MIDNIGHT + minute * MINUTE) * 1000, float(minute), 1, 1.0)
    assert BARS_KEPT <= len(bars.minutes.start) <= BARS_KEPT * 1.1
    day = bars.day(MIDNIGHT + (2 * BARS_KEPT - 1) * MINUTE)
    last = 2 * BARS_KEPT - 1
    assert day == (1440, 1440.0, float(last), float(last - 1439), float(last - 1440))


@pytest.mark.parametrize("interval", [name for name in SECONDS if name not in ("Week1", "Month1")])
def test_intervals_begin_at_multiples_of_their_length(interval: str) -> None:
    length = seconds_of(interval)
    assert start_of(interval, MIDNIGHT + 12_345) == (MIDNIGHT + 12_345) // length * length
    assert next_start(interval, MIDNIGHT) == MIDNIGHT + length


def test_weeks_begin_on_mondays_and_months_on_the_first() -> None:
    second = int(datetime(2026, 2, 18, 13, tzinfo=UTC).timestamp())
    assert datetime.fromtimestamp(start_of("Week1", second), UTC) == datetime(2026, 2, 16, tzinfo=UTC)
    assert datetime.fromtimestamp(start_of("Month1", second), UTC) == datetime(2026, 2, 1, tzinfo=UTC)
    march = next_start("Month1", start_of("Month1", second))
    assert datetime.fromtimestamp(march, UTC) == datetime(2026, 3, 1, tzinfo=UTC)


def test_an_unknown_interval_names_the_allowed_ones() -> None:
    with pytest.raises(UnknownInterval, match="found 'Min2', allowed are Min1, Min5"):
        seconds_of("Min2")


def test_longer_bars_are_made_of_shorter_ones() -> None:
    minutes = [Bar(MIDNIGHT + 60 * at, at + 1.0, at + 3.0, at + 0.5, at + 2.0, at, at * 2.0) for at in (0, 1, 4, 6)]
    five, after = gathered(minutes, "Min5")
    assert five[:7] == (MIDNIGHT, 1.0, 7.0, 0.5, 6.0, 5, 10.0)
    assert after[:7] == (MIDNIGHT + 300, *minutes[3][1:7])


def test_minutes_without_deals_are_flat_and_each_bar_knows_the_close_before() -> None:
    bars = [Bar(MIDNIGHT, 1.0, 2.0, 1.0, 2.0, 5, 5.0), Bar(MIDNIGHT + 180, 3.0, 3.0, 3.0, 3.0, 1, 1.0)]
    filled = without_holes(bars, "Min1", MIDNIGHT + 240)
    assert [bar.start_s - MIDNIGHT for bar in filled] == [0, 60, 120, 180, 240]
    assert filled[1] == (MIDNIGHT + 60, 2.0, 2.0, 2.0, 2.0, 0, 0.0, 2.0)
    assert [bar.previous_close for bar in filled] == [1.0, 2.0, 2.0, 2.0, 3.0]


def test_fair_price_is_the_median_of_rate_basis_and_last_price() -> None:
    anchors = AnchorPrices(np.array([100.0, 100.0]), [PriceGrid(0.01)] * 2, np.random.SeedSequence(1))
    for _ in range(600):
        anchors.renew(slice(None), np.array([100.0, 100.0]), np.array([100.0, 190.0]), np.array([0.0, 0.01]), 1.0)
    assert np.all(np.abs(anchors.index / 100.0 - 1.0) < 2e-3)
    assert abs(anchors.fair[0] / 100.0 - 1.0) < 2e-3
    # a last price far away is outvoted by index · (1 + rate) and index + basis
    assert anchors.fair[1] == pytest.approx(anchors.index[1] * 1.01, rel=1e-4)


def test_the_index_follows_the_middle_within_seconds() -> None:
    anchors = AnchorPrices(np.array([100.0]), [PriceGrid(0.01)], np.random.SeedSequence(1))
    anchors.renew(slice(None), np.array([130.0]), np.array([130.0]), np.array([0.0]), 1.0)
    after_one = anchors.index[0]
    for _ in range(20):
        anchors.renew(slice(None), np.array([130.0]), np.array([130.0]), np.array([0.0]), 1.0)
    assert 100.0 < after_one < 115.0
    assert anchors.index[0] == pytest.approx(130.0, rel=2e-3)


def test_index_and_fair_bars_have_no_holes() -> None:
    anchors = AnchorPrices(np.array([100.0, 50.0]), [PriceGrid(0.01)] * 2, np.random.SeedSequence(1))
    bars = AnchorBars(anchors, MIDNIGHT + 30)
    seen: list[float] = []
    for second in range(MIDNIGHT + 31, MIDNIGHT + 3_700):
        bars.turn(second)
        anchors.renew(slice(0, 1), np.array([100.0]), np.array([100.0]), np.array([0.0]), 1.0)
        bars.see(slice(0, 1))
        seen.append(float(anchors.index[0]))
    minutes = bars.minutes(INDEX, 0)
    assert [bar.start_s for bar in minutes] == list(range(MIDNIGHT, MIDNIGHT + 3_700, 60))
    second_minute = seen[29 : 29 + 60]
    assert (minutes[1].high, minutes[1].low) == (max(second_minute), min(second_minute))
    assert minutes[1].close == second_minute[-1]
    hours = bars.hours(INDEX, 0)
    assert [bar.start_s for bar in hours] == [MIDNIGHT, MIDNIGHT + 3_600]
    assert hours[0].high == max(bar.high for bar in minutes[:60])
    assert hours[0].close == minutes[59].close
    assert {bar.high for bar in bars.minutes(FAIR, 1)} == {50.0}
