"""Sections that can never fire, because an earlier one always fires first or because they contradict themselves.

Only what follows from comparisons of the same quantity is found, and what is found is certain (on a tape that has the
streams). Two indicators are the same quantity if their ids are equal, or if one is the other times a constant: the
velocity of two windows is their pump magnitude divided by the seconds between the windows' centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

from operators.strategy.comparison import accepted
from operators.strategy.compiled import E1, O1, S1, Z1, ZE1
from operators.strategy.document import StrategyDocument
from operators.strategy.names import Meaning, Variants, meaning
from operators.strategy.nodes import AllGroup, AnyGroup, ConditionNode, Node, NotGroup
from operators.strategy.number_sets import ALL_NUMBERS, Ranges, complement, intersection, ranges_of, within
from operators.strategy.problems import Problem
from operators.tape import BOOKS_STREAM

MOST_BRANCHES: Final = 256
"""Alternatives that are looked at; a section with more is taken as possible."""


@dataclass(frozen=True, slots=True)
class Known:
    """What one condition says where it is TRUE: the quantity has been in `ranges` for `seconds`."""

    ranges: Ranges
    seconds: float


Branch = dict[str, tuple[Known, ...]]
"""One way for a section to be TRUE: what is known of each quantity then."""


def contradiction_warnings(document: StrategyDocument, variants: Variants) -> list[Problem]:
    """A warning for every section that can never fire (for S1: whose signal is cancelled at once)."""
    o1 = [document.o1_cancel.when, _age("SIGNAL_AGE_SECONDS", document.o1_cancel.timeout_seconds)]
    e1 = [document.e1_emergency.when, _age("POSITION_AGE_SECONDS", document.limits.max_position_seconds)]
    entry = document.z1_entry.when if document.z1_entry else None
    found = (
        _warning(S1, document.s1_signal.when, O1, o1, variants),
        _warning(O1, document.o1_cancel.when, "", [], variants),
        _warning(Z1, entry, O1, o1, variants),
        _warning(E1, document.e1_emergency.when, "", [], variants),
        _warning(ZE1, document.ze1_close.when, E1, e1, variants),
    )
    return [warning for warning in found if warning is not None]


def _age(kind: str, seconds: float | None) -> Node | None:
    """The time-out of a state as the condition that it amounts to."""
    return None if seconds is None else ConditionNode(indicator=kind, op=">=", value=seconds)


def _warning(
    section: str, when: Node | None, earlier: str, alternatives: list[Node | None], variants: Variants
) -> Problem | None:
    branches = [] if when is None else _branches(when, True, variants)
    if when is None or branches is None:
        return None
    possible = [branch for branch in branches if all(_now(known) for known in branch.values())]
    path = f"$.{section}.when"
    if not possible:
        return Problem(path, "conditions that contradict each other: it never fires", "conditions that can all be TRUE")
    reasons: dict[str, None] = {}
    for branch in possible:
        reason = next(
            (reason for node in alternatives if node and (reason := _implied(node, True, branch, variants))), None
        )
        if reason is None:
            return None
        reasons[reason] = None
    because = " or ".join(reasons)
    return Problem(
        path,
        f"what is TRUE only while {earlier} fires first ({because}): it never decides",
        f"conditions that can be TRUE while those of {earlier} are not",
    )


def _branches(node: Node, wanted: bool, variants: Variants) -> list[Branch] | None:
    """All ways for a node to be TRUE (or, if not `wanted`, for its opposite to be); None = too many to tell."""
    match node:
        case ConditionNode():
            return [_known(node, wanted, variants)]
        case NotGroup():
            return _branches(node.not_, not wanted, variants)
        case AllGroup() | AnyGroup():
            inner = node.all if isinstance(node, AllGroup) else node.any
            parts: list[list[Branch]] = []
            for one in inner:
                branches = _branches(one, wanted, variants)
                if branches is None:
                    return None
                parts.append(branches)
            if isinstance(node, AnyGroup) == wanted:
                together = [branch for branches in parts for branch in branches]
                return together if len(together) <= MOST_BRANCHES else None
            result: list[Branch] = [{}]
            for branches in parts:
                result = [_merged(left, right) for left, right in product(result, branches)]
                if len(result) > MOST_BRANCHES:
                    return None
            return result


def _implied(node: Node, wanted: bool, branch: Branch, variants: Variants) -> str | None:
    """Why a node (or, if not `wanted`, its opposite) is TRUE whenever the branch is; None = it need not be."""
    match node:
        case ConditionNode():
            return _condition_implied(node, wanted, branch, variants)
        case NotGroup():
            return _implied(node.not_, not wanted, branch, variants)
        case AllGroup() | AnyGroup():
            inner = node.all if isinstance(node, AllGroup) else node.any
            reasons = [_implied(one, wanted, branch, variants) for one in inner]
            given = [reason for reason in reasons if reason is not None]
            if isinstance(node, AnyGroup) == wanted:
                return given[0] if given else None
            return " and ".join(given) if len(given) == len(reasons) else None


def _condition_implied(node: ConditionNode, wanted: bool, branch: Branch, variants: Variants) -> str | None:
    quantity = _quantity(node, variants)
    if quantity is None or quantity[0] not in branch:
        return None
    name, ranges = quantity
    needed = node.for_seconds if wanted else 0.0
    value = _now(tuple(known for known in branch[name] if known.seconds >= needed))
    if not within(value, ranges if wanted else complement(ranges)):
        return None
    text = f"{node.indicator} {node.op} {_value_text(node)}" + (f" for {needed:g} s" if needed else "")
    return text if wanted else f"not {text}"


def _known(node: ConditionNode, wanted: bool, variants: Variants) -> Branch:
    quantity = _quantity(node, variants)
    without_stream = "true" if wanted else "false"
    if quantity is None or (not wanted and node.for_seconds > 0):
        return {}  # FALSE may also mean: not long enough yet
    known = meaning(node.indicator, variants)
    if node.if_no_stream == without_stream and isinstance(known, Meaning) and BOOKS_STREAM in known.streams:
        return {}  # decides without any value on a tape of trades only
    name, ranges = quantity
    return {name: (Known(ranges if wanted else complement(ranges), node.for_seconds if wanted else 0.0),)}


def _merged(left: Branch, right: Branch) -> Branch:
    return left | {name: (*left.get(name, ()), *known) for name, known in right.items()}


def _now(known: tuple[Known, ...]) -> Ranges:
    """Where the quantity is at the instant at which all of this is TRUE."""
    ranges = ALL_NUMBERS
    for one in known:
        ranges = intersection(ranges, one.ranges)
    return ranges


def _quantity(node: ConditionNode, variants: Variants) -> tuple[str, Ranges] | None:
    """The quantity that a condition compares and where it must be; None for a name that means nothing."""
    known = meaning(node.indicator, variants)
    if not isinstance(known, Meaning):
        return None
    name, factor = known.id, 1.0
    if known.kind == "PRICE_VELOCITY":
        name = known.id.replace("PRICE_VELOCITY", "PUMP_MAGNITUDE_PCT", 1)
        values = known.parameters
        factor = (values["t3"] - values["d"] / 2) - values["t1"] / 2
    return name, ranges_of(accepted(node.op, node.low * factor, node.high * factor))


def _value_text(node: ConditionNode) -> str:
    return f"[{node.low:g}, {node.high:g}]" if isinstance(node.value, tuple) else f"{node.low:g}"
