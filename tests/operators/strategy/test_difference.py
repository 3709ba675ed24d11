"""Differences of documents: every change has its place, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.strategy.difference import ABSENT, document_differences
from operators.strategy.templates import TEMPLATES, load_template, template_text
from operators.strategy.validation import load_strategy


def changed(change, name="pump_follow_long"):
    data = json.loads(template_text(name))
    change(data)
    return load_strategy(json.dumps(data))


def found(change):
    differences = document_differences(load_template("pump_follow_long"), changed(change))
    return [(one.path, one.before, one.after) for one in differences]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_document_does_not_differ_from_itself_however_it_is_written(name):
    written = json.dumps(json.loads(template_text(name)), sort_keys=True)
    assert document_differences(load_template(name), load_strategy(written)) == []


def test_a_changed_number_has_its_path():
    before = load_template("pump_follow_long").o1_cancel.timeout_seconds
    assert found(lambda data: data["o1_cancel"].update(timeout_seconds=77)) == [
        ("$.o1_cancel.timeout_seconds", before, 77.0)
    ]


def test_a_default_that_is_written_out_is_no_difference():
    assert found(lambda data: data["z1_entry"].setdefault("take_profit", None)) == []


def test_a_condition_that_was_added_first_moves_the_others_without_changing_them():
    condition = {"indicator": "TWPA", "op": ">", "value": 1}
    (one,) = document_differences(
        load_template("pump_follow_long"), changed(lambda data: data["s1_signal"]["when"]["all"].insert(0, condition))
    )
    assert (one.path, one.before, one.after["indicator"]) == ("$.s1_signal.when.all[0]", ABSENT, "TWPA")


def test_a_condition_that_was_taken_away_is_one_difference():
    (one,) = document_differences(
        load_template("pump_follow_long"), changed(lambda data: data["s1_signal"]["when"]["all"].pop(0))
    )
    assert (one.path, one.after) == ("$.s1_signal.when.all[0]", ABSENT)


def test_null_and_absent_are_told_apart():
    ((path, before, after),) = found(lambda data: data.update(z1_entry=None))
    assert path == "$.z1_entry"
    assert before is not ABSENT
    assert after is None


@given(st.sampled_from(TEMPLATES), st.sampled_from(TEMPLATES))
def test_documents_differ_where_their_hashes_do_in_both_directions(first, second):
    there = document_differences(load_template(first), load_template(second))
    back = document_differences(load_template(second), load_template(first))
    assert bool(there) == bool(back) == (first != second)
