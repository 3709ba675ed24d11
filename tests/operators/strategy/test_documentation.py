"""The examples of docs/strategies.md are valid, and the tables name what exists."""

import re
from pathlib import Path

import pytest

from operators.indicators.registry import CATALOGUE
from operators.strategy.rules import sections_of
from operators.strategy.templates import TEMPLATES
from operators.strategy.validation import validate_text

TEXT = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


def test_there_are_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.findall(r'"name": "(\w+)"', text)[0])
def test_each_example_is_valid_without_a_warning(example):
    found = validate_text(example)
    assert found.problems == ()
    assert found.warnings == ()


def test_every_template_is_described():
    assert re.findall(r"^\| `(\w+)` \| ", TEXT.split("## Templates")[1], re.MULTILINE) == list(TEMPLATES)


def test_position_values_stand_with_their_sections():
    for kind in (kind for kind in CATALOGUE.values() if kind.on_position):
        (row,) = [line for line in TEXT.splitlines() if line.startswith("|") and f"`{kind.name}`" in line.split("|")[1]]
        assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == sections_of(kind.name)
