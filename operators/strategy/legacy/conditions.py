"""Flat lists of conditions, glued by AND and OR, as trees.

What cannot be converted stays in the tree as it was found: so the new document is not valid until somebody has looked
at it, where leaving a condition out would make a strategy that fires when it should not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from operators.indicators.ids import parse_indicator, problems, unknown_kind
from operators.indicators.registry import find_kind
from operators.strategy.legacy.reading import Reader, as_number
from operators.strategy.problems import Problem, path_of, shown

_INDICATORS: Final = {
    "PUMP_MAGNITUDE": "PUMP_MAGNITUDE_PCT",
    "PUMP": "PUMP_MAGNITUDE_PCT",
    "PRICE_MOMENTUM": "PRICE_MOMENTUM_PCT",
    "MOMENTUM_DECAY": "MOMENTUM_DECAY_PCT",
    "SPREAD": "SPREAD_PCT",
    "BID_ASK_SPREAD": "SPREAD_PCT",
    "BID_ASK_IMBALANCE": "BID_ASK_IMBALANCE_PCT",
    "LIQUIDITY_DRAIN": "LIQUIDITY_DRAIN_PCT",
    "SUPPORT_LEVEL_PROXIMITY": "SUPPORT_LEVEL_PROXIMITY_PCT",
    "DUMP_EXHAUSTION": "DUMP_EXHAUSTION_SCORE",
    "VOLATILITY": "VOLATILITY_PCT",
    "UNREALIZED_PNL": "UNREALIZED_PNL_PCT",
    "UNREALIZED_PNL_PERCENT": "UNREALIZED_PNL_PCT",
    "PRICE": "LAST_PRICE",
}
"""Names that older documents use for kinds of now."""
_OPERATORS: Final = {
    ">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "==", "!=": "!=", "=": "==", "≥": ">=", "≤": "<=", "≠": "!=",
    "<>": "!=", "GT": ">", "GTE": ">=", "GE": ">=", "LT": "<", "LTE": "<=", "LE": "<=", "EQ": "==", "NE": "!=",
    "GREATER_THAN": ">", "LESS_THAN": "<", "ABOVE": ">", "BELOW": "<", "EQUALS": "==", "BETWEEN": "between",
    "OUTSIDE": "outside",
}  # fmt: skip
_GLUE: Final = {"AND": "all", "&&": "all", "ALL": "all", "OR": "any", "||": "any", "ANY": "any"}


def tree_of(section: Reader, found: list[Problem], notes: list[Problem]) -> dict[str, Any] | None:
    """The conditions of a section as one node, None where there are none.

    Each is joined to the one before it by its own `logic` where the first has none, else by the `logic` of the one
    before (so documents are written that name how it goes on); where nothing is said, by that of the section, or AND.
    AND and OR are read from left to right: `a OR b AND c` is `(a OR b) AND c`.
    """
    conditions = section.take("conditions", "rules", "condition")
    where = section.taken_from
    usual = _glue(section.take("logic", "logicoperator", "conditionlogic"), section, found) or "all"
    if conditions is None:
        return None
    if isinstance(conditions, Mapping):
        conditions = [conditions]
    if not isinstance(conditions, list):
        found.append(Problem(path_of(where), shown(conditions), "a list of conditions"))
        return None
    nodes: list[dict[str, Any]] = []
    glue: list[str | None] = []
    for position, condition in enumerate(conditions):
        place = (*where, position)
        if not isinstance(condition, Mapping):
            found.append(Problem(path_of(place), shown(condition), "a condition"))
            nodes.append({"indicator": shown(condition), "op": ">", "value": 0})
            glue.append(None)
            continue
        reader = Reader(condition, place, found)
        if reader.take("enabled", "isenabled", "active") is False:
            notes.append(Problem(path_of(place), shown(condition), "nothing: it was switched off"))
            continue
        glue.append(_glue(reader.take("logic", "logicoperator", "connector"), reader, found))
        nodes.append(_condition(reader, found))
        reader.leave()
    if not nodes:
        return None
    joins = glue[1:] if glue[0] is None and any(glue[1:]) else glue[:-1]
    chosen = [join or usual for join in joins]
    if len(set(chosen)) > 1:
        said = " ".join(f"{'AND' if join == 'all' else 'OR'} {number}." for number, join in enumerate(chosen, start=2))
        notes.append(Problem(path_of(where), f"AND and OR: 1. {said}", "groups, made from left to right: check them"))
    return _glued(nodes, chosen)


def _glued(nodes: list[dict[str, Any]], joins: list[str]) -> dict[str, Any]:
    tree, group = nodes[0], ""
    for node, join in zip(nodes[1:], joins, strict=True):
        if join == group:
            tree[group].append(node)
        else:
            tree, group = {join: [tree, node]}, join
    return tree


def _glue(value: object, reader: Reader, found: list[Problem]) -> str | None:
    if value is None or value == "":
        return None
    glue = _GLUE.get(str(value).strip().upper())
    if glue is None:
        found.append(Problem(path_of(reader.taken_from), shown(value), "AND, OR"))
    return glue


def _condition(reader: Reader, found: list[Problem]) -> dict[str, Any]:
    name = reader.take("indicatorid", "indicator", "indicatorname", "conditiontype", "type", "metric")
    where = reader.location if name is None else reader.taken_from
    parameters = reader.take("parameters", "params")
    node: dict[str, Any] = {"indicator": _indicator(name, parameters, where, found)}
    operator = reader.take("operator", "op", "comparison")
    known = _OPERATORS.get(re.sub(r"[\s-]+", "_", str(operator).strip().upper()))
    if known is None:
        reader.refuse(operator, f"one of {' '.join(_OPERATORS)}")
    node["op"] = known or str(operator)
    node["value"] = _value(reader, found)
    if (seconds := reader.take_number("forseconds", "durationseconds", "duration", "holdseconds")) is not None:
        node["for_seconds"] = seconds
    label = reader.take("label", "description", "name", "note")
    if isinstance(label, str) and label.strip():
        node["label"] = label.strip()[:200]
    reader.take("id")
    return node


def _value(reader: Reader, found: list[Problem]) -> Any:
    value = reader.take("value", "threshold", "target")
    if value is None:
        low, high = reader.take_number("min", "minvalue", "low"), reader.take_number("max", "maxvalue", "high")
        if low is not None and high is not None:
            return [low, high]
        found.append(Problem(path_of(reader.location), "no value", "a number"))
        return None
    if isinstance(value, list):
        return [as_number(each) if as_number(each) is not None else each for each in value]
    number = as_number(value)
    if number is None:
        reader.refuse(value, "a number, or [low, high]")
    return value if number is None else number


def _indicator(name: object, parameters: object, where: tuple[str | int, ...], found: list[Problem]) -> str:
    text = str(name or "").strip()
    if isinstance(parameters, Mapping) and parameters and "(" not in text:
        text += f"({','.join(f'{key}={value}' for key, value in parameters.items())})"
    if not text:
        found.append(Problem(path_of(where), "no indicatorId", "the name of an indicator"))
        return "?"
    head, bracket, rest = text.partition("(")
    kind = re.sub(r"[^A-Z0-9]+", "_", head.strip().upper()).strip("_")
    kind = _INDICATORS.get(kind, kind)
    known = find_kind(kind)
    if known is None:
        found.append(Problem(path_of(where), shown(name), unknown_kind(kind).allowed))
        return text
    text = known.name + bracket + rest
    if wrong := problems(text):
        found += [Problem(path_of(where), problem.found, problem.allowed) for problem in wrong]
        return text
    # where only defaults are meant, the short name says it
    return parse_indicator(text).id if bracket else known.name
