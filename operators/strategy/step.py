"""The conditions step: evaluations of a symbol in, decisions for each account out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

from bytewax import operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from operators.evaluation import Evaluation
from operators.strategy.compiled import CompiledStrategy, Decisions
from operators.strategy.conditions import ALL_STREAMS, ConditionsMismatch, HeldCondition, SymbolConditions
from operators.strategy.tables import ConditionTables

SNAPSHOT_SCHEMA: Final = 1


class ConditionsSnapshot(TypedDict):
    """What a symbol's logic needs to go on: plain data, a few bytes per comparison that holds at the moment."""

    schema: int
    holds: dict[HeldCondition, int]


class ConditionsLogic(StatefulBatchLogic[Evaluation, Decisions, ConditionsSnapshot]):
    """Turns each evaluation of one symbol into one `Decisions` per account, in the order of the tape.

    Header-only batches (symbol "") go to every account without verdicts; warm-up evaluations end here. The logic is
    never discarded.
    """

    def __init__(
        self,
        tables: ConditionTables,
        streams: Mapping[str, frozenset[str]],
        resume: ConditionsSnapshot | None = None,
    ) -> None:
        if resume is not None and resume["schema"] != SNAPSHOT_SCHEMA:
            raise ConditionsMismatch(f"conditions snapshot of schema {resume['schema']}; allowed: {SNAPSHOT_SCHEMA}")
        self._tables = tables
        self._streams = streams
        self._conditions: SymbolConditions | None = None
        self._resumed_holds = {} if resume is None else resume["holds"]

    def on_batch(self, values: Iterable[Evaluation]) -> tuple[Iterable[Decisions], bool]:
        """Decisions of all accounts for each evaluation."""
        decisions: list[Decisions] = []
        for evaluation in values:
            if evaluation.batch.header.warmup:
                continue
            if not evaluation.batch.symbol:
                decisions += [Decisions(account, evaluation, ()) for account, _ in self._tables.accounts]
                continue
            verdicts = self._conditions_of(evaluation.batch.symbol).evaluate(evaluation)
            decisions += [Decisions(account, evaluation, own) for account, own in verdicts.items()]
        return decisions, StatefulBatchLogic.RETAIN

    def snapshot(self) -> ConditionsSnapshot:
        """The holds, copied."""
        holds = dict(self._resumed_holds) if self._conditions is None else self._conditions.holds()
        return {"schema": SNAPSHOT_SCHEMA, "holds": holds}

    def _conditions_of(self, symbol: str) -> SymbolConditions:
        if self._conditions is None:
            # the key of a logic is known with its first value only
            self._conditions = SymbolConditions(self._tables, self._streams.get(symbol, ALL_STREAMS))
            self._conditions.resume(self._resumed_holds)
        return self._conditions


def conditions(
    step_id: str,
    up: KeyedStream[Evaluation],
    accounts: Mapping[str, Sequence[CompiledStrategy]],
    streams: Mapping[str, frozenset[str]],
) -> KeyedStream[Decisions]:
    """Decide the conditions of all accounts' strategies; the result is keyed by account.

    `up` is keyed by symbol. `accounts` gives each account's strategies in the account document's order. `streams`
    gives the streams that a symbol's tape has; a symbol that is not in it has trades and books.
    """
    tables = ConditionTables.of(accounts)
    decided = op.stateful_batch(step_id, up, lambda resume: ConditionsLogic(tables, streams, resume))
    return op.map(f"{step_id}_by_account", decided, _by_account)


def _by_account(keyed: tuple[str, Decisions]) -> tuple[str, Decisions]:
    return keyed[1].account, keyed[1]
