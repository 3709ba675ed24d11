"""All conditions of all strategies on one symbol, each distinct one computed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import numpy as np

from operators.errors import TapeflowError
from operators.evaluation import Evaluation
from operators.strategy.compiled import StrategyVerdicts
from operators.strategy.kernels import ASK_THE_VALUE, NO_ROW, NOT_HELD, condition_verdicts, tree_verdicts
from operators.strategy.names import streams_of
from operators.strategy.tables import ConditionTables, DistinctCondition
from operators.strategy.verdict import PENDING
from operators.tape import BOOKS_STREAM, TRADES_STREAM, Int64

ALL_STREAMS: Final = frozenset({TRADES_STREAM, BOOKS_STREAM})

HeldCondition = tuple[str, float, float, bool, int, int]
"""A `DistinctCondition` as plain data."""


class ConditionsMismatch(TapeflowError):
    """Values or stored state that belong to other strategies than those that are evaluated."""


class SymbolConditions:
    """The conditions of one symbol; `streams` are the streams that its tape has.

    Its own state is since when each comparison that must be held has been holding.
    """

    def __init__(self, tables: ConditionTables, streams: frozenset[str] = ALL_STREAMS) -> None:
        self.tables = tables
        self._given = np.array(
            [_given(one, kind, streams) for one, kind in zip(tables.conditions, tables.kinds, strict=True)], np.int8
        )
        self._hold_start = np.full(len(tables.conditions), NOT_HELD, np.int64)
        self._indicator_ids: tuple[str, ...] | None = None
        self._rows: Int64 = np.empty(0, np.int64)

    def evaluate(self, evaluation: Evaluation) -> dict[str, tuple[StrategyVerdicts, ...]]:
        """The verdicts of each account's strategies at every instant of the evaluation; holds move on.

        Evaluations come in the order of the tape, each once.
        """
        tables = self.tables
        if evaluation.indicator_ids != self._indicator_ids:
            self._rows = self._value_rows(evaluation.indicator_ids)
            self._indicator_ids = evaluation.indicator_ids
        instants = len(evaluation.instants)
        conditions = np.empty((len(tables.conditions), instants), np.int8)
        condition_verdicts(
            np.ascontiguousarray(evaluation.values),
            evaluation.instants.ts,
            self._rows,
            tables.lowest,
            tables.highest,
            tables.inside,
            tables.for_us,
            self._given,
            self._hold_start,
            conditions,
        )
        sections = np.empty((len(tables.starts) - 1, instants), np.int8)
        tree_verdicts(conditions, tables.program, tables.starts, tables.depth, sections)
        verdicts = [
            StrategyVerdicts(one.name, {name: sections[tree] for name, tree in one.sections}, conditions[one.rows])
            for one in tables.strategies
        ]
        return {account: tuple(verdicts[place] for place in run) for account, run in tables.accounts}

    def holds(self) -> dict[HeldCondition, int]:
        """Since when (µs) each comparison that must be held has been holding; those that do not hold are left out."""
        return {
            cast(HeldCondition, tuple(condition)): int(start)
            for condition, start in zip(self.tables.conditions, self._hold_start, strict=True)
            if condition is not None and start != NOT_HELD
        }

    def resume(self, holds: Mapping[HeldCondition, int]) -> None:
        """Go on from what `holds` returned."""
        place = {tuple(one): row for row, one in enumerate(self.tables.conditions) if one is not None}
        for condition, start in holds.items():
            if condition not in place:
                raise ConditionsMismatch(
                    f"stored hold of a condition on {condition[0]}; allowed: conditions of the running strategies"
                )
            self._hold_start[place[condition]] = start

    def _value_rows(self, indicator_ids: tuple[str, ...]) -> Int64:
        row = {indicator_id: k for k, indicator_id in enumerate(indicator_ids)}
        missing = [one for one in self.tables.indicator_ids if one not in row]
        if missing:
            raise ConditionsMismatch(
                f"no values of {', '.join(missing)}; allowed: evaluations with every indicator that a condition names"
            )
        rows = [NO_ROW if one is None else row[one.indicator_id] for one in self.tables.conditions]
        return np.array(rows, np.int64)


def _given(condition: DistinctCondition | None, kind: str, streams: frozenset[str]) -> int:
    """The verdict without a value: what the document says where the tape lacks a stream, else PENDING."""
    if condition is None:
        return PENDING
    return ASK_THE_VALUE if streams_of(kind) <= streams else condition.if_no_stream
