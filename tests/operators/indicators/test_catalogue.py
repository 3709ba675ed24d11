"""What every kind of the catalogue keeps to, and every parameter of it."""

from __future__ import annotations

import math
import sys
from typing import get_args

import pytest

from operators.indicators.engine import longest_window_us
from operators.indicators.ids import parse_indicator, problems
from operators.indicators.kind import Category, Chart, Kind
from operators.indicators.parameters import Choice, Number, Parameter, VelocityWindows
from operators.indicators.registry import ALIASES, CATALOGUE
from operators.tape import MICROSECONDS
from tests.reference.small import MARKET_KINDS, small

every_kind = pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.name)


def of_type(wanted: type) -> pytest.MarkDecorator:
    """Every parameter of one type, with its kind."""
    found = [(kind, each) for kind in CATALOGUE.values() for each in kind.all_parameters if isinstance(each, wanted)]
    names = [f"{kind.name}-{parameter.name}" for kind, parameter in found]
    return pytest.mark.parametrize(("kind", "parameter"), found, ids=names)


@every_kind
def test_a_kind_is_documented(kind: Kind) -> None:
    assert kind.formula
    assert kind.unit
    assert kind.category in get_args(Category)
    assert kind.chart in get_args(Chart)
    assert kind.inputs <= {"trades", "books", "position"}
    assert kind.inputs
    assert kind.on_position == ("position" in kind.inputs) == (kind.category == "position")
    for parameter in kind.all_parameters:
        assert parameter.meaning
        assert parameter.range
        assert parameter.type


@every_kind
def test_its_name_alone_means_its_defaults(kind: Kind) -> None:
    key = parse_indicator(kind.name)
    assert dict(key.parameters) == kind.defaults
    assert parse_indicator(key.id) == key
    for alias in kind.aliases:
        assert ALIASES[alias] == kind.name
        assert parse_indicator(alias) == key


@pytest.mark.parametrize("name", MARKET_KINDS)
@pytest.mark.parametrize("settings", ["", "min_coverage=0.5,max_staleness=7.25"])
def test_an_id_is_the_text_that_it_is_read_from(name: str, settings: str) -> None:
    for parameters in small(name):
        canonical = parse_indicator(f"{name}({','.join(filter(None, (parameters, settings)))})").id
        assert parse_indicator(canonical).id == canonical
        assert parse_indicator(canonical.replace("=", " = ").replace(",", " , ")).id == canonical
        assert ".0," not in canonical
        assert canonical.endswith(f"{settings})")


@every_kind
def test_its_warm_up_is_the_tape_that_its_plan_reads(kind: Kind) -> None:
    if kind.on_position or kind.unavailable:
        assert kind.warm_up_seconds() == 0.0
        return
    read = longest_window_us([parse_indicator(kind.name).id])
    assert kind.warm_up_seconds() == read / MICROSECONDS
    lengths = [each.default for each in kind.parameters if isinstance(each, Number) and each.unit == "s"]
    assert kind.warm_up_seconds() >= max(lengths, default=0.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("TWPA(t1=300,t2=60)", 300),
        ("PRICE_ACCELERATION", 60 + 10),
        ("VELOCITY_CASCADE", 80),
        ("VELOCITY_STABILIZATION_INDEX", 40 + 2 * 5),
        ("MOMENTUM_REVERSAL_INDEX", 300 + 40),
        ("DUMP_EXHAUSTION_SCORE", 600),
        ("SMA(period=14,bar=60)", 16 * 60),
        ("RSI(period=14,bar=60)", 17 * 60),
        ("VOLATILITY_PCT(t1=300,bar=1)", 302),
        ("SPREAD_PCT", 0),
    ],
)
def test_warm_ups(text: str, seconds: int) -> None:
    """Bars need, beside those that are counted, the one that goes on and the one before the first."""
    assert longest_window_us([parse_indicator(text).id]) == seconds * MICROSECONDS


# --- parameters -------------------------------------------------------------------------------------------------------


def refused(kind: Kind, parameter: Parameter, text: str) -> str:
    """What is said to be allowed in place of a text that must be refused."""
    told = [
        each for each in problems(f"{kind.name}({parameter.name}={text})") if each.found == f"{parameter.name}={text}"
    ]
    assert len(told) == 1, f"{kind.name}({parameter.name}={text}) is taken"
    return told[0].allowed


def read(parameter: Number, value: float) -> object:
    return parameter.read(repr(value))


@of_type(Number)
def test_a_number_is_taken_within_its_range_and_nowhere_else(kind: Kind, parameter: Number) -> None:
    assert parameter.minimum <= parameter.default <= parameter.maximum
    assert read(parameter, parameter.minimum) == parameter.minimum
    assert read(parameter, parameter.maximum) == parameter.maximum
    beyond = [math.nextafter(parameter.minimum, -math.inf), math.nextafter(parameter.maximum, math.inf)]
    for outside in (*beyond, math.inf, -math.inf, math.nan):
        assert parameter.range in refused(kind, parameter, repr(outside))


@of_type(Number)
def test_what_is_no_number_is_refused(kind: Kind, parameter: Number) -> None:
    for text in ("five", "1 2", "0x10", "1/2", "--1"):
        assert parameter.range in refused(kind, parameter, text)


@of_type(Number)
def test_a_whole_number_is_whole(kind: Kind, parameter: Number) -> None:
    if parameter.whole:
        assert float(parameter.default).is_integer()
        assert "whole number" in refused(kind, parameter, repr(parameter.minimum + 0.5))
    elif parameter.maximum < sys.float_info.max:
        between = (parameter.minimum + parameter.maximum) / 2 + 1 / 16
        assert read(parameter, between) == between


@of_type(Choice)
def test_a_word_is_one_of_those_that_there_are(kind: Kind, parameter: Choice) -> None:
    assert parameter.default in parameter.options
    for word in parameter.options:
        assert parse_indicator(f"{kind.name}({parameter.name}={word})").values.text(parameter.name) == word
    for wrong in ("sideways", parameter.default.upper(), "0"):
        assert all(word in refused(kind, parameter, wrong) for word in parameter.options)


@of_type(VelocityWindows)
def test_a_list_of_velocities(kind: Kind, parameter: VelocityWindows) -> None:
    assert parameter.read(parameter.default) == parameter.default
    longest = "1/4/1;2/8/2;3/12/3;4/16/4;5/20/5;6/24/6;7/28/7;8/32/8"
    for text in (longest, "1/2/1;0.5/4/2.5", "20/86400/5;10/86400/1"):
        assert parameter.read(text) == text
    for wrong in (
        "5/15/5",  # one
        f"{longest};9/36/9",  # nine
        "10/40/10;5/15/5",  # the longest first
        "5/15/5;5/15/5",  # no longer than the one before
        "5/15/5;10/40",  # no d
        "5/15/5;10/40/10/1",
        "5/15/5;10/40/10;",
        "5/9/5;10/40/10",  # the baseline begins within the current window
        "0/15/5;10/40/10",
        "5/15/0;10/40/10",
        "5/15/5;10/86401/10",
        "5/15/5;10/nan/10",
        "5/15/5;10/inf/10",
        "5/15/5;ten/40/10",
    ):
        assert f"{parameter.least} to {parameter.most}" in refused(kind, parameter, wrong)


@pytest.mark.parametrize(
    ("text", "found", "allowed"),
    [
        ("TWPA_RATIO(t3=300)", "t3=300 with t4=300", "t3 > t4"),
        ("PRICE_ACCELERATION(lag=0)", "lag=0", "lag > 0"),
        ("PRICE_ACCELERATION(t1=31)", "t1=31, t3=60, d=30", "t3 − d >= t1"),
        ("VELOCITY_STABILIZATION_INDEX(d=31)", "t1=10, t3=40, d=31", "t3 − d >= t1"),
        ("MOMENTUM_REVERSAL_INDEX(lookback=0)", "lookback=0", "lookback > 0"),
        ("SUPPORT_LEVEL_PROXIMITY_PCT(t_support_start=600)", "t_support_start=600 with t_support_end=600",
         "t_support_start > t_support_end"),
        ("VOLATILITY_PCT(t1=100,bar=60)", "t1=100 with bar=60", "t1 >= 2 · bar"),
        ("LIQUIDITY_DRAIN_PCT(t1=0)", "t1=0", "t1 > t2"),
        ("INTER_TRADE_ACCELERATION(t3=20)", "t3=20 with t4=30", "t3 > t4"),
        ("DUMP_EXHAUSTION_SCORE(volume_t3=30)", "volume_t3=30 with volume_t1=30", "volume_t3 > volume_t1"),
        ("DUMP_EXHAUSTION_SCORE(velocity_t1=31)", "velocity_t1=31, velocity_t3=40, velocity_d=10",
         "velocity_t3 − velocity_d >= velocity_t1"),
        ("DUMP_EXHAUSTION_SCORE(peak_lookback=0)", "peak_lookback=0", "peak_lookback > 0"),
        ("PUMP_PROBABILITY(volume_t1=0)", "volume_t1=0", "volume_t1 > 0"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_go_together(text: str, found: str, allowed: str) -> None:
    (told,) = problems(text)
    assert told.found.startswith(found)
    assert allowed in told.allowed
