"""The deepest fall of equity from a peak, and how long it lasted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.statistics.drawdown import drawdown_pct, max_drawdown
from operators.statistics.returns import EquityCurve
from operators.tape import MICROSECONDS


def curve(*equity: float, end: int | None = None) -> EquityCurve:
    """One point per second."""
    ts = np.arange(len(equity), dtype=np.int64) * MICROSECONDS
    return EquityCurve(ts, np.array(equity, np.float64), end if end is not None else int(ts[-1]))


@pytest.mark.parametrize(
    ("equity", "depth"),
    [
        ((10_000, 12_000, 6_000), 50.0),
        ((10_000, 11_000, 10_500, 9_900, 10_200), 10.0),
        ((10_000, 10_000, 10_100, 10_200), 0.0),
    ],
)
def test_golden_depths(equity: tuple[float, ...], depth: float) -> None:
    found = max_drawdown(curve(*equity))
    assert found is not None
    assert found.depth_pct == pytest.approx(depth, abs=1e-12)


def test_it_lasts_from_the_last_moment_at_the_peak_to_the_recovery() -> None:
    found = max_drawdown(curve(100, 110, 110, 90, 95, 110, 120))
    assert found is not None
    assert (found.peak_at, found.trough_at, found.recovered_at) == (2_000_000, 3_000_000, 5_000_000)
    assert found.seconds == 3.0


def test_without_recovery_it_lasts_to_the_end_of_the_tape() -> None:
    found = max_drawdown(curve(100, 110, 90, 95, end=60_000_000))
    assert found is not None
    assert found.recovered_at is None
    assert found.seconds == 59.0


def test_one_point_has_no_drawdown() -> None:
    assert max_drawdown(curve(100)) is None


def test_debt_is_a_fall_of_more_than_everything() -> None:
    found = max_drawdown(curve(100, -10))
    assert found is not None
    assert found.depth_pct == pytest.approx(110.0)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=50))
def test_it_equals_the_largest_fall_over_all_pairs(equity: list[float]) -> None:
    found = max_drawdown(curve(*equity))
    slow = max((a - b) / a * 100 for i, a in enumerate(equity) for b in equity[i:])
    assert found is not None
    assert found.depth_pct == pytest.approx(max(slow, 0.0))
    assert np.max(drawdown_pct(np.array(equity))) == found.depth_pct
