"""Equity is sampled per UTC day, per hour for sessions under ten days."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.statistics.returns import (
    DAY,
    HOUR,
    EquityCurve,
    cagr_pct,
    equity_curve,
    period_edges,
    period_returns,
    total_return_pct,
)

MIDNIGHT = 20_000 * DAY


def curve(points: list[tuple[int, float]], initial: float, tape_to: int, tape_from: int = MIDNIGHT) -> EquityCurve:
    ts = np.array([MIDNIGHT + at for at, _ in points], np.int64)
    return equity_curve(
        ts, np.array([value for _, value in points], np.float64), initial, tape_from, MIDNIGHT + tape_to
    )


def test_a_session_of_ten_days_is_sampled_per_utc_day() -> None:
    samples = [(day * DAY, 10_000.0 + day) for day in range(1, 11)]
    sampled = period_returns(curve(samples, 10_000, 10 * DAY))
    assert (sampled.basis, sampled.periods_per_year, len(sampled.returns)) == ("day", 365, 10)
    assert sampled.returns[0] == 10_001 / 10_000 - 1


def test_a_shorter_session_is_sampled_per_hour() -> None:
    samples = [(hour * HOUR, 10_000.0 + hour) for hour in range(1, 25)]
    sampled = period_returns(curve(samples, 10_000, DAY))
    assert (sampled.basis, sampled.periods_per_year, len(sampled.returns)) == ("hour", 8760, 24)


def test_equity_at_an_edge_is_the_newest_sample_not_later_than_it() -> None:
    samples = [(HOUR - 1, 101.0), (HOUR, 102.0), (HOUR + 1, 103.0), (2 * HOUR, 104.0)]
    sampled = period_returns(curve(samples, 100.0, 2 * HOUR))
    assert sampled.returns.tolist() == [102 / 100 - 1, 104 / 102 - 1]


def test_the_newest_of_several_samples_at_one_instant_counts() -> None:
    assert curve([(5, 101.0), (5, 102.0)], 100.0, 10).equity.tolist() == [100.0, 102.0]


def test_a_stretch_shorter_than_half_a_period_counts_with_its_neighbour() -> None:
    edges = period_edges(int(0.75 * HOUR), int(2.25 * HOUR), HOUR)
    assert (edges / HOUR).tolist() == [0.75, 2.25]
    assert (period_edges(int(0.5 * HOUR), int(2.5 * HOUR), HOUR) / HOUR).tolist() == [0.5, 1, 2, 2.5]


def test_a_minute_over_a_full_hour_is_one_return() -> None:
    sampled = period_returns(curve([(1_000, 101.0)], 100.0, 30_000_000, tape_from=MIDNIGHT - 30_000_000))
    assert len(sampled.returns) == 1


@settings(deadline=None)
@given(
    start=st.integers(0, 3 * DAY),
    length=st.integers(1, 40 * DAY),
    steps=st.lists(st.tuples(st.integers(1, 40 * DAY), st.floats(0.5, 2.0)), max_size=30),
)
def test_returns_compound_to_the_total_return(start: int, length: int, steps: list[tuple[int, float]]) -> None:
    inside = sorted({start + after: value * 1_000 for after, value in steps if after <= length}.items())
    found = equity_curve(
        np.array([ts for ts, _ in inside], np.int64), np.array([v for _, v in inside]), 1_000.0, start, start + length
    )
    total = total_return_pct(found)
    if total is None:
        assert not inside
    else:
        assert np.prod(1 + period_returns(found).returns) == pytest.approx(1 + total / 100)


def test_growth_is_annualised_from_thirty_days_on() -> None:
    assert cagr_pct(curve([(30 * DAY - 1, 11_000.0)], 10_000, 30 * DAY - 1)) is None
    assert cagr_pct(curve([(DAY, 11_000.0)], 10_000, 30 * DAY)) == pytest.approx((1.1 ** (365 / 30) - 1) * 100)
    assert cagr_pct(curve([(DAY, 11_000.0)], 10_000, 365 * DAY)) == pytest.approx(10.0)


def test_losing_everything_is_minus_a_hundred_percent_and_debt_has_no_rate() -> None:
    assert cagr_pct(curve([(DAY, 0.0)], 10_000, 365 * DAY)) == -100.0
    assert cagr_pct(curve([(DAY, -5.0)], 10_000, 365 * DAY)) is None
    assert len(period_returns(curve([(DAY, 0.0)], 10_000, 11 * DAY)).returns) == 0


def test_without_a_sample_nothing_is_known() -> None:
    nothing = curve([], 10_000, DAY)
    assert total_return_pct(nothing) is None
    assert len(period_returns(nothing).returns) == 0
