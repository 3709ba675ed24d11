"""The smallest single change of a threshold, against a search that tries them all."""

import math
from dataclasses import replace
from math import inf, nextafter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from operators.strategy.comparison import accepted
from operators.strategy.kernels import ASK_THE_VALUE, NOT_HELD, condition_verdicts
from operators.strategy.single_change import SectionRows, single_changes
from operators.strategy.verdict import TRUE
from operators.tape import MICROSECONDS

NAMES = ("TWPA", "VWAP", "SPREAD_PCT")


def verdicts_of(conditions, ts, values):
    ranges = [accepted(one.op, one.low, one.high) for one in conditions]
    verdicts = np.empty(values.shape, np.int8)
    condition_verdicts(
        values,
        ts,
        np.arange(len(conditions)),
        np.array([one.lowest for one in ranges]),
        np.array([one.highest for one in ranges]),
        np.array([one.inside for one in ranges]),
        np.array([one.for_us for one in conditions]),
        np.full(len(conditions), ASK_THE_VALUE, np.int8),
        np.full(len(conditions), NOT_HELD),
        verdicts,
    )
    return verdicts


@pytest.fixture(scope="module")
def rows_of(strategy_of):
    """S1 with these conditions, each condition's values being those written in `values[condition]`."""

    def make(when, seconds, values, looked=None):
        strategy = strategy_of({"s1_signal": when})
        conditions = tuple(one for one in strategy.conditions if one.section == "s1_signal")
        ts = np.array([round(second * MICROSECONDS) for second in seconds], np.int64)
        table = np.array(values, np.float64).reshape(len(conditions), len(ts))
        seen = np.ones(len(ts), np.bool_) if looked is None else np.array(looked, np.bool_)
        given_ = np.full(len(conditions), ASK_THE_VALUE, np.int8)
        verdicts = verdicts_of(conditions, ts, table)
        return SectionRows(strategy.trees["s1_signal"], conditions, ts, table, verdicts, given_, seen)

    return make


def test_of_two_conditions_the_one_that_was_missing(rows_of):
    when = {"all": [{"indicator": "TWPA", "op": ">=", "value": 9}, {"indicator": "VWAP", "op": ">=", "value": 3}]}
    (change,) = single_changes(rows_of(when, [1, 2, 3], [[8, 8.5, 9.5], [3, 3.5, math.nan]]))
    assert (change.condition.indicator_id, change.low, change.at) == ("TWPA(t1=300,t2=0)", 8.5, 2_000_000)


def test_no_single_change_where_two_are_missing(rows_of):
    when = {"all": [{"indicator": name, "op": ">=", "value": 9} for name in NAMES]}
    assert single_changes(rows_of(when, [1], [[9], [1], [1]])) == []


def test_a_hold_needs_a_threshold_that_all_its_values_meet(rows_of):
    when = {"indicator": "TWPA", "op": ">", "value": 9, "for_seconds": 2}
    (change,) = single_changes(rows_of(when, [1, 2, 3, 4], [[8, 7, 8.5, 8.9]]))
    assert change.low == nextafter(7, -inf)
    assert change.at == 3_000_000


def test_a_section_that_fired_needs_no_change(rows_of):
    assert single_changes(rows_of({"indicator": "TWPA", "op": ">", "value": 9}, [1], [[10]])) == []


def test_only_instants_at_which_it_was_looked_at_count(rows_of):
    when = {"indicator": "TWPA", "op": ">=", "value": 9}
    (change,) = single_changes(rows_of(when, [1, 2, 3], [[10, 5, 4]], [False, True, True]))
    assert change.low == 5


NUMBERS = st.integers(0, 6).map(float)


def leaves():
    single = st.builds(
        lambda name, op, value, hold: {"indicator": name, "op": op, "value": value, "for_seconds": hold},
        st.sampled_from(NAMES),
        st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
        NUMBERS,
        st.sampled_from([0, 0, 1, 2]),
    )
    ranged = st.builds(
        lambda name, op, ends, hold: {"indicator": name, "op": op, "value": sorted(ends), "for_seconds": hold},
        st.sampled_from(NAMES),
        st.sampled_from(["between", "outside"]),
        st.lists(NUMBERS, min_size=2, max_size=2),
        st.sampled_from([0, 0, 1, 2]),
    )
    return single | ranged


TREES = st.recursive(
    leaves(),
    lambda inner: (
        st.builds(lambda nodes: {"all": nodes}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda nodes: {"any": nodes}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda node: {"not": node}, inner)
    ),
    max_leaves=4,
)


def tried(rows, place):
    """The smallest distance of a threshold that makes the section TRUE, all thresholds that can matter tried."""
    condition = rows.conditions[place]
    numbers = {*rows.values[place][~np.isnan(rows.values[place])].tolist(), condition.low, condition.high}
    levels = {level for v in numbers for level in (v, nextafter(v, inf), nextafter(v, -inf))}
    if condition.op in ("between", "outside"):
        thresholds = [(level, condition.high) for level in levels if level <= condition.high]
        thresholds += [(condition.low, level) for level in levels if level >= condition.low]
    else:
        thresholds = [(level, level) for level in levels]
    best = math.inf
    for low, high in thresholds:
        conditions = list(rows.conditions)
        conditions[place] = replace(condition, low=low, high=high)
        section = rows.section(verdicts_of(conditions, rows.ts, rows.values))
        if np.any(rows.looked & (section == TRUE)):
            best = min(best, max(abs(low - condition.low), abs(high - condition.high)))
    return best


@settings(max_examples=300, deadline=None)
@given(when=TREES, data=st.data())
def test_no_threshold_that_was_tried_is_nearer(rows_of, when, data):
    count = data.draw(st.integers(1, 8), "instants")
    gaps = data.draw(st.lists(st.sampled_from([0, 0.5, 1, 2]), min_size=count, max_size=count), "gaps")
    number_of_conditions = str(when).count("'indicator'")
    row = st.lists(NUMBERS | st.just(math.nan), min_size=count, max_size=count)
    values = data.draw(st.lists(row, min_size=number_of_conditions, max_size=number_of_conditions), "values")
    looked = data.draw(st.lists(st.booleans(), min_size=count, max_size=count), "looked")
    rows = rows_of(when, np.cumsum(gaps) + 1, values, looked)
    assume(not np.any(rows.looked & (rows.section(rows.verdicts) == TRUE)))
    found = {change.condition.index - rows.conditions[0].index: change for change in single_changes(rows)}
    for place in range(len(rows.conditions)):
        expected = tried(rows, place)
        assert (found[place].distance if place in found else math.inf) == expected
