"""The distinct conditions and trees of all strategies of all accounts, each in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.strategy.comparison import accepted
from operators.strategy.compiled import CompiledStrategy, Condition, Tree
from operators.strategy.kernels import ALL, ANY, NOT, Bool
from operators.strategy.verdict import PENDING
from operators.tape import Float64, Int64


class DistinctCondition(NamedTuple):
    """What makes two conditions the same computation, whichever strategy, section and account they belong to."""

    indicator_id: str
    lowest: float
    highest: float
    inside: bool
    for_us: int
    if_no_stream: int


@dataclass(frozen=True, slots=True)
class StrategyPlaces:
    """Where the verdicts of one strategy stand: a row for each condition, a tree for each market section."""

    name: str
    rows: NDArray[np.intp]
    sections: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ConditionTables:
    """Everything to evaluate, the same for every symbol.

    `conditions[c]` is None for the row that stands for all position values (always PENDING here); `kinds[c]` is the
    kind of its indicator. Tree t is `program[starts[t]:starts[t + 1]]` (see `kernels.tree_verdicts`). `strategies` are
    the distinct ones; `accounts` lists, for each account in order, which of them it runs.
    """

    conditions: tuple[DistinctCondition | None, ...]
    kinds: tuple[str, ...]
    lowest: Float64
    highest: Float64
    inside: Bool
    for_us: Int64
    program: Int64
    starts: Int64
    depth: int
    strategies: tuple[StrategyPlaces, ...]
    accounts: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, accounts: Mapping[str, Sequence[CompiledStrategy]]) -> ConditionTables:
        """The tables of these accounts' strategies."""
        builder = _Builder()
        run = tuple(
            (account, tuple(builder.strategy(strategy) for strategy in strategies))
            for account, strategies in accounts.items()
        )
        return builder.tables(run)

    @property
    def indicator_ids(self) -> tuple[str, ...]:
        """The indicators that conditions read, without repetition."""
        return tuple(dict.fromkeys(one.indicator_id for one in self.conditions if one is not None))


class _Builder:
    """Numbers conditions, trees and strategies in the order in which they first appear."""

    def __init__(self) -> None:
        self._conditions: dict[DistinctCondition | None, int] = {}
        self._kinds: list[str] = []
        self._programs: dict[tuple[int, ...], int] = {}
        self._strategies: dict[tuple[str, tuple[int, ...], tuple[tuple[str, int], ...]], int] = {}

    def strategy(self, strategy: CompiledStrategy) -> int:
        rows = tuple(self._condition(condition) for condition in strategy.conditions)
        sections = tuple(
            (section, self._tree(tree, rows))
            for section, tree in strategy.trees.items()
            if tree is not None and section in strategy.market_sections
        )
        return self._strategies.setdefault((strategy.name, rows, sections), len(self._strategies))

    def tables(self, accounts: tuple[tuple[str, tuple[int, ...]], ...]) -> ConditionTables:
        anything = DistinctCondition("", -np.inf, np.inf, True, 0, PENDING)
        columns = [one or anything for one in self._conditions]
        programs = list(self._programs)
        return ConditionTables(
            conditions=tuple(self._conditions),
            kinds=tuple(self._kinds),
            lowest=np.array([one.lowest for one in columns], np.float64),
            highest=np.array([one.highest for one in columns], np.float64),
            inside=np.array([one.inside for one in columns], np.bool_),
            for_us=np.array([one.for_us for one in columns], np.int64),
            program=np.array([code for program in programs for code in program], np.int64),
            starts=np.cumsum([0, *map(len, programs)], dtype=np.int64),
            depth=max(map(_deepest_stack, programs), default=1),
            strategies=tuple(
                StrategyPlaces(name, np.array(rows, np.intp), sections) for name, rows, sections in self._strategies
            ),
            accounts=accounts,
        )

    def _condition(self, condition: Condition) -> int:
        distinct = None
        if not condition.on_position:
            distinct = DistinctCondition(
                condition.indicator_id,
                *accepted(condition.op, condition.low, condition.high),
                condition.for_us,
                condition.if_no_stream,
            )
        if distinct not in self._conditions:
            self._conditions[distinct] = len(self._conditions)
            self._kinds.append(condition.kind)
        return self._conditions[distinct]

    def _tree(self, tree: Tree, rows: tuple[int, ...]) -> int:
        return self._programs.setdefault(tuple(postfix(tree, rows)), len(self._programs))


def postfix(tree: Tree, rows: Sequence[int]) -> list[int]:
    """A tree as a program; `rows[index]` is the verdict row of condition `index`.

    >>> postfix(("all", (("condition", 0), ("not", ("condition", 1)), ("condition", 2))), [7, 8, 9])
    [7, 8, -1, -2, 9, -2]
    """
    kind, inner = tree
    if kind == "condition":
        return [rows[inner]]
    if kind == "not":
        return [*postfix(inner, rows), NOT]
    combine = ALL if kind == "all" else ANY
    program: list[int] = []
    for position, part in enumerate(inner):
        program += postfix(part, rows)
        if position > 0:
            program.append(combine)
    return program


def _deepest_stack(program: Sequence[int]) -> int:
    deepest = height = 0
    for code in program:
        height += 1 if code >= 0 else 0 if code == NOT else -1
        deepest = max(deepest, height)
    return deepest
