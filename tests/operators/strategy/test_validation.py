import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.strategy.problems import InvalidStrategy
from operators.strategy.validation import load_strategy, validate, validate_text

PUMP = {"indicator": "PUMP_MAGNITUDE_PCT", "op": ">", "value": 5}
AGE = {"indicator": "SIGNAL_AGE_SECONDS", "op": ">", "value": 5}
HELD = {"indicator": "POSITION_AGE_SECONDS", "op": ">", "value": 5}
GAIN = {"indicator": "UNREALIZED_PNL_PCT", "op": ">", "value": 5}
GIVEN_BACK = {"indicator": "RETRACEMENT_FROM_PEAK_PCT", "op": ">", "value": 5}


def paths(found):
    return [problem.path for problem in found.problems]


def test_the_document_is_valid_without_warnings(document):
    found = validate(document)
    assert found.problems == ()
    assert found.warnings == ()
    assert found.document.name == "peak_fade"


# Every rule: what is changed, where it is reported, what the report must mention.
RULES = [
    ({"schema_version": 2}, "$.schema_version", "the number 1"),
    ({"schema_version": True}, "$.schema_version", "true"),
    ({"schema_version": ...}, "$.schema_version", "required"),
    ({"name": "no spaces"}, "$.name", "A-Z"),
    ({"name": "x" * 65}, "$.name", "64"),
    ({"name": "x\n"}, "$.name", "A-Z"),
    ({"name": ""}, "$.name", "A-Z"),
    ({"direction": "BOTH"}, "$.direction", "two strategies"),
    ({"tags": ["ok", ""]}, "$.tags[1]", "1 to 64"),
    ({"dirrection": "LONG"}, "$.dirrection", "did you mean direction?"),
    ({"z1_entry.levrage": 2}, "$.z1_entry.levrage", "did you mean leverage?"),
    ({"e1_emergency.order": {"type": "limit"}}, "$.e1_emergency.order", "always closes at market"),
    ({"s1_signal.when": None}, "$.s1_signal.when", "a condition"),
    ({"s1_signal": {}}, "$.s1_signal.when", "required"),
    ({"z1_entry.when": None}, "$.z1_entry.when", "a condition"),
    ({"s1_signal.when": {"all": []}}, "$.s1_signal.when.all", "at least one"),
    ({"s1_signal.when": {"any": []}}, "$.s1_signal.when.any", "at least one"),
    ({"s1_signal.when": {"not": None}}, "$.s1_signal.when.not", "a condition"),
    ({"s1_signal.when": {"not": [PUMP]}}, "$.s1_signal.when.not", "a condition"),
    ({"s1_signal.when": {"all": [PUMP], "any": [PUMP]}}, "$.s1_signal.when.any", "unknown key"),
    ({"s1_signal.when.all.0.value": "9"}, "$.s1_signal.when.all[0].value", "finite number"),
    ({"s1_signal.when.all.0.value": True}, "$.s1_signal.when.all[0].value", "true"),
    ({"s1_signal.when.all.0.value": float("nan")}, "$.s1_signal.when.all[0].value", "NaN"),
    ({"s1_signal.when.all.0.value": float("-inf")}, "$.s1_signal.when.all[0].value", "-Infinity"),
    ({"s1_signal.when.all.0.value": 10**400}, "$.s1_signal.when.all[0].value", "2^63"),
    ({"s1_signal.when.all.0.value": [1, 2]}, "$.s1_signal.when.all[0].value", "one number"),
    ({"s1_signal.when.all.0.op": "between"}, "$.s1_signal.when.all[0].value", "[low, high]"),
    (
        {"s1_signal.when.all.0.op": "outside", "s1_signal.when.all.0.value": [2, 1]},
        "$.s1_signal.when.all[0].value",
        "low <= high",
    ),
    ({"s1_signal.when.all.0.op": "="}, "$.s1_signal.when.all[0].op", ">="),
    ({"s1_signal.when.all.0.op": ...}, "$.s1_signal.when.all[0].op", "required"),
    ({"s1_signal.when.all.0.for_seconds": -1}, "$.s1_signal.when.all[0].for_seconds", "from 0"),
    ({"s1_signal.when.all.0.label": ""}, "$.s1_signal.when.all[0].label", "1 to 200"),
    ({"s1_signal.when.all.0.if_no_stream": "maybe"}, "$.s1_signal.when.all[0].if_no_stream", "pending"),
    (
        {"s1_signal.when.all.0.indicator": "PUMP_MAGNITUD_PCT"},
        "$.s1_signal.when.all[0].indicator",
        "PUMP_MAGNITUDE_PCT",
    ),
    ({"s1_signal.when.all.0.indicator": "TWPA(t1=1,t2=2)"}, "$.s1_signal.when.all[0].indicator", "t1 > t2"),
    ({"s1_signal.when.all.0.indicator": "TWPA(t9=1)"}, "$.s1_signal.when.all[0].indicator", "unknown parameter t9"),
    ({"s1_signal.when.all.0.indicator": ""}, "$.s1_signal.when.all[0].indicator", "KIND"),
    ({"o1_cancel.timeout_seconds": ...}, "$.o1_cancel.timeout_seconds", "required"),
    ({"o1_cancel.timeout_seconds": -1}, "$.o1_cancel.timeout_seconds", "from 0"),
    ({"o1_cancel.cooldown_seconds": None}, "$.o1_cancel.cooldown_seconds", "seconds"),
    ({"z1_entry.leverage": 0.5}, "$.z1_entry.leverage", "from 1 to 20"),
    ({"z1_entry.leverage": 21}, "$.z1_entry.leverage", "from 1 to 20"),
    ({"z1_entry.leverage": 4}, "$.z1_entry.leverage", "limits.max_leverage"),
    ({"z1_entry.order.type": "stop"}, "$.z1_entry.order.type", "post_only"),
    ({"z1_entry.order.then": "limit"}, "$.z1_entry.order.then", "market"),
    ({"z1_entry.order.timeout_seconds": -1}, "$.z1_entry.order.timeout_seconds", "from 0"),
    ({"z1_entry.order.offset_percent": 1}, "$.z1_entry.order.offset_percent", "market order"),
    ({"ze1_close.order.offset_percent": -100}, "$.ze1_close.order.offset_percent", "> -100"),
    ({"z1_entry.size.mode": "all"}, "$.z1_entry.size.mode", "risk_percent"),
    ({"z1_entry.size.value": 0}, "$.z1_entry.size.value", "> 0"),
    ({"z1_entry.size.mode": "risk_percent", "z1_entry.size.value": 101}, "$.z1_entry.size.value", "<= 100"),
    ({"z1_entry.size.mode": "risk_percent", "z1_entry.stop_loss": None}, "$.z1_entry.stop_loss", "risk_percent"),
    ({"z1_entry.size.mode": "risk_percent", "z1_entry.stop_loss": ...}, "$.z1_entry.stop_loss", "risk_percent"),
    ({"z1_entry.size.min_quote": 300}, "$.z1_entry.size.max_quote", "min_quote"),
    ({"z1_entry.size.risk_scaling.points": []}, "$.z1_entry.size.risk_scaling.points", "1 to 100"),
    ({"z1_entry.size.risk_scaling.points": [[2, 1], [1, 1]]}, "$.z1_entry.size.risk_scaling.points", "ascending"),
    ({"z1_entry.size.risk_scaling.points": [[1, -1]]}, "$.z1_entry.size.risk_scaling.points", "from 0 to 100"),
    ({"z1_entry.size.risk_scaling.points": [[1]]}, "$.z1_entry.size.risk_scaling.points[0][1]", "pairs"),
    (
        {"z1_entry.size.risk_scaling.indicator": "UNREALIZED_PNL_PCT"},
        "$.z1_entry.size.risk_scaling.indicator",
        "market",
    ),
    ({"z1_entry.size.risk_scaling.indicator": "VWAPP"}, "$.z1_entry.size.risk_scaling.indicator", "VWAP"),
    ({"z1_entry.stop_loss": {"percent": 0}}, "$.z1_entry.stop_loss.percent", "> 0"),
    ({"z1_entry.stop_loss": {"percent": 101}}, "$.z1_entry.stop_loss.percent", "<= 100"),
    ({"z1_entry.stop_loss": {"percent": 50}}, "$.z1_entry.stop_loss", "liquidation"),
    ({"z1_entry.stop_loss": {}}, "$.z1_entry.stop_loss.percent", "required"),
    ({"z1_entry.stop_loss": {"percent": 5, "indicator": "VWAP"}}, "$.z1_entry.stop_loss.percent", "unknown key"),
    ({"z1_entry.stop_loss": {"indicator": "SPREAD_PCT"}}, "$.z1_entry.stop_loss.indicator", "quote per base"),
    ({"z1_entry.stop_loss": {"indicator": "VWAPP"}}, "$.z1_entry.stop_loss.indicator", "VWAP"),
    ({"z1_entry.take_profit": {"percent": 1001}}, "$.z1_entry.take_profit.percent", "<= 1000"),
    ({"z1_entry.take_profit": {"indicator": "SIGNAL_AGE_SECONDS"}}, "$.z1_entry.take_profit.indicator", "market"),
    ({"z1_entry.trailing_stop": {"percent": 101}}, "$.z1_entry.trailing_stop.percent", "<= 100"),
    (
        {"z1_entry.trailing_stop": {"percent": 1, "activation_percent": -1}},
        "$.z1_entry.trailing_stop.activation_percent",
        ">= 0",
    ),
    ({"limits.max_position_seconds": 0}, "$.limits.max_position_seconds", "> 0"),
    ({"limits.max_trades_per_day": 1.5}, "$.limits.max_trades_per_day", "whole number"),
    ({"limits.max_trades_per_day": 0}, "$.limits.max_trades_per_day", "from 1"),
    ({"limits.max_leverage": 30}, "$.limits.max_leverage", "from 1 to 20"),
    ({"description": "\ud800"}, "$.description", "Unicode"),
    ({"s1_signal.when": GAIN}, "$.s1_signal.when.indicator", "ze1_close and e1_emergency only"),
    ({"s1_signal.when": AGE}, "$.s1_signal.when.indicator", "o1_cancel and z1_entry only"),
    ({"o1_cancel.when": HELD}, "$.o1_cancel.when.indicator", "ze1_close and e1_emergency only"),
    ({"z1_entry.when": GIVEN_BACK}, "$.z1_entry.when.indicator", "ze1_close and e1_emergency only"),
    ({"ze1_close.when": AGE}, "$.ze1_close.when.indicator", "o1_cancel and z1_entry only"),
    ({"e1_emergency.when": {"any": [{"not": AGE}]}}, "$.e1_emergency.when.any[0].not.indicator", "z1_entry only"),
]


@pytest.mark.parametrize(("places", "path", "words"), RULES, ids=lambda value: str(value)[:60])
def test_each_rule_is_reported_at_its_path(changed, places, path, words):
    found = validate(changed(places))
    assert not found.valid
    assert paths(found) == [path]
    assert words in str(found.problems[0])


@pytest.mark.parametrize(
    "places",
    [
        {"o1_cancel.when": None},
        {"ze1_close.when": None},
        {"e1_emergency.when": None},
        {"z1_entry": None},
        {"o1_cancel.when": AGE},
        {"z1_entry.when": {"all": [AGE, PUMP]}},
        {"e1_emergency.when": {"any": [HELD, GAIN, GIVEN_BACK]}},
        {"z1_entry.stop_loss": {"indicator": "MIN_PRICE"}, "z1_entry.take_profit": {"indicator": "VWAP(t1=60)"}},
        {"z1_entry.size": {"mode": "risk_percent", "value": 1}},
        {"s1_signal.when.all.0.op": "between", "s1_signal.when.all.0.value": [9, 9]},
        {"z1_entry.leverage": 3},
        {"tags": []},
    ],
    ids=str,
)
def test_what_is_allowed(changed, places):
    assert validate(changed(places)).problems == ()


def test_all_problems_are_reported_at_once(changed):
    found = validate(
        changed(
            {
                "nmae": "x",
                "s1_signal.when.all.0.indicator": "PUMP",
                "s1_signal.when.all.1.value": "3",
                "o1_cancel.when.any.0.op": "<<",
                "z1_entry.leverage": 50,
                "z1_entry.size": ...,
                "e1_emergency.when.any.0.indicator": "SIGNAL_AGE_SECONDS",
            }
        )
    )
    assert sorted(paths(found)) == sorted(
        [
            "$.nmae",
            "$.s1_signal.when.all[0].indicator",
            "$.s1_signal.when.all[1].value",
            "$.o1_cancel.when.any[0].op",
            "$.z1_entry.leverage",
            "$.z1_entry.size",
            "$.e1_emergency.when.any[0].indicator",
        ]
    )


def test_several_problems_of_one_indicator_are_all_reported(changed):
    found = validate(changed({"s1_signal.when": {"indicator": "TWPA(t1=-1,t2=99999999)", "op": ">", "value": 1}}))
    assert len(found.problems) == 2


def test_a_position_that_could_never_be_closed_is_an_error(changed):
    nothing = {"ze1_close.when": None, "e1_emergency.when": None, "z1_entry.stop_loss": None}
    places = {**nothing, "z1_entry.take_profit": None, "limits.max_position_seconds": None}
    assert paths(validate(changed(places))) == ["$.z1_entry"]


@pytest.mark.parametrize(
    "way_out",
    [
        {"ze1_close.when": GAIN},
        {"e1_emergency.when": GAIN},
        {"z1_entry.stop_loss": {"percent": 5}},
        {"z1_entry.take_profit": {"percent": 5}},
        {"z1_entry.trailing_stop": {"percent": 5}},
        {"limits.max_position_seconds": 60},
        {"z1_entry": None},
    ],
    ids=str,
)
def test_one_way_out_is_enough(changed, way_out):
    nothing = {"ze1_close.when": None, "e1_emergency.when": None, "z1_entry.stop_loss": None}
    places = {**nothing, "z1_entry.take_profit": None, "limits.max_position_seconds": None, **way_out}
    assert validate(changed(places)).valid


def test_leverage_above_3_is_a_warning(changed):
    found = validate(changed({"z1_entry.leverage": 5, "limits.max_leverage": None}))
    assert found.valid
    assert [warning.path for warning in found.warnings] == ["$.z1_entry.leverage"]


def test_a_short_target_of_100_percent_is_a_warning(changed):
    found = validate(changed({"z1_entry.take_profit": {"percent": 100}}))
    assert [warning.path for warning in found.warnings] == ["$.z1_entry.take_profit.percent"]


def test_variants_are_names_too(changed):
    places = {"s1_signal.when.all.0.indicator": "my fast pump"}
    assert validate(changed(places), {"my fast pump": "PUMP_MAGNITUDE_PCT(t1=5)"}).valid
    found = validate(changed({"s1_signal.when.all.0.indicator": "my_fast_pum"}), {"my_fast_pump": "PUMP_MAGNITUDE_PCT"})
    assert "the variant my_fast_pump" in found.problems[0].allowed


@pytest.mark.parametrize("data", [None, 3, "x", [], True, float("nan"), {1: 2}, {"name": {1, 2}}, {"name": b"x"}])
def test_anything_else_is_a_problem_and_no_traceback(data):
    assert validate(data).problems


def test_a_structure_that_contains_itself_is_a_problem():
    data: dict = {}
    data["s1_signal"] = {"when": {"all": [data]}}
    assert "nesting" in validate(data).problems[0].found


def test_malformed_json_is_reported_with_line_and_column():
    (problem,) = validate_text('{\n  "name" "x"\n}').problems
    assert problem.path == "$"
    assert problem.found.startswith("line 2, column 10")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 950 + "]" * 950,
        "1" * 5_000,
        '{"a": ' * 300 + "1" + "}" * 300,
        "x" * 1_000_001,
        "\x00",
    ],
    ids=["empty", "open", "deep", "deep and closed", "long number", "deep objects", "too long", "zero"],
)
def test_no_text_is_too_strange(text):
    assert validate_text(text).problems


def test_a_key_written_twice_is_a_problem(document):
    text = json.dumps(document).replace('"direction": "SHORT"', '"direction": "LONG", "direction": "SHORT"')
    assert paths(validate_text(text)) == ["$.direction"]


def test_a_byte_order_mark_is_no_problem(document):
    assert validate_text("\ufeff" + json.dumps(document)).valid


def test_load_strategy_raises_with_everything(changed):
    text = json.dumps(changed({"name": "a b", "direction": "UP"}))
    with pytest.raises(InvalidStrategy, match=r"strategy mine: 2 problems: \$\.name.*\$\.direction") as raised:
        load_strategy(text, "mine")
    assert len(raised.value.problems) == 2
    assert "\n" not in str(raised.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["TWPA", "PUMP_MAGNITUDE_PCT(t1=1)", "between", "<tag>", "<all>", "SIGNAL_AGE_SECONDS"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "indicator", "op", "value", "when", "percent", "<all>", "points"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def places_of(value, way=()):
    yield way
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places_of(inner, (*way, step))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_mutation_of_a_document_is_a_traceback(data, specified_document):
    mutated = json.loads(json.dumps(specified_document))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(list(places_of(mutated))[1:] or [("x",)]))
        here = mutated
        for step in way[:-1]:
            here = here[step]
        if data.draw(st.booleans()) and isinstance(here, dict):
            here[data.draw(st.text(max_size=4))] = data.draw(JSON)
        else:
            here[way[-1]] = data.draw(JSON)
    found = validate(mutated)
    assert found.valid != bool(found.problems)
    text = json.dumps(mutated)
    assert validate_text(text).problems == found.problems
    "".join(map(str, found.problems)).encode()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn \n\\u', max_size=40))
def test_no_text_is_a_traceback(text):
    assert validate_text(text).problems
