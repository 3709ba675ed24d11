"""The formula of PUMP_PROBABILITY, with made-up coefficients: there are no fitted ones."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from operators.indicators.compile import compile_plan
from operators.indicators.composite.pump_coefficients import PumpCoefficients
from operators.indicators.composite.pump_probability import PUMP_PROBABILITY
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.kind import Kind
from tests.reference.batches import SECOND, batches
from tests.reference.composite import pump_probability_of
from tests.reference.tape import GRID_SEQ, Event, Tape, Trade, View

MADE_UP = PumpCoefficients(
    version=1,
    fitted_from=0,
    fitted_to=1,
    intercept=-3.0,
    magnitude_pct=0.4,
    volume_surge=0.3,
    velocity=2.0,
    frequency_surge=0.2,
    order_flow_imbalance=1.5,
)
KEY = parse_indicator("PUMP_PROBABILITY(t1=5,t3=20,d=10,volume_t1=5,volume_t3=30)")


def values_with(monkeypatch: pytest.MonkeyPatch, fitted: PumpCoefficients, tape: Tape, end: int) -> np.ndarray:
    """What the engine would give if these were the fitted coefficients."""

    monkeypatch.setattr("operators.indicators.composite.pump_probability.COEFFICIENTS", fitted)
    compile_plan.cache_clear()
    (whole,) = batches(tape, 0, end)
    found = IndicatorEngine([KEY.id]).on_batch(whole).values[0]
    compile_plan.cache_clear()
    return found


def pump() -> Tape:
    """Calm for half a minute, then twice as many trades, larger and mostly bought, of a rising price."""
    calm = [(t * SECOND, 1.0 + 0.001 * (t % 3), 1.0, 1 - 2 * (t % 2)) for t in range(1, 30)]
    rise = [(30 * SECOND + t * SECOND // 2, 1.0 + 0.01 * t, 3.0, 1 if t % 4 else -1) for t in range(1, 20)]
    trades = [Trade(ts, seq, price, qty, side) for seq, (ts, price, qty, side) in enumerate(calm + rise, start=1)]
    return Tape(trades, [], [Event(1, 0, "observed_on", "trades")])


def test_it_is_the_logistic_score_of_five_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    tape, end = pump(), 40 * SECOND
    found = values_with(monkeypatch, MADE_UP, tape, end)
    weights = {name: float(weight) for name, weight in asdict(MADE_UP).items()}
    expected = pump_probability_of(View(tape, end, GRID_SEQ, 2**20), dict(KEY.parameters), weights).value
    assert found[-1] == pytest.approx(expected, rel=1e-9)
    assert 0.5 < found[-1] < 1.0


@pytest.mark.parametrize(
    ("coefficient", "value"),
    [("intercept", -3.5), ("magnitude_pct", 0.1), ("volume_surge", 0.1), ("velocity", 0.5), ("frequency_surge", 0.0),
     ("order_flow_imbalance", 0.5)],
)  # fmt: skip
def test_each_of_them_counts(monkeypatch: pytest.MonkeyPatch, coefficient: str, value: float) -> None:
    changed = PumpCoefficients(**{**asdict(MADE_UP), coefficient: value})
    assert (
        values_with(monkeypatch, changed, pump(), 40 * SECOND)[-1]
        < values_with(monkeypatch, MADE_UP, pump(), 40 * SECOND)[-1]
    )


def test_without_coefficients_it_has_no_value_and_says_so() -> None:
    kind: Kind = PUMP_PROBABILITY
    assert kind.unavailable == "no coefficients"
    (whole,) = batches(pump(), 0, 40 * SECOND)
    assert all(math.isnan(value) for value in IndicatorEngine([KEY.id]).on_batch(whole).values[0])
