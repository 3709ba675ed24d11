"""How near a section came: nearest values, time by verdict, and how many conditions were true at once."""

import math

import numpy as np
import pytest

from operators.strategy.approach import distance, section_approach
from operators.strategy.kernels import ASK_THE_VALUE
from operators.strategy.single_change import SectionRows
from operators.strategy.verdict import FALSE, PENDING, TRUE

NO_VALUE = math.nan


@pytest.fixture
def approach(strategy_of):
    """S1: TWPA >= 9 and VWAP >= 3, at the seconds 1 to 4, until second 6."""

    def run(values, verdicts, looked=(True, True, True, True), given=ASK_THE_VALUE):
        when = {"all": [{"indicator": "TWPA", "op": ">=", "value": 9}, {"indicator": "VWAP", "op": ">=", "value": 3}]}
        strategy = strategy_of({"s1_signal": when})
        rows = SectionRows(
            strategy.trees["s1_signal"],
            strategy.conditions[:2],
            np.array([1, 2, 3, 4]) * 1_000_000,
            np.array(values, np.float64),
            np.array(verdicts, np.int8),
            np.array([ASK_THE_VALUE, given], np.int8),
            np.array(looked),
        )
        return section_approach("s1_signal", rows, 6_000_000)

    return run


VALUES = [[8, 8.5, 7, 9], [NO_VALUE, 4, NO_VALUE, 2]]
VERDICTS = [[FALSE, FALSE, FALSE, TRUE], [PENDING, TRUE, PENDING, FALSE]]


def test_nearest_values_and_the_time_of_each_verdict(approach):
    found = approach(VALUES, VERDICTS)
    pump, surge = found.conditions
    assert (pump.best_value, pump.best_at) == (9, 4_000_000)
    assert (pump.true_seconds, pump.false_seconds, pump.pending_seconds) == (2, 3, 0)
    assert (surge.true_seconds, surge.false_seconds) == (1, 2)
    assert (surge.warmup_seconds, surge.missing_seconds, surge.no_stream_seconds) == (1, 1, 0)
    assert found.looked_seconds == 5
    assert not found.fired


def test_the_first_instant_with_the_most_conditions_true_and_what_was_missing(approach):
    found = approach(VALUES, VERDICTS)
    assert (found.max_true, found.max_true_at) == (1, 2_000_000)
    assert [condition.kind for condition in found.lacking] == ["TWPA"]
    assert [(change.low, change.at) for change in found.changes] == [(8.5, 2_000_000), (2, 4_000_000)]


def test_only_time_in_which_the_section_was_looked_at_counts(approach):
    found = approach(VALUES, VERDICTS, looked=(True, True, False, False))
    assert found.looked_seconds == 2
    assert found.conditions[0].best_value == 8.5
    never = approach(VALUES, VERDICTS, looked=(False,) * 4)
    assert (never.max_true, never.max_true_at, never.changes) == (None, None, ())
    assert never.conditions[0].best_at is None


def test_a_tape_without_the_stream_is_told_apart(approach):
    surge = approach([VALUES[0], [NO_VALUE] * 4], [VERDICTS[0], [PENDING] * 4], given=PENDING).conditions[1]
    assert (surge.no_stream_seconds, surge.warmup_seconds, surge.missing_seconds) == (5, 0, 0)
    assert math.isnan(surge.best_value)


@pytest.mark.parametrize(
    ("op", "value", "away"),
    [
        (">=", 5, [1, 0, -1]),
        ("<", 5, [-1, 0, 1]),
        ("==", 5, [1, 0, 1]),
        ("!=", 5, [0, 1, 0]),
        ("between", [5, 6], [1, 0, 0]),
        ("outside", [3, 5], [1, 0, -1]),
    ],
)
def test_how_far_4_5_and_6_are_away(strategy_of, op, value, away):
    condition = strategy_of({"s1_signal": {"indicator": "TWPA", "op": op, "value": value}}).conditions[0]
    assert distance(condition, np.array([4.0, 5.0, 6.0])).tolist() == away
