"""Why a session's strategies did what they did, and above all why they did not: from its stored rows and the tape.

What became of signals and how near sections came is stored. Which change of one threshold would have been enough is
computed here, one symbol after the other, from indicators and conditions as the session computed them.
"""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connectors.questdb.database import Database
from connectors.questdb.replay import ReplaySettings, ReplaySource
from dataflows.report.loading import load_approaches, load_transitions
from dataflows.sessions.accounts import accounts_of
from dataflows.sessions.plan import BacktestPlan
from dataflows.sessions.strategies import strategies_of
from dataflows.stored_plans import stored_plan
from operators.desk.approaches import LOOKED_AT
from operators.desk.machine import State
from operators.errors import UsageError
from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine, longest_window_us
from operators.results import ClosestApproach, GroupApproach, StateTransition
from operators.session import SessionRecord
from operators.statistics import Funnel, funnel
from operators.strategy.compiled import Z1, CompiledStrategy, Condition
from operators.strategy.conditions import SymbolConditions
from operators.strategy.kernels import ASK_THE_VALUE, Bool
from operators.strategy.names import streams_of
from operators.strategy.single_change import SectionRows, SingleChange, single_changes
from operators.strategy.tables import ConditionTables
from operators.strategy.verdict import TRUE
from operators.tape import Float64, Int8, Int64

_STATES: Final[Mapping[str, frozenset[str]]] = {
    section: frozenset(str(state) for state, sections in LOOKED_AT.items() if section in sections)
    for sections in LOOKED_AT.values()
    for section in sections
}
"""The states in which each section is looked at."""

Key = tuple[str, str, str]
"""Account, strategy, symbol."""


@dataclass(frozen=True, slots=True)
class ExplainedSection:
    """One section that was looked at: `group` and `conditions` as they are stored, `lacking` the conditions that were
    not TRUE when most were. `fired`: it was TRUE at an instant at which it was looked at; where it was not, `changes`
    are the single changes of a threshold that would have made it so, None where a condition depends on the signal or
    position: what a change would have done to that is not known."""

    section: str
    group: GroupApproach
    conditions: tuple[tuple[Condition, ClosestApproach], ...]
    lacking: tuple[Condition, ...]
    fired: bool
    changes: tuple[SingleChange, ...] | None


@dataclass(frozen=True, slots=True)
class Explained:
    """One strategy of one account on one symbol: what became of its signals, and how near each section came."""

    account: str
    strategy: str
    symbol: str
    funnel: Funnel
    sections: tuple[ExplainedSection, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A session and all that was asked for. `until` is the tape time (µs) up to which it is explained, None where
    nothing is stored yet; `funnels` are those of each (account, strategy)."""

    session: SessionRecord
    until: int | None
    funnel: Funnel
    funnels: dict[tuple[str, str], Funnel]
    strategies: tuple[Explained, ...]


@dataclass(frozen=True, slots=True)
class _Computed:
    """A symbol over the whole period: values by indicator, verdicts of all conditions by strategy."""

    ts: Int64
    values: dict[str, Float64]
    verdicts: dict[str, Int8]


def explain_session(
    database: Database,
    session_id: str,
    *,
    account: str | None = None,
    strategy: str | None = None,
    symbol: str | None = None,
    on_symbol: Callable[[str, int, int], None] = lambda symbol, number, count: None,
) -> Explanation:
    """Explain a session that trades. `on_symbol` is told each symbol before it is read, its number and how many.

    Raises `UsageError` for a session without strategies and for names that the session does not have.
    """
    record, plan = stored_plan(database, session_id)
    accounts = {one.name: one.strategies for one in accounts_of(plan)}
    compiled = strategies_of(plan)
    _check("account", account, list(accounts))
    _check("strategy", strategy, [one.name for one in compiled.values()])
    _check("symbol", symbol, plan.symbols)
    wanted = [
        (owner, compiled[name])
        for owner, names in accounts.items()
        for name in names
        if account in (None, owner) and strategy in (None, compiled[name].name)
    ]
    asked = {(owner, each.name) for owner, each in wanted}
    approaches: dict[Key, list[ClosestApproach | GroupApproach]] = {}
    for row in load_approaches(database, session_id):
        approaches.setdefault((row.account, row.strategy, row.symbol), []).append(row)
    until = max((row.until for rows in approaches.values() for row in rows), default=None)
    moves: dict[Key, list[StateTransition]] = {}
    for move in load_transitions(database, session_id):
        if (move.account, move.strategy) in asked and symbol in (None, move.symbol):
            moves.setdefault((move.account, move.strategy, move.symbol), []).append(move)
    symbols = [name for name in plan.symbols if symbol in (None, name)]
    explained: list[Explained] = []
    for number, name in enumerate(symbols if until is not None else (), 1):
        on_symbol(name, number, len(symbols))
        computed = _compute(database, plan, name, until or 0, [each for _, each in wanted])
        for owner, each in wanted:
            key = (owner, each.name, name)
            own = sorted(moves.get(key, []), key=lambda move: move.n)
            sections = _sections(each, computed, own, frozenset(plan.streams[name]), approaches.get(key, []))
            explained.append(Explained(*key, funnel(own), sections))
    funnels = {
        pair: funnel(move for key, own in moves.items() if key[:2] == pair for move in own) for pair in sorted(asked)
    }
    whole = funnel(move for own in moves.values() for move in own)
    return Explanation(record, until, whole, funnels, tuple(explained))


def looked_at(moves: Sequence[StateTransition], section: str, ts: Int64) -> Bool:
    """The instants at which a section was looked at, from the moves of its machine in their order: those in its states,
    the tape times at which such a state begins and ends included."""
    looked = np.zeros(len(ts), np.bool_)
    since: int | None = None
    states = _STATES[section]
    for move in moves:
        if since is not None:
            looked[np.searchsorted(ts, since) : np.searchsorted(ts, move.timestamp, "right")] = True
        since = move.timestamp if move.to_state in states else None
    if since is not None:
        looked[np.searchsorted(ts, since) :] = True
    return looked


def _check(what: str, name: str | None, known: Sequence[str]) -> None:
    if name is not None and name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known)[:5]
        raise UsageError(f"the session has no {what} {name!r}; it has {', '.join(near)}")


def _compute(
    database: Database, plan: BacktestPlan, symbol: str, until: int, wanted: Sequence[CompiledStrategy]
) -> _Computed:
    strategies = list({strategy.name: strategy for strategy in wanted}.values())
    ids = tuple(dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids))
    conditions = SymbolConditions(ConditionTables.of({"": strategies}), frozenset(plan.streams[symbol]))
    ts: list[Int64] = [np.empty(0, np.int64)]
    values: list[Float64] = [np.empty((len(ids), 0))]
    verdicts: dict[str, list[Int8]] = {one.name: [np.empty((len(one.conditions), 0), np.int8)] for one in strategies}
    for evaluation in _evaluations(database, plan, symbol, until, IndicatorEngine(ids, plan.evaluation_interval_us)):
        ts.append(evaluation.instants.ts.copy())
        values.append(evaluation.values.copy())
        for found in conditions.evaluate(evaluation)[""]:
            verdicts[found.strategy].append(found.conditions)
    return _Computed(
        np.concatenate(ts),
        dict(zip(ids, np.concatenate(values, axis=1), strict=True)),
        {name: np.concatenate(parts, axis=1) for name, parts in verdicts.items()},
    )


def _sections(
    strategy: CompiledStrategy,
    computed: _Computed,
    moves: Sequence[StateTransition],
    streams: frozenset[str],
    approaches: Sequence[ClosestApproach | GroupApproach],
) -> tuple[ExplainedSection, ...]:
    groups = {row.section: row for row in approaches if isinstance(row, GroupApproach)}
    closest = {row.condition: row for row in approaches if isinstance(row, ClosestApproach)}
    sections = []
    for section, group in sorted(groups.items(), key=lambda item: list(_STATES).index(item[0])):
        conditions = tuple(one for one in strategy.conditions if one.section == section)
        missing = json.loads(group.lacking)
        fired, changes = _decided(moves, section), None
        if section in strategy.market_sections:
            rows = _section_rows(
                strategy, section, conditions, computed, looked_at(moves, section, computed.ts), streams
            )
            fired = bool(np.any(rows.looked & (rows.section(rows.verdicts) == TRUE)))
            changes = tuple(single_changes(rows))
        sections.append(
            ExplainedSection(
                section=section,
                group=group,
                conditions=tuple((one, closest[one.path]) for one in conditions),
                lacking=tuple(one for one in conditions if one.path in missing),
                fired=fired,
                changes=changes,
            )
        )
    return tuple(sections)


def _decided(moves: Sequence[StateTransition], section: str) -> bool:
    """Whether a stored move says that the section was TRUE."""
    trigger = section.partition("_")[0]
    return any(
        move.trigger == trigger or (section == Z1 and move.refused and move.from_state == State.SIGNAL_DETECTED)
        for move in moves
    )


def _section_rows(
    strategy: CompiledStrategy,
    section: str,
    conditions: tuple[Condition, ...],
    computed: _Computed,
    looked: Bool,
    streams: frozenset[str],
) -> SectionRows:
    tree = strategy.trees[section]
    assert tree is not None  # noqa: S101 - a section without one is never looked at
    return SectionRows(
        tree,
        conditions,
        computed.ts,
        np.array([computed.values[one.indicator_id] for one in conditions]),
        computed.verdicts[strategy.name][[one.index for one in conditions]],
        np.array([_given(one, streams) for one in conditions], np.int8),
        looked,
    )


def _given(condition: Condition, streams: frozenset[str]) -> int:
    return ASK_THE_VALUE if streams_of(condition.kind) <= streams else condition.if_no_stream


def _evaluations(
    database: Database, plan: BacktestPlan, symbol: str, until: int, engine: IndicatorEngine
) -> Iterator[Evaluation]:
    """The symbol's evaluations over what the session has replayed, as it made them."""
    if until <= plan.from_ts:
        return
    settings = ReplaySettings(
        session_id=plan.source_session_id,
        symbols=(symbol,),
        from_ts=plan.from_ts,
        to_ts=until,
        page_rows=plan.page_rows,
        grid_us=plan.evaluation_interval_us,
        warmup_us=longest_window_us(tuple(dict.fromkeys((*plan.indicators, *plan.recorded)))),
        tape_from=plan.tape_from,
    )
    with contextlib.closing(ReplaySource(database, settings).build_part("explain", "tape", None)) as tape:
        while True:
            try:
                batches = tape.next_batch()
            except StopIteration:
                return
            yield from (engine.on_batch(batch) for batch in batches if batch.symbol)
