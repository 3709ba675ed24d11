"""Why a strategy moved: the stored conditions of a transition in words, and the story of one trade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dataflows.report.formats import NOTHING, clock, duration, measure, price
from dataflows.report.words import trigger
from operators.results import StateTransition
from operators.statistics import Trade
from operators.strategy.verdict import VERDICT_NAMES

_OPERATORS: Final = {">": ">", ">=": "≥", "<": "<", "<=": "≤", "==": "=", "!=": "≠"}
_VERDICTS: Final = {"TRUE": "yes", "FALSE": "no", "PENDING": "pending"}


RULES: Final[Mapping[str, tuple[str, str, Callable[[float], str]]]] = {
    "liquidation": ("price", "liquidation at {}", price),
    "stop_loss": ("last price", "stop at {}", price),
    "trailing_stop": ("last price", "trailing stop at {}", price),
    "take_profit": ("last price", "target at {}", price),
    "max_position_seconds": ("held for", "at most {}", duration),
    "o1_timeout": ("age of the signal", "at most {}", duration),
    "order_timeout": ("age of the order", "at most {}", duration),
    "cooldown": ("time", "cooldown until {}", lambda us: clock(int(us))),
    "first_fill": ("filled", "of {}", price),
    "entry_order": ("entry order", "{}", price),
    "close_order": ("close order", "{}", price),
    "close_retry": ("attempt", "{}", price),
    "late_fill": ("held after the close", "expected {}", price),
    "flat": ("closed by", "{}", price),
}
"""For a rule of the desk: what it looks at, how its bound is called, how both are written."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition as it stood: what was looked at, its value, what was asked of it, and yes, no or pending (nothing
    for a rule of the desk, which only stands here because it decided)."""

    subject: str
    value: str
    demand: str
    verdict: str


def findings(transition: StateTransition) -> list[Finding]:
    """The conditions of the deciding section, as stored; those that were met first, else in document order."""
    stored = msgspec.json.decode(transition.conditions or "[]")
    found = [_finding(condition) for condition in stored if isinstance(condition, dict)]
    return sorted(found, key=lambda finding: finding.verdict != "yes")


def story(trade: Trade, transitions: Iterable[StateTransition]) -> list[StateTransition]:
    """The moves that led to a trade and out of it: from its signal to its exit, without refusals."""
    moves = sorted(
        (
            row
            for row in transitions
            if row.strategy == trade.strategy and row.symbol == trade.symbol and not row.refused
        ),
        key=lambda row: (row.timestamp, row.n),
    )
    begin = max(
        (i for i, row in enumerate(moves) if row.to_state == "SIGNAL_DETECTED" and row.timestamp <= trade.opened_at),
        default=None,
    )
    if begin is None:
        return []
    told: list[StateTransition] = []
    for row in moves[begin:]:
        told.append(row)
        if row.to_state in ("EXITED", "INACTIVE", "SIGNAL_CANCELLED"):
            break
    return told


def _finding(stored: dict[str, Any]) -> Finding:
    """A condition of the document, or a rule of the desk (a stop, a time-out, a check)."""
    if rule := stored.get("rule"):
        return _rule(str(rule), stored.get("found"), stored.get("allowed"))
    subject = str(stored.get("indicator", stored.get("path", "?")))
    if label := stored.get("label"):
        subject = f"{subject} – {label}"
    missing = "no stream" if "if_no_stream" in stored else "no value"
    value = stored.get("value")
    return Finding(
        subject, missing if value is None else measure(float(value)), _demand(stored), _verdict(stored.get("verdict"))
    )


def _rule(name: str, found: Any, allowed: Any) -> Finding:
    """What a rule of the desk looked at, and what it was compared with in the words of that rule."""
    subject, demand, show = RULES.get(name, (trigger(name), "allowed {}", price))
    return Finding(
        subject, _shown(found, show), demand.format(_shown(allowed, show)) if allowed is not None else "", ""
    )


def _shown(value: Any, show: Callable[[float], str]) -> str:
    if value is None:
        return NOTHING
    return show(value) if isinstance(value, int | float) else trigger(str(value))


def _demand(condition: dict[str, Any]) -> str:
    """The comparison without its left side.

    >>> _demand({"op": "between", "threshold": [1, 2.5], "for_seconds": 3})
    'between 1 and 2.5 for 3 s'
    """
    op, threshold = str(condition.get("op", "")), condition.get("threshold")
    if isinstance(threshold, list | tuple) and len(threshold) == 2:
        demand = f"{op} {measure(threshold[0])} and {measure(threshold[1])}"
    elif isinstance(threshold, int | float):
        demand = f"{_OPERATORS.get(op, op)} {measure(threshold)}"
    else:
        demand = f"{_OPERATORS.get(op, op)} {threshold}"
    held = condition.get("for_seconds")
    return f"{demand} for {measure(held)} s" if held else demand


def _verdict(verdict: Any) -> str:
    name = VERDICT_NAMES[verdict] if isinstance(verdict, int) else str(verdict)
    return _VERDICTS.get(name.upper(), name.lower())
