"""The example pump: every kind has values on it, and each example condition holds there for a while, not always."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from dataflows.indicator_pages.example_conditions import EXAMPLES
from dataflows.indicator_pages.example_position import ENTRY_SECONDS, EXIT_SECONDS
from dataflows.indicator_pages.example_pump import AFTER_SECONDS, BEFORE_SECONDS, STEP_SECONDS, curves
from operators.indicators.registry import CATALOGUE

COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
SHOWN = [kind for kind in CATALOGUE.values() if kind.unavailable is None]


@pytest.fixture(scope="module")
def all_curves():
    return curves(list(CATALOGUE.values()))


def test_a_curve_has_a_point_every_step(all_curves):
    seconds = np.arange(-BEFORE_SECONDS, AFTER_SECONDS + 1, STEP_SECONDS)
    for curve in all_curves.values():
        np.testing.assert_array_equal(curve.seconds, seconds)


def test_unavailable_kinds_have_no_curve(all_curves):
    assert set(all_curves) == {kind.name for kind in SHOWN}


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.name)
def test_its_condition_holds_for_a_while_and_not_always(kind, all_curves):
    values = all_curves[kind.name].values
    known = values[~np.isnan(values)]
    assert len(known) == len(values) or kind.on_position
    holds = COMPARE[EXAMPLES[kind.name].op](known, EXAMPLES[kind.name].value)
    assert 0 < np.count_nonzero(holds) < len(known)


def test_a_kind_has_the_same_curve_alone_as_with_others(all_curves):
    for name in ("PUMP_MAGNITUDE_PCT", "UNREALIZED_PNL_PCT"):
        alone = curves([CATALOGUE[name]])[name]
        np.testing.assert_array_equal(alone.values, all_curves[name].values)
        assert alone.marks == all_curves[name].marks


def test_the_position_is_marked_and_has_values_from_entry_to_exit(all_curves):
    curve = all_curves["RETRACEMENT_FROM_PEAK_PCT"]
    assert [name for _, name in curve.marks] == ["signal", "entry", "peak", "exit"]
    known = curve.seconds[~np.isnan(curve.values)]
    assert (known[0], known[-1]) == (ENTRY_SECONDS, EXIT_SECONDS)
    [peak] = [second for second, name in curve.marks if name == "peak"]
    nearest = int(np.argmin(np.abs(curve.seconds - peak)))
    assert curve.values[nearest] < 1.0
    assert np.nanmin(curve.values) >= 0.0


def test_the_profit_is_that_of_the_price_since_the_entry_less_the_fee(all_curves):
    curve = all_curves["UNREALIZED_PNL_PCT"]
    entry = curve.price[curve.seconds == ENTRY_SECONDS][0]
    exit_ = curve.seconds == EXIT_SECONDS
    assert curve.values[exit_][0] == pytest.approx(100 * (curve.price[exit_][0] / entry - 1) - 0.08)
