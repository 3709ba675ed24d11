"""Which model and which field stand at a place of the document (for messages)."""

from __future__ import annotations

from typing import Final

from pydantic.fields import FieldInfo

from operators.strategy.document import (
    CancelSection,
    CloseSection,
    EmergencySection,
    EntrySection,
    Limits,
    SignalSection,
    StrategyDocument,
)
from operators.strategy.entry import (
    IndicatorLevel,
    OrderSettings,
    RiskScaling,
    Size,
    StopPercent,
    TargetPercent,
    TrailingStop,
)
from operators.strategy.nodes import AllGroup, AnyGroup, ConditionNode, NotGroup, Part

TaggedLocation = tuple[str | int, ...]
"""A location as the models report it: keys and list positions, and a tag `<…>` where a union was resolved."""

_NODES: Final[dict[str | int, type[Part]]] = {
    "<all>": AllGroup,
    "<any>": AnyGroup,
    "<not>": NotGroup,
    "<condition>": ConditionNode,
}
_PARTS: Final[dict[TaggedLocation, type[Part]]] = {
    (): StrategyDocument,
    ("s1_signal",): SignalSection,
    ("o1_cancel",): CancelSection,
    ("z1_entry",): EntrySection,
    ("z1_entry", "order"): OrderSettings,
    ("z1_entry", "size"): Size,
    ("z1_entry", "size", "risk_scaling"): RiskScaling,
    ("z1_entry", "stop_loss", "<percent>"): StopPercent,
    ("z1_entry", "stop_loss", "<indicator>"): IndicatorLevel,
    ("z1_entry", "take_profit", "<percent>"): TargetPercent,
    ("z1_entry", "take_profit", "<indicator>"): IndicatorLevel,
    ("z1_entry", "trailing_stop"): TrailingStop,
    ("ze1_close",): CloseSection,
    ("ze1_close", "order"): OrderSettings,
    ("e1_emergency",): EmergencySection,
    ("limits",): Limits,
}


def is_tag(step: str | int, after: TaggedLocation) -> bool:
    """Whether a step of a reported location is a tag (and no key of the document that merely looks like one)."""
    if step in _NODES:
        return bool(after) and (after[-1] in ("when", "not") or isinstance(after[-1], int))
    return (step in ("<number>", "<pair>") and after[-1:] == ("value",)) or (
        step in ("<percent>", "<indicator>") and (*after, step) in _PARTS
    )


def part_at(location: TaggedLocation) -> type[Part] | None:
    """The model whose object stands at the location, None where there is none."""
    if location and location[-1] in _NODES and is_tag(location[-1], location[:-1]):
        return _NODES[location[-1]]
    return _PARTS.get(location)


def keys_of(part: type[Part]) -> list[str]:
    """The JSON keys of a model, in the order of the page."""
    return [field.alias or name for name, field in part.model_fields.items()]


def field_at(location: TaggedLocation) -> FieldInfo | None:
    """The field that the location is (or is inside of: an item of its list, a member of its union)."""
    for end in range(len(location), 0, -1):
        part = part_at(location[: end - 1])
        if part is not None:
            for name, field in part.model_fields.items():
                if location[end - 1] in (name, field.alias):
                    return field
    return None


def allowed_at(location: TaggedLocation) -> str:
    """What may stand at the location, in words.

    >>> allowed_at(("z1_entry", "leverage"))
    'a number from 1 to 20 (a warning above 3)'
    """
    field = field_at(location)
    return (field.description if field else None) or "a strategy document: a JSON object with schema_version, name, …"
