"""The JSON Schema for editors allows what validation allows, and sees the mistakes of one place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from operators.indicators.registry import CATALOGUE
from operators.strategy.schema import document_schema
from operators.strategy.templates import TEMPLATES, template_text

SCHEMA = Draft202012Validator(document_schema(["mine"]))
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "strategies.md"


def mistakes(document: dict[str, Any]) -> list[str]:
    return [error.json_path for error in SCHEMA.iter_errors(document)]


def template(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(template_text("pump_follow_long"))
    return document | changes


def with_signal(**condition: Any) -> dict[str, Any]:
    return template(s1_signal={"when": {"indicator": "TWPA", "op": ">", "value": 1} | condition})


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_valid(name: str) -> None:
    assert mistakes(json.loads(template_text(name))) == []


def test_documents_of_the_documentation_are_valid() -> None:
    blocks = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)]
    documents = [block for block in blocks if "schema_version" in block]
    assert len(documents) >= 3
    assert [mistakes(document) for document in documents] == [[]] * len(documents)


@pytest.mark.parametrize("indicator", ["VELOCITY", "VELOCITY(t1=5,t3=15,d=5)", "pump_fast", "mine", *CATALOGUE])
def test_kinds_aliases_and_variants_are_indicators(indicator: str) -> None:
    assert mistakes(with_signal(indicator=indicator)) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (template(colour="red"), "$"),
        (template(direction="BOTH"), "$.direction"),
        (template(name="with blanks"), "$.name"),
        (template(limits={"max_leverage": 50}), "$.limits.max_leverage"),
        (template(o1_cancel={}), "$.o1_cancel"),
        (with_signal(indicator="TWAP"), "$.s1_signal.when"),
        (with_signal(op="=>"), "$.s1_signal.when"),
        (with_signal(value="1"), "$.s1_signal.when"),
        (with_signal(op="between"), "$.s1_signal.when"),
        (with_signal(value=[1, 2]), "$.s1_signal.when"),
        (template(s1_signal={"when": {"all": []}}), "$.s1_signal.when"),
        (template(s1_signal={"when": {"not": {"all": [{"indicator": "TWPA"}]}}}), "$.s1_signal.when"),
    ],
)
def test_mistakes_are_seen_where_they_are(document: dict[str, Any], path: str) -> None:
    assert any(found == path or found.startswith(path + ".") for found in mistakes(document))
