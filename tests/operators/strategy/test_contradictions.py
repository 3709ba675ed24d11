import pytest

from operators.strategy.validation import validate

PUMP = "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)"
SPEED = "PRICE_VELOCITY(t1=10,t3=60,d=30)"


def condition(indicator, op, value, **more):
    return {"indicator": indicator, "op": op, "value": value, **more}


def warned(content):
    found = validate(content)
    assert found.valid, found.problems
    return [warning.path for warning in found.warnings]


# O1 of the document cancels on PUMP < 2.5 and at an age of 240 s.
@pytest.mark.parametrize(
    ("when", "never"),
    [
        (condition(PUMP, "<", 2), True),
        (condition(PUMP, "<", 2.5), True),
        (condition(PUMP, "<=", 2.5), False),
        (condition(PUMP, "<", 3), False),
        (condition(PUMP, ">", 2), False),
        (condition(PUMP, "between", [1, 2]), True),
        (condition(PUMP, "==", 2), True),
        (condition("PUMP_MAGNITUDE_PCT", "<", 2), True),
        (condition("PUMP_MAGNITUDE_PCT(t1=5)", "<", 2), False),
        (condition("PUMP_MAGNITUDE_PCT(min_coverage=0.5)", "<", 2), False),
        (condition(SPEED, "<", 0.05), True),  # 40 s between the centres: 0.05 %/s is a magnitude of 2
        (condition("VELOCITY", "<", 0.05), True),
        (condition(SPEED, "<", 0.07), False),
        (condition("PRICE_VELOCITY(t1=5,t3=15,d=5)", "<", 0.05), False),
        ({"all": [condition("TWPA", ">", 1), condition(PUMP, "<", 1)]}, True),
        ({"any": [condition("TWPA", ">", 1), condition(PUMP, "<", 1)]}, False),
        ({"any": [condition(SPEED, "<", 0), condition(PUMP, "<", 1)]}, True),
        ({"all": [condition(PUMP, "<", 3), condition(SPEED, "<", 0.05)]}, True),
        ({"not": condition(PUMP, ">=", 2)}, True),
        ({"not": {"any": [condition(PUMP, ">=", 2), condition("TWPA", ">", 1)]}}, True),
        ({"not": {"all": [condition(PUMP, ">=", 2), condition("TWPA", ">", 1)]}}, False),
        ({"not": condition(PUMP, ">=", 2, for_seconds=3)}, False),
        (condition("SIGNAL_AGE_SECONDS", ">=", 240), True),
        (condition("SIGNAL_AGE_SECONDS", ">=", 239), False),
        (condition(PUMP, "<", 2, for_seconds=5), True),
        ({"all": [condition(PUMP, ">", 5), condition(PUMP, "<", 4)]}, True),
        ({"all": [condition(PUMP, ">", 5), condition(SPEED, "<", 0.1)]}, True),
        ({"all": [condition(PUMP, ">", 3), condition(SPEED, "<", 0.1)]}, False),
    ],
    ids=str,
)
def test_a_z1_that_needs_what_o1_cancels_on_never_fires(changed, when, never):
    assert warned(changed({"z1_entry.when": when})) == (["$.z1_entry.when"] if never else [])


def test_the_warning_names_the_condition_that_comes_first(changed):
    found = validate(changed({"z1_entry.when": condition(SPEED, "<=", 0.01)}))
    assert f"{PUMP} < 2.5" in found.warnings[0].found


def test_an_o1_that_must_hold_cancels_only_where_z1_holds_as_long(changed):
    slow = {"o1_cancel.when": condition(PUMP, "<", 2.5, for_seconds=10)}
    assert warned(changed({**slow, "z1_entry.when": condition(PUMP, "<", 2, for_seconds=5)})) == []
    assert warned(changed({"z1_entry.when": condition(PUMP, "<", 2, for_seconds=10)})) == ["$.z1_entry.when"]


def test_an_o1_group_cancels_only_as_a_whole(changed):
    both = {"o1_cancel.when": {"all": [condition(PUMP, "<", 2.5), condition("TWPA", ">", 1)]}}
    assert warned(changed({**both, "z1_entry.when": condition(PUMP, "<", 2)})) == []
    when = {"all": [condition(PUMP, "<", 2), condition("TWPA", ">", 2)]}
    assert warned(changed({"z1_entry.when": when})) == ["$.z1_entry.when"]


def test_a_signal_that_is_cancelled_at_once_is_warned_of(changed):
    assert warned(changed({"o1_cancel.when": condition("VOLUME_SURGE_RATIO", ">", 1)})) == ["$.s1_signal.when"]


def test_a_close_that_the_emergency_always_precedes_is_warned_of(changed):
    assert warned(changed({"ze1_close.when": condition("UNREALIZED_PNL_PCT", "<", -6)})) == ["$.ze1_close.when"]
    assert warned(changed({"ze1_close.when": condition("UNREALIZED_PNL_PCT", "<", -4)})) == []


def test_a_close_after_the_longest_position_is_warned_of(changed):
    assert warned(changed({"ze1_close.when": condition("POSITION_AGE_SECONDS", ">", 900)})) == ["$.ze1_close.when"]


@pytest.mark.parametrize("section", ["s1_signal", "o1_cancel", "z1_entry", "ze1_close", "e1_emergency"])
def test_conditions_that_contradict_each_other_are_warned_of(changed, section):
    impossible = {"all": [condition("TWPA", ">", 2), condition("TWPA", "<=", 2)]}
    assert warned(changed({f"{section}.when": impossible})) == [f"$.{section}.when"]


def test_a_verdict_without_the_stream_is_no_contradiction(changed):
    places = {"o1_cancel.when": condition("SPREAD_PCT", "<", 5)}
    with_books = condition("SPREAD_PCT", "<", 1)
    assert warned(changed({**places, "z1_entry.when": with_books})) == ["$.z1_entry.when"]
    assert warned(changed({"z1_entry.when": {**with_books, "if_no_stream": "true"}})) == []


def test_very_many_alternatives_are_taken_as_possible(changed):
    pair = {"any": [condition(PUMP, "<", 1), condition(PUMP, "<", 2)]}
    assert warned(changed({"z1_entry.when": {"all": [pair] * 8}})) == ["$.z1_entry.when"]
    assert warned(changed({"z1_entry.when": {"all": [pair] * 12}})) == []
