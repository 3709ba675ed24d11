"""Looking into a document that may be wrong anywhere: what is there, and nothing where it is not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from operators.strategy.compiled import SECTIONS


class Found(NamedTuple):
    """Something at a place of the document."""

    location: tuple[str | int, ...]
    value: Any


def at(data: object, *keys: str) -> Any:
    """What stands at these keys, None where nothing does."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def number_at(data: object, *keys: str) -> float | None:
    """The finite number at these keys, if one stands there."""
    value = at(data, *keys)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def texts_at(data: object, *places: tuple[str, ...]) -> Iterator[Found]:
    """The texts at these places, where there are any."""
    for place in places:
        value = at(data, *place)
        if isinstance(value, str):
            yield Found(place, value)


def conditions_in(data: object) -> Iterator[tuple[str, Found]]:
    """Every object that is meant as a condition, with its section, in the order of the document."""
    for section in SECTIONS:
        stack: list[Found] = [Found((section, "when"), at(data, section, "when"))]
        while stack:
            location, node = stack.pop()
            if not isinstance(node, dict):
                continue
            group = next((key for key in ("all", "any") if isinstance(node.get(key), list | tuple)), None)
            if group is not None:
                inner = [Found((*location, group, position), one) for position, one in enumerate(node[group])]
                stack.extend(reversed(inner))
            elif "not" in node:
                stack.append(Found((*location, "not"), node["not"]))
            else:
                yield section, Found(location, node)
