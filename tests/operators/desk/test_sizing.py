"""Sizes: base, scaling, clamp, whole steps."""

from __future__ import annotations

import pytest

from operators.desk.sizing import Refusal, base_notional, clamped
from operators.strategy.entry import Size


def test_modes():
    assert base_notional(Size(mode="quote", value=250.0), 9_000.0, None, 0.0008) == 250.0
    assert base_notional(Size(mode="percent_of_equity", value=1.5), 9_000.0, None, 0.0008) == 135.0
    # 1 % of 9000 lost at a stop of 5 % plus twice the fee of 0.08 %
    assert base_notional(Size(mode="risk_percent", value=1.0), 9_000.0, 5.0, 0.0008) == pytest.approx(90 / 0.0516)


@pytest.mark.parametrize(("stop", "fee"), [(None, 0.0008), (5.0, None), (float("nan"), 0.0008)])
def test_a_loss_at_the_stop_that_is_not_known_is_refused(stop, fee):
    assert isinstance(base_notional(Size(mode="risk_percent", value=1.0), 9_000.0, stop, fee), Refusal)


def test_no_equity_is_refused():
    assert isinstance(base_notional(Size(mode="percent_of_equity", value=1.0), -5.0, None, 0.0), Refusal)


def test_clamp():
    size = Size(mode="quote", value=1.0, min_quote=15.0, max_quote=250.0)
    assert clamped(size, 300.0) == 250.0
    assert clamped(size, 15.0) == 15.0
    refusal = clamped(size, 14.99)
    assert isinstance(refusal, Refusal)
    assert (refusal.rule, refusal.found, refusal.allowed) == ("min_quote", 14.99, 15.0)


def sized(bench, level, **size):
    """Filled quantity at price 30 with contracts of 0.1 base coins."""
    specification = bench.Specification(0.1, 0.01, 1.0, 1.0)
    scaling = {"indicator": "MAX_PRICE(t1=60,t2=0)", "points": [[1.0, 1.0], [3.0, 0.5]]}
    entry = {"when": bench.when("z1"), "size": {"mode": "quote", "value": 1000, "risk_scaling": scaling, **size}}
    tape = bench.Tape().contract(specification=specification).trade(1, 30).trade(2, 30, s1=1)
    tape.trade(3, 30, z1=1, level=level).trade(4, 30, z1=0)
    return bench.run(tape, bench.strategy(z1_entry=entry))


@pytest.mark.parametrize(("level", "quantity"), [(0.0, 33.3), (2.0, 25.0), (9.0, 16.6), (None, 16.6)])
def test_risk_scaling_and_whole_contracts_rounded_down(bench, level, quantity):
    assert sized(bench, level).of("orders")[0].quantity == quantity


def test_scaling_comes_before_the_clamp(bench):
    assert sized(bench, 9.0, max_quote=600).of("orders")[0].quantity == 16.6
    assert sized(bench, 9.0, min_quote=600).triggers[-1] == "refused:min_quote"
