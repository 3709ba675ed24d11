"""Sharpe, Sortino and Calmar: golden numbers, and the formulas written out slowly."""

import math
import statistics as standard

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.statistics.ratios import calmar, sharpe, sortino

GOLDEN = np.array([10_000.0, 10_100.0, 10_050.0, 10_150.0])
RETURNS = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60)


def returns(equity: np.ndarray) -> np.ndarray:
    return equity[1:] / equity[:-1] - 1


def test_golden_sharpe_and_sortino() -> None:
    assert sharpe(returns(GOLDEN), 365) == pytest.approx(11.0850, abs=5e-5)
    assert sortino(returns(GOLDEN), 365) == pytest.approx(33.4211, abs=5e-5)


def test_under_two_samples_there_is_none() -> None:
    for few in (np.zeros(0), np.array([0.01])):
        assert sharpe(few, 365) is None
        assert sortino(few, 365) is None


def test_returns_that_do_not_vary_have_no_sharpe() -> None:
    assert sharpe(np.zeros(5), 365) is None
    assert sharpe(np.full(7, 0.1), 365) is None


def test_without_a_loss_there_is_no_sortino() -> None:
    assert sortino(np.array([0.01, 0.02]), 365) is None


def test_calmar_needs_growth_and_a_drawdown() -> None:
    assert calmar(20.0, 10.0) == 2.0
    assert calmar(None, 10.0) is None
    assert calmar(20.0, 0.0) is None
    assert calmar(20.0, None) is None


@settings(deadline=None)
@given(RETURNS)
def test_the_formulas_written_out_slowly(values: list[float]) -> None:
    found = sharpe(np.array(values), 8760)
    deviation = standard.stdev(values)
    if found is not None:
        assert found == pytest.approx(standard.fmean(values) / deviation * math.sqrt(8760), rel=1e-6)
    else:
        assert deviation < 1e-10
    downside = math.sqrt(sum(min(value, 0.0) ** 2 for value in values) / len(values))
    if downside > 0:
        assert sortino(np.array(values), 8760) == pytest.approx(
            standard.fmean(values) / downside * math.sqrt(8760), rel=1e-9, abs=1e-12
        )
