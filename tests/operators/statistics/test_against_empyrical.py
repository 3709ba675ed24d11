"""The same numbers from an independent library (empyrical-reloaded) on the same series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.statistics.drawdown import max_drawdown
from operators.statistics.ratios import calmar, sharpe, sortino
from operators.statistics.returns import DAY, EquityCurve, cagr_pct, period_returns

empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")


@settings(deadline=None)
@given(st.lists(st.integers(-1_000, 1_000), min_size=30, max_size=90))
def test_a_daily_session_agrees(basis_points: list[int]) -> None:
    daily = np.array(basis_points) / 10_000
    equity = np.concatenate(([10_000.0], 10_000 * np.cumprod(1 + daily)))
    curve = EquityCurve(np.arange(len(equity), dtype=np.int64) * DAY, equity, len(daily) * DAY)
    sampled, growth, found = period_returns(curve), cagr_pct(curve), max_drawdown(curve)
    assert growth is not None
    assert found is not None
    assert growth / 100 == pytest.approx(empyrical.cagr(daily, annualization=365), rel=1e-9, abs=1e-12)
    assert -found.depth_pct / 100 == pytest.approx(empyrical.max_drawdown(daily), abs=1e-12)
    ratios = (
        (sharpe(sampled.returns, 365), empyrical.sharpe_ratio),
        (sortino(sampled.returns, 365), empyrical.sortino_ratio),
        (calmar(growth, found.depth_pct), empyrical.calmar_ratio),
    )
    for ours, theirs in ratios:
        if ours is not None:
            assert ours == pytest.approx(theirs(daily, annualization=365), rel=1e-9, abs=1e-12)


def test_the_golden_series_agrees() -> None:
    daily = np.array([10_100 / 10_000, 10_050 / 10_100, 10_150 / 10_050]) - 1
    assert empyrical.sharpe_ratio(daily, annualization=365) == pytest.approx(11.0850, abs=5e-5)
    assert empyrical.sortino_ratio(daily, annualization=365) == pytest.approx(33.4211, abs=5e-5)
    assert sharpe(daily, 365) == pytest.approx(empyrical.sharpe_ratio(daily, annualization=365))
    assert sortino(daily, 365) == pytest.approx(empyrical.sortino_ratio(daily, annualization=365))
