"""Canonical ids, and what is said of texts that are none."""

from __future__ import annotations

import pytest

from operators.indicators.compile import compile_plan
from operators.indicators.errors import InvalidIndicator
from operators.indicators.ids import parse_indicator, problems
from operators.indicators.registry import ALIASES, CATALOGUE


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("TWPA", "TWPA(t1=300,t2=0)"),
        ("TWPA()", "TWPA(t1=300,t2=0)"),
        ("TWPA(t2=0, t1=300.0)", "TWPA(t1=300,t2=0)"),
        (" TWPA ( t1 = 2.5 ) ", "TWPA(t1=2.5,t2=0)"),
        ("VELOCITY", "PRICE_VELOCITY(t1=10,t3=60,d=30)"),
        ("VOLUME_SURGE(t3=900)", "VOLUME_SURGE_RATIO(t1=30,t2=0,t3=900,t4=30)"),
        ("VWAP(max_staleness=60,min_coverage=0.5)", "VWAP(t1=300,t2=0,min_coverage=0.5,max_staleness=60)"),
        ("VWAP(min_coverage=0.95,max_staleness=3600)", "VWAP(t1=300,t2=0)"),
        ("SPREAD_PCT", "SPREAD_PCT()"),
        ("UNREALIZED_PNL_PCT", "UNREALIZED_PNL_PCT()"),
    ],
)
def test_one_computation_has_one_id(text, canonical):
    assert parse_indicator(text).id == canonical
    assert parse_indicator(canonical).id == canonical
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "found", "allowed"),
    [
        ("TWPAA", "unknown kind TWPAA", "did you mean TWPA"),
        ("volume_surge", "unknown kind volume_surge", "VOLUME_SURGE"),
        ("zzz", "unknown kind zzz", "tapeflow indicators list"),
        ("TWPA(t1=60,t2=300)", "t1=60 with t2=300", "t1 > t2"),
        ("TWPA(t1=60,t2=60)", "t1=60 with t2=60", "t1 > t2"),
        ("TWPA(t1=-5)", "t1=-5", "t1 from 1 to 86400 s"),
        ("VWAP(t1=86401)", "t1=86401", "t1 from 0 to 86400 s"),
        ("TWPA(t1=nan)", "t1=nan", "t1 from 1 to 86400 s"),
        ("TWPA(t1=five)", "t1=five", "t1 from 1 to 86400 s"),
        ("TWPA(t9=1)", "unknown parameter t9", "t1, t2, min_coverage, max_staleness"),
        ("TWPA(min_coverag=1)", "unknown parameter min_coverag", "did you mean min_coverage?"),
        ("TWPA(t1=1,t1=2)", "t1 twice", "t1 once"),
        ("TWPA(300)", "'300'", "name=value"),
        ("TWPA(t1=300", "'TWPA(t1=300'", "KIND or KIND(name=value,…)"),
        ("", "''", "KIND or KIND(name=value,…)"),
        ("PUMP_MAGNITUDE_PCT(t1=40)", "t1=40, t3=60, d=30", "t3 − d >= t1"),
        ("PRICE_VELOCITY(d=0)", "d=0", "d > 0"),
        ("MOMENTUM_DECAY_PCT(lookback=0)", "lookback=0", "lookback > 0"),
        ("TWPA(min_coverage=1.5)", "min_coverage=1.5", "min_coverage from 0 to 1"),
        ("UNREALIZED_PNL_PCT(t1=1)", "unknown parameter t1", "no parameters"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(text, found, allowed):
    (problem,) = problems(text)
    assert found in problem.found
    assert allowed in problem.allowed
    with pytest.raises(InvalidIndicator) as error:
        parse_indicator(text)
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)


def test_all_problems_are_told_at_once():
    assert [problem.found for problem in problems("TWPA(t1=0,t2=-1,x=3)")] == ["unknown parameter x", "t1=0", "t2=-1"]


def test_an_engine_refuses_what_only_the_desk_knows():
    with pytest.raises(InvalidIndicator, match="the desk computes"):
        compile_plan(("UNREALIZED_PNL_PCT()",))


def test_aliases_are_no_names_of_kinds():
    assert not set(ALIASES) & set(CATALOGUE)


def test_what_is_shared_is_computed_once():
    alone = compile_plan(("PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)",))
    both = compile_plan(("PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", "PRICE_VELOCITY(t1=10,t3=60,d=30)"))
    assert both.rows == alone.rows + 1
    assert len(both.edges) == len(alone.edges)
