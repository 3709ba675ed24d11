"""Why a session's strategies did what they did, and above all why they did not: from the stored moves and the tape.

Indicators and conditions are computed again, one symbol after the other, as the session computed them; at which
instants a section was looked at is read from the stored moves.
"""

from __future__ import annotations

import contextlib
import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from connectors.questdb.database import Database
from connectors.questdb.replay import ReplaySettings, ReplaySource
from connectors.questdb.timestamps import from_timestamp
from dataflows.report import load_result
from dataflows.sessions.accounts import accounts_of
from dataflows.sessions.plan import BacktestPlan
from dataflows.tapes import find_session
from operators.desk.machine import State
from operators.errors import UsageError
from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine, longest_window_us
from operators.results import StateTransition
from operators.session import SessionRecord, Status
from operators.strategy.approach import SectionApproach, section_approach
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import E1, O1, S1, Z1, ZE1, CompiledStrategy, Condition
from operators.strategy.conditions import SymbolConditions
from operators.strategy.kernels import ASK_THE_VALUE, Bool
from operators.strategy.names import streams_of
from operators.strategy.single_change import SectionRows
from operators.strategy.tables import ConditionTables
from operators.strategy.validation import load_strategy
from operators.tape import Float64, Int8, Int64

LOOKED_AT: Final[Mapping[str, frozenset[State]]] = {
    S1: frozenset({State.MONITORING}),
    O1: frozenset({State.SIGNAL_DETECTED, State.ENTRY_PENDING}),
    Z1: frozenset({State.SIGNAL_DETECTED}),
    ZE1: frozenset({State.POSITION_ACTIVE}),
    E1: frozenset({State.POSITION_ACTIVE}),
}
"""The states in which the time of a section counts."""

Key = tuple[str, str, str]
"""Account, strategy, symbol."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One strategy of one account on one symbol: its moves as (from, to, trigger), and how near each section came."""

    account: str
    strategy: str
    symbol: str
    moves: Counter[tuple[str, str, str]]
    sections: tuple[SectionApproach, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A session, the tape time (µs) up to which it is explained, and all that was asked for."""

    session: SessionRecord
    until: int
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
    record = find_session(database, session_id)
    if record.mode != "backtest":
        raise UsageError(f"{session_id} is a {record.mode} session: it ran no strategies; allowed: a backtest")
    plan = msgspec.json.decode(record.config, type=BacktestPlan)
    accounts = {one.name: one.strategies for one in accounts_of(plan)}
    compiled = {
        name: compile_strategy(load_strategy(text, name, plan.variants), plan.variants)
        for name, text in plan.strategies.items()
    }
    _check("account", account, list(accounts))
    _check("strategy", strategy, [one.name for one in compiled.values()])
    _check("symbol", symbol, plan.symbols)
    wanted = [
        (owner, compiled[name])
        for owner, names in accounts.items()
        for name in names
        if account in (None, owner) and strategy in (None, compiled[name].name)
    ]
    until = _until(database, record, plan)
    moves: dict[Key, list[StateTransition]] = {}
    for move in load_result(database, session_id).transitions:
        moves.setdefault((move.account, move.strategy, move.symbol), []).append(move)
    symbols = [name for name in plan.symbols if symbol in (None, name)]
    explained: list[Explained] = []
    for number, name in enumerate(symbols, 1):
        on_symbol(name, number, len(symbols))
        computed = _compute(database, plan, name, until, [each for _, each in wanted])
        for owner, each in wanted:
            own = sorted(moves.get((owner, each.name, name), []), key=lambda move: move.n)
            counts = Counter((move.from_state, move.to_state, move.trigger) for move in own)
            sections = _sections(each, computed, own, frozenset(plan.streams[name]), until)
            explained.append(Explained(owner, each.name, name, counts, sections))
    return Explanation(record, until, tuple(explained))


def looked_at(moves: Sequence[StateTransition], section: str, ts: Int64) -> Bool:
    """The instants at which a section was looked at, from the moves of its machine in their order: those in its states,
    the tape times at which such a state begins and ends included."""
    looked = np.zeros(len(ts), np.bool_)
    since: int | None = None
    states = LOOKED_AT[section]
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


def _until(database: Database, record: SessionRecord, plan: BacktestPlan) -> int:
    """The tape time that the session has reached."""
    if record.status is Status.STOPPED and record.tape_to is not None:
        return min(record.tape_to, plan.to_ts)
    database.wait_applied("session_progress")
    rows = database.query("SELECT max(tape_time) FROM session_progress WHERE session_id = %s", (record.session_id,))
    reached = rows[0][0] if rows else None
    return plan.from_ts if reached is None else min(from_timestamp(reached), plan.to_ts)


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
    until: int,
) -> tuple[SectionApproach, ...]:
    nothing = np.full(len(computed.ts), np.nan)
    sections = []
    for section, tree in strategy.trees.items():
        if tree is None:
            continue
        conditions = tuple(one for one in strategy.conditions if one.section == section)
        rows = SectionRows(
            tree,
            conditions,
            computed.ts,
            np.array([nothing if one.on_position else computed.values[one.indicator_id] for one in conditions]),
            computed.verdicts[strategy.name][[one.index for one in conditions]],
            np.array([_given(one, streams) for one in conditions], np.int8),
            looked_at(moves, section, computed.ts),
        )
        sections.append(section_approach(section, rows, until))
    return tuple(sections)


def _given(condition: Condition, streams: frozenset[str]) -> int:
    known = condition.on_position or streams_of(condition.kind) <= streams
    return ASK_THE_VALUE if known else condition.if_no_stream


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
