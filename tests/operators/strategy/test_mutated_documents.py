"""Documents that accidents have changed: always a list of problems or a strategy that can be run, never a traceback."""

from __future__ import annotations

import copy
import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from operators.strategy.compile import compile_strategy
from operators.strategy.document import canonical_json
from operators.strategy.legacy.document import convert
from operators.strategy.templates import TEMPLATES, template_text
from operators.strategy.validation import validate, validate_text
from tests.operators.strategy.legacy_sample import COMPLETE

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e308, 1e-308, 10**30, float("nan"), float("inf"),
    "", " ", "LONG", "AND", "(", "\x00", "é\ud800", "x" * 5_000,
    "TWPA", "TWPA(t1=5)", "TWPA(t1=5,t2=60)", "RSI(period=1e9)", "VELOCITY_CASCADE(windows=1/2/3;)",
    [], {}, [1, 2], [2, 1], [[]], {"all": []}, {"not": {"not": {}}}, {"indicator": "TWPA", "op": ">", "value": 1},
)  # fmt: skip
KEYS = (
    "when", "all", "any", "not", "indicator", "op", "value", "for_seconds", "label", "if_no_stream", "size", "mode",
    "percent", "order", "type", "then", "points", "limits", "name", "direction", "s1_signal", "conditions", "logic", "",
)  # fmt: skip


def containers(node: Any) -> list[Any]:
    """All objects and lists of a document."""
    found = [node] if isinstance(node, dict | list) else []
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        found += containers(each)
    return found


def mutate(document: Any, random: Random) -> Any:
    """The document with one to four accidents."""
    document = copy.deepcopy(document)
    for _ in range(random.randint(1, 4)):
        place = random.choice(containers(document) or [[]])
        value = copy.deepcopy(random.choice((*VALUES, *containers(document)[:5])))
        if isinstance(place, dict):
            key = random.choice(list(place) or [""])
            match random.randrange(4):
                case 0:
                    place[key] = value
                case 1:
                    place.pop(key, None)
                case 2:
                    place[random.choice(KEYS)] = place.pop(key, None)
                case _:
                    place[random.choice(KEYS)] = value
        elif random.random() < 0.5 or not place:
            place.insert(random.randint(0, len(place)), value)
        else:
            place[random.randrange(len(place))] = value
    return document


def check(document: Any) -> str:
    found = validate(document)
    assert (found.document is None) == bool(found.problems)
    if found.document is None:
        assert all(problem.path.startswith("$") and problem.allowed for problem in found.problems)
        return "problems"
    compile_strategy(found.document)
    text = canonical_json(found.document)
    again = validate_text(text)
    assert again.document == found.document
    assert canonical_json(again.require("again")) == text
    return "valid"


def run(count: int, seed: int) -> Counter[str]:
    random = Random(seed)
    documents = [json.loads(template_text(name)) for name in TEMPLATES]
    told: Counter[str] = Counter()
    for _ in range(count):
        told[check(mutate(random.choice(documents), random))] += 1
        converted = convert(mutate(COMPLETE, random))
        told["older: " + check(converted.document)] += 1
    return told


def test_a_thousand_accidents() -> None:
    told = run(1_000, seed=1)
    assert min(told.values()) > 5, told


@pytest.mark.soak
def test_a_hundred_thousand_accidents() -> None:
    told = run(100_000, seed=2)
    print(dict(told))
    assert sum(told.values()) == 200_000
