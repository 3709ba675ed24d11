"""Older flat documents become documents of today, and nothing of them is dropped without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.strategy.legacy.document import Converted, convert
from operators.strategy.validation import validate
from tests.operators.strategy.legacy_sample import COMPLETE


def paths(converted: Converted) -> list[str]:
    return [problem.path for problem in converted.problems]


def test_a_complete_document() -> None:
    converted = convert(COMPLETE)
    assert converted.document == {
        "schema_version": 1,
        "name": "Flash_Pump_v3",
        "description": "Fade a pump on thin coins",
        "direction": "SHORT",
        "s1_signal": {
            "when": {
                "all": [
                    {"indicator": "PUMP_MAGNITUDE_PCT", "op": ">=", "value": 8.0},
                    {"indicator": "VOLUME_SURGE_RATIO", "op": ">=", "value": 3.5},
                ]
            }
        },
        "o1_cancel": {
            "when": {"indicator": "PUMP_MAGNITUDE_PCT", "op": "<", "value": 2.0},
            "timeout_seconds": 240.0,
            "cooldown_seconds": 300.0,
        },
        "z1_entry": {
            "when": {
                "all": [
                    {"indicator": "PRICE_VELOCITY", "op": "<=", "value": 0.05, "label": "it has stopped"},
                    {"indicator": "SPREAD_PCT", "op": "<", "value": 0.8},
                ]
            },
            "order": {"timeout_seconds": 20.0},
            "size": {"mode": "percent_of_equity", "value": 2.5, "max_quote": 250.0},
            "leverage": 2.0,
            "stop_loss": {"percent": 6.0},
        },
        "ze1_close": {"when": {"indicator": "UNREALIZED_PNL_PCT", "op": ">=", "value": 12.0}},
        "e1_emergency": {
            "when": {"indicator": "UNREALIZED_PNL_PCT", "op": "<=", "value": -5.0},
            "cooldown_seconds": 2700.0,
        },
        "limits": {"max_leverage": 3.0, "max_trades_per_day": 10},
    }
    assert validate(converted.document).problems == ()
    assert paths(converted) == [
        "$.ze1_close.riskAdjustedPricing",
        "$.emergency_exit.actions",
        "$.global_limits.dailyLossLimit",
        "$.id",
        "$.enabled",
    ]
    assert [note.path for note in converted.notes] == ["$.name", "$.z1_entry.takeProfit"]


def test_camel_case_and_another_names_of_sections() -> None:
    converted = convert(
        {
            "strategyName": "signals_only",
            "side": "BUY",
            "signalDetection": {"conditions": [{"condition_type": "Pump Magnitude", "operator": ">", "value": 5}]},
            "signalCancellation": {"timeoutMinutes": 2, "conditions": []},
        }
    )
    assert converted.document == {
        "schema_version": 1,
        "name": "signals_only",
        "direction": "LONG",
        "s1_signal": {"when": {"indicator": "PUMP_MAGNITUDE_PCT", "op": ">", "value": 5.0}},
        "o1_cancel": {"when": None, "timeout_seconds": 120.0},
        "z1_entry": None,
    }
    assert (converted.problems, converted.notes) == ((), ())
    assert validate(converted.document).problems == ()


def signal(*conditions: dict[str, Any], **section: Any) -> Converted:
    plain = [{"indicator": "TWPA", "operator": ">", "value": at} | each for at, each in enumerate(conditions)]
    return convert({"name": "x", "direction": "LONG", "s1": {"conditions": plain} | section, "o1": {"timeout": 60}})


def tree(converted: Converted) -> Any:
    def shape(node: dict[str, Any]) -> Any:
        for group in ("all", "any"):
            if group in node:
                return (group, *map(shape, node[group]))
        return node["value"]

    return shape(converted.document["s1_signal"]["when"])


@pytest.mark.parametrize(
    ("logics", "expected"),
    [
        (("AND", "AND", None), ("all", 0, 1, 2)),
        ((None, "OR", "OR"), ("any", 0, 1, 2)),
        # the first has one: each says how it goes on
        (("OR", "AND", "OR"), ("all", ("any", 0, 1), 2)),
        # the first has none: each says how it is joined to the one before
        ((None, "OR", "AND"), ("all", ("any", 0, 1), 2)),
        ((None, "and", "||"), ("any", ("all", 0, 1), 2)),
        ((None, None, None), ("all", 0, 1, 2)),
    ],
)
def test_glue_becomes_groups_from_left_to_right(logics: tuple[str | None, ...], expected: Any) -> None:
    converted = signal(*({"logic": logic} if logic else {} for logic in logics))
    assert tree(converted) == expected
    mixed = len({group for group in str(expected).split("'") if group in ("all", "any")}) > 1
    assert [note.path for note in converted.notes] == (["$.s1.conditions"] if mixed else [])
    assert converted.problems == ()


def test_the_section_says_how_conditions_are_joined_that_do_not() -> None:
    assert tree(signal({}, {}, logic="OR")) == ("any", 0, 1)


def test_what_is_switched_off_is_left_out_and_said() -> None:
    converted = signal({}, {"enabled": False}, {})
    assert tree(converted) == ("all", 0, 2)
    assert [note.path for note in converted.notes] == ["$.s1.conditions[1]"]


@pytest.mark.parametrize(
    ("condition", "path", "asked"),
    [
        ({"indicator": "MACD_HISTOGRAM"}, "$.s1.conditions[0].indicator", "tapeflow indicators list"),
        ({"indicator": "pump_magnitud"}, "$.s1.conditions[0].indicator", "did you mean PUMP_MAGNITUDE_PCT?"),
        ({"operator": "crosses_above"}, "$.s1.conditions[0].operator", "one of > >="),
        ({"value": "high"}, "$.s1.conditions[0].value", "a number"),
        ({"indicator": "TWPA", "params": {"t1": 60, "t2": 300}}, "$.s1.conditions[0].indicator", "t1 > t2"),
    ],
)
def test_conditions_that_cannot_be_converted_keep_the_document_from_being_valid(
    condition: dict[str, Any], path: str, asked: str
) -> None:
    converted = signal(condition)
    (problem,) = converted.problems
    assert problem.path == path
    assert asked in problem.allowed
    assert not validate(converted.document).valid


def test_other_ways_to_write_a_condition() -> None:
    converted = signal(
        {"indicator": "RSI", "parameters": {"period": 9}, "operator": "between", "value": ["30", 40], "duration": 5},
        {"operator": "greater than", "value": "1e-7"},
    )
    rsi, twpa = converted.document["s1_signal"]["when"]["all"]
    assert rsi == {"indicator": "RSI(period=9,bar=60)", "op": "between", "value": [30.0, 40.0], "for_seconds": 5.0}
    assert (twpa["op"], twpa["value"]) == (">", 1e-7)
    assert validate(converted.document).problems == ()


def test_no_timeout_is_put_in_and_said() -> None:
    converted = convert({"name": "x", "direction": "LONG", "s1": {"conditions": [{"indicator": "TWPA"}]}})
    assert converted.document["o1_cancel"] == {"timeout_seconds": 300.0}
    assert "no time-out" in converted.notes[-1].found


@pytest.mark.parametrize("wrong", [None, 3, "text", [], [COMPLETE]])
def test_what_is_no_object_is_one_problem(wrong: object) -> None:
    assert paths(convert(wrong)) == ["$"]


def test_sections_and_parts_of_wrong_types_are_problems_at_their_places() -> None:
    converted = convert(
        {
            "name": "x",
            "direction": "sideways",
            "s1": [],
            "z1": {"conditions": {}, "positionSize": 100, "stopLoss": {"enabled": True, "offsetPercent": "six"}},
            "o1": {"timeoutSeconds": True, "conditions": "none"},
        }
    )
    assert paths(converted) == [
        "$.direction",
        "$.s1",
        "$.o1.conditions",
        "$.o1.timeoutSeconds",
        "$.z1.conditions[0]",
        "$.z1.conditions[0]",
        "$.z1.conditions[0]",
        "$.z1.positionSize",
        "$.z1.stopLoss.offsetPercent",
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from(
    ["name", "direction", "s1", "o1", "z1", "ze1", "e1", "conditions", "indicator", "operator", "value", "logic",
     "positionSize", "type", "stopLoss", "enabled", "offsetPercent", "global_limits", "maxLeverage", "params", "label"]
)  # fmt: skip
documents = st.recursive(
    anything | st.sampled_from(["TWPA", "AND", ">", "LONG", 5, True]),
    lambda inner: st.dictionaries(keys, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(keys, documents, max_size=8))
def test_whatever_comes_is_converted_or_told(document: dict[str, Any]) -> None:
    converted = convert(document)
    validate(converted.document)
    for key in document:
        said = [*converted.problems, *converted.notes]
        known = {"name", "direction", "s1", "o1", "z1", "ze1", "e1", "global_limits"}
        assert key in known or any(problem.path.startswith(f"$.{key}") for problem in said)


@pytest.mark.parametrize("seed", range(60))
def test_each_part_of_a_document_is_needed_or_told(seed: int) -> None:
    """Renaming any key to one that nobody knows changes the document and is told."""
    document = json.loads(json.dumps(COMPLETE))
    places: list[tuple[str, dict[str, Any]]] = []

    def collect(node: Any, path: str) -> None:
        if isinstance(node, dict):
            places.append((path, node))
            for key, each in node.items():
                collect(each, f"{path}.{key}")
        elif isinstance(node, list):
            for number, each in enumerate(node):
                collect(each, f"{path}[{number}]")

    collect(document, "$")
    path, place = places[seed % len(places)]
    key = sorted(place)[seed // len(places) % len(place)]
    place["quixotic"] = place.pop(key)
    converted = convert(document)
    told = [problem.path for problem in (*converted.problems, *converted.notes)]
    assert any(each in (path, f"{path}.quixotic") for each in told), "it, or all that it is in"
