"""Every kind has an example condition, and a strategy may hold it."""

from __future__ import annotations

import json

import pytest

from dataflows.indicator_pages import facts
from dataflows.indicator_pages.example_conditions import EXAMPLES, example_text
from operators.indicators.registry import CATALOGUE
from operators.strategy.validation import validate

ENTRY = {"when": None, "size": {"mode": "quote", "value": 100}, "stop_loss": {"percent": 5}}


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.name)
def test_the_example_is_valid_where_the_kind_may_be_used(kind):
    always = {"indicator": "COUNT_TRADES", "op": ">", "value": 0}
    document = {
        "schema_version": 1,
        "name": "example",
        "direction": "LONG",
        "s1_signal": {"when": always},
        "o1_cancel": {"timeout_seconds": 60},
        "z1_entry": {**ENTRY, "when": always},
        "ze1_close": {"when": None},
        "limits": {"max_position_seconds": 300},
    }
    section = "s1_signal" if facts.sections(kind) == "all" else facts.sections(kind).split(", ")[0]
    document[section] = {**document[section], "when": json.loads(example_text(kind))}
    assert validate(document).problems == ()
