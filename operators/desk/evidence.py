"""The evidence that is stored with every transition: a JSON array that says why.

Conditions: `{"path", "indicator", "op", "threshold", "value", "verdict"}` and, where given, `label`, `for_seconds` and
`if_no_stream` (the tape has no such stream). Rules of the desk (time-outs, stops, checks): `{"rule", "found",
"allowed", "message"}`. A value that does not exist is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from operators.desk.sizing import Refusal
from operators.strategy.compiled import Condition
from operators.strategy.verdict import PENDING, VERDICT_NAMES
from operators.tape import MICROSECONDS

Evidence = list[dict[str, Any]]
Value = tuple[Condition, float, int]
"""A condition, its value and its verdict at the deciding instant."""


def of_conditions(values: Iterable[Value]) -> Evidence:
    """One element per condition of the deciding section."""
    return [_of_condition(condition, value, verdict) for condition, value, verdict in values]


def of_rule(rule: str, found: Any, allowed: Any, message: str | None = None) -> Evidence:
    """One rule of the desk that decided."""
    element = {"rule": rule, "found": _plain(found), "allowed": _plain(allowed)}
    if message is not None:
        element["message"] = message
    return [element]


def of_refusals(refusals: Sequence[Refusal]) -> Evidence:
    """Everything that refused."""
    return [
        element
        for refusal in refusals
        for element in of_rule(refusal.rule, refusal.found, refusal.allowed, refusal.message)
    ]


def indicator_values(values: Iterable[Value]) -> str:
    """The values of a section's indicators as a JSON object."""
    return to_json({condition.indicator_id: _plain(value) for condition, value, _ in values})


def to_json(content: Any) -> str:
    """Compact JSON; floats in their shortest form, NaN as null."""
    return msgspec.json.encode(content).decode()


def _of_condition(condition: Condition, value: float, verdict: int) -> dict[str, Any]:
    element: dict[str, Any] = {
        "path": condition.path,
        "indicator": condition.indicator_id,
        "op": condition.op,
        "threshold": condition.threshold,
        "value": _plain(value),
        "verdict": VERDICT_NAMES[verdict],
    }
    if condition.label is not None:
        element["label"] = condition.label
    if condition.for_us:
        element["for_seconds"] = condition.for_us / MICROSECONDS
    if math.isnan(value) and verdict != PENDING:
        element["if_no_stream"] = VERDICT_NAMES[verdict]
    return element


def _plain(value: Any) -> Any:
    """Numbers that JSON does not have are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
