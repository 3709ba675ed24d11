"""Two backtests side by side: settings, statistics, and the first decision in which they differ, with its cause."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from connectors.questdb.database import Database
from dataflows.report import ReportData
from dataflows.sessions.accounts import accounts_of
from dataflows.sessions.plan import BacktestPlan
from dataflows.sessions.results import load_report
from dataflows.sessions.strategies import strategies_of
from dataflows.stored_plans import stored_plan
from operators.desk.evidence import of_conditions
from operators.results import Fill, StateTransition
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.difference import Difference, json_differences
from operators.strategy.verdict import PENDING


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two sessions; `strategies` by the names of their documents, `written` as the accounts name them."""

    plan: BacktestPlan
    report: ReportData
    strategies: dict[str, CompiledStrategy]
    written: dict[str, str]


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first decision that only one session made, or that both made differently, at tape time `at` (µs).

    `a` and `b` are what each decided at that instant, None = nothing. `causes` say what is known of why, the nearest
    first; empty where nothing is.
    """

    at: int
    a: StateTransition | Fill | None
    b: StateTransition | Fill | None
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sessions; `first` is None where they decided and filled the same. `identical`: equal result hashes."""

    a: Compared
    b: Compared
    settings: tuple[Difference, ...]
    identical: bool
    first: FirstDifference | None


def compare_sessions(database: Database, a: str, b: str) -> Comparison:
    """Compare two backtests. Raises `UsageError` for a session that ran no strategies.

    Where each has one account, and where each has one strategy, these are compared whatever their names are.
    """
    first, second = _load(database, a), _load(database, b)
    names = _Names(first, second)
    settings = tuple(json_differences(_settings(first, {}, {}), _settings(second, names.account, names.strategy)))
    return Comparison(
        first,
        second,
        settings,
        first.report.result_hash == second.report.result_hash,
        first_difference(first, second, names, settings),
    )


def _load(database: Database, session_id: str) -> Compared:
    record, plan = stored_plan(database, session_id)
    strategies = strategies_of(plan)
    return Compared(
        plan,
        load_report(database, record),
        {one.name: one for one in strategies.values()},
        {name: one.name for name, one in strategies.items()},
    )


def first_difference(a: Compared, b: Compared, names: _Names, settings: Sequence[Difference]) -> FirstDifference | None:
    """The first decision that differs, else the first fill that does."""
    moves_a, moves_b = _moves(a.report.tables.transitions), _moves(names.of_a(b.report.tables.transitions))
    for own, other in zip_longest(moves_a, moves_b):
        if own is None or other is None or _decision(own) != _decision(other):
            if own is not None and other is not None and _place(own) != _place(other):
                own, other = (own, None) if _place(own) < _place(other) else (None, other)
            at = own.timestamp if own is not None else other.timestamp
            return FirstDifference(at, own, other, tuple(_why(a, b, names, own, other, settings)))
    fills_a, fills_b = _fills(a.report.tables.fills), _fills(names.of_a(b.report.tables.fills))
    for paid, got in zip_longest(fills_a, fills_b):
        if paid is None or got is None or _execution(paid) != _execution(got):
            at = min(fill.timestamp for fill in (paid, got) if fill is not None)
            return FirstDifference(at, paid, got, tuple(_of_accounts(settings)))
    return None


class _Names:
    """What accounts and strategies of the second session are called in the first."""

    def __init__(self, a: Compared, b: Compared) -> None:
        self.account = _only(*([one.name for one in accounts_of(side.plan)] for side in (a, b)))
        self.strategy = _only(list(a.strategies), list(b.strategies))

    def of_a(self, rows: Sequence[Any]) -> list[Any]:
        """Rows of the second session under the first one's names."""
        return [
            dataclasses.replace(
                row,
                account=self.account.get(row.account, row.account),
                **({"strategy": self.strategy.get(row.strategy, row.strategy)} if hasattr(row, "strategy") else {}),
            )
            for row in rows
        ]

    def in_b(self, strategy: str) -> str:
        """What a strategy of the first session is called in the second."""
        return next((theirs for theirs, ours in self.strategy.items() if ours == strategy), strategy)


def _only(a: Sequence[str], b: Sequence[str]) -> dict[str, str]:
    return {b[0]: a[0]} if len(a) == len(b) == 1 else {}


def _settings(one: Compared, accounts: dict[str, str], strategies: dict[str, str]) -> dict[str, Any]:
    """Everything that decides what a session does, as plain JSON, under other names where there are some."""
    plan = one.plan
    settings = {each.name: each.model_dump(mode="json", by_alias=True) for each in accounts_of(plan)}
    for content in settings.values():
        names = (one.written[name] for name in content["strategies"])
        content["strategies"] = [strategies.get(name, name) for name in names]
    documents = {name: each.document.model_dump(mode="json") for name, each in one.strategies.items()}
    return {
        "tape": plan.source_session_id,
        "from": plan.from_ts,
        "to": plan.to_ts,
        "symbols": list(plan.symbols),
        "evaluation_interval_us": plan.evaluation_interval_us,
        "accounts": {accounts.get(name, name): content for name, content in settings.items()},
        "strategies": {strategies.get(name, name): content for name, content in documents.items()},
        "variants": dict(plan.variants),
    }


def _place(move: StateTransition) -> tuple[int, str, str, str, int]:
    return (move.timestamp, move.account, move.symbol, move.strategy, move.n)


def _moves(moves: Sequence[StateTransition]) -> list[StateTransition]:
    return sorted(moves, key=_place)


def _decision(move: StateTransition) -> tuple[Any, ...]:
    return (*_place(move), move.from_state, move.to_state, move.trigger, move.refused)


def _execution(fill: Fill) -> tuple[Any, ...]:
    return (fill.timestamp, fill.account, fill.symbol, fill.price, fill.quantity, fill.fee, fill.liquidity)


def _fills(fills: Sequence[Fill]) -> list[Fill]:
    return sorted(fills, key=_execution)


def _why(
    a: Compared,
    b: Compared,
    names: _Names,
    own: StateTransition | None,
    other: StateTransition | None,
    settings: Sequence[Difference],
) -> Iterator[str]:
    """What is known of the cause of a decision that differs."""
    if a.plan.source_session_id != b.plan.source_session_id:
        yield f"the tapes differ: {a.plan.source_session_id} and {b.plan.source_session_id}"
        return
    for move, there, side, others in ((own, b, "A", "B"), (other, a, "B", "A")):
        if move is None:
            continue
        if move.symbol not in there.plan.symbols:
            yield f"{others} does not have the symbol {move.symbol}"
        if not there.plan.from_ts < move.timestamp <= there.plan.to_ts:
            yield f"{others} does not have this time of the tape"
        name = names.in_b(move.strategy) if side == "A" else move.strategy
        if name not in there.strategies:
            yield f"{others} does not run the strategy {name}"
            continue
        yield from _conditions(move, there.strategies[name], side, others)
    if own is not None and other is not None:
        yield from _rules(own, "A")
        yield from _rules(other, "B")
    yield from _of_accounts(settings)


def _conditions(move: StateTransition, strategy: CompiledStrategy, side: str, others: str) -> Iterator[str]:
    """Where the deciding conditions of one session ask for something else in the other."""
    by_path = {one.path: one for one in strategy.conditions}
    for element in json.loads(move.conditions):
        path = element.get("path")
        if path is None:
            continue
        what = element.get("label") or element["indicator"]
        condition = by_path.get(path)
        if condition is None:
            yield f"{what}: {others} has no condition at {path}"
            continue
        asked, wanted = _asked(element), _asked(of_conditions([(condition, math.nan, PENDING)])[0])
        if asked != wanted:
            yield f"{what} was {_number(element['value'])}: {side} asks {asked}, {others} {wanted}"


def _asked(element: dict[str, Any]) -> str:
    held = f" for {element['for_seconds']:g} s" if element.get("for_seconds") else ""
    threshold = element["threshold"]
    bounds = threshold if isinstance(threshold, list) else [threshold]
    return f"{element['indicator']} {element['op']} {' to '.join(f'{bound:.12g}' for bound in bounds)}{held}"


def _number(value: float | None) -> str:
    return "without a value" if value is None else f"{value:.6g}"


def _rules(move: StateTransition, side: str) -> Iterator[str]:
    """The rules of the desk that decided."""
    for element in json.loads(move.conditions):
        if "rule" in element:
            yield f"{side}: {element['rule']}: found {element['found']}, allowed {element['allowed']}"


def _of_accounts(settings: Sequence[Difference]) -> Iterator[str]:
    """Settings that decide how orders fill and what is refused."""
    for one in settings:
        if one.path.startswith("$.accounts") and not one.path.endswith(".name"):
            yield f"{one.path}: {one.before} in A, {one.after} in B"
