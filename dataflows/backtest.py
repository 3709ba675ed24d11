"""The backtest dataflow: replayed slices → indicators → strategy conditions → desks → result tables.

Where indicators are recorded, their values branch off before the conditions; what decides is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from connectors.questdb.database import Database
from connectors.questdb.replay import ReplayProgress, ReplaySettings, ReplaySource
from connectors.questdb.sinks import IndicatorSink, ResultSink
from dataflows.sessions.accounts import accounts_of
from dataflows.sessions.plan import BacktestPlan
from dataflows.sessions.strategies import strategies_of
from operators.desk.desk import Desk
from operators.desk.step import desk
from operators.indicators.engine import longest_window_us
from operators.indicators.recording import RecordingSettings, for_decisions, recording
from operators.indicators.step import IndicatorSettings, indicators
from operators.results import ResultRow
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.step import conditions

_FLUSH_SECONDS: Final = 2.0
"""Full batches are what a backtest writes; this is for whoever watches it."""


def backtest_flow(
    plan: BacktestPlan,
    database: Database,
    *,
    stop_requested: Callable[[], bool],
    on_progress: Callable[[ReplayProgress], None],
    on_rows: Callable[[str, Sequence[ResultRow]], None],
    on_error: Callable[[BaseException], None],
) -> Dataflow:
    """One source, indicators and conditions keyed by symbol, one desk per account, one sink partition per table."""
    terms = {account.name: account for account in accounts_of(plan)}
    strategies = strategies_of(plan)
    accounts: dict[str, Sequence[CompiledStrategy]] = {
        name: tuple(strategies[strategy] for strategy in account.strategies) for name, account in terms.items()
    }
    streams = {symbol: frozenset(present) for symbol, present in plan.streams.items()}
    used = tuple(dict.fromkeys(name for strategy in strategies.values() for name in strategy.indicator_ids))
    computed = tuple(dict.fromkeys((*used, *plan.recorded)))

    def build_desk(account: str) -> Desk:
        return Desk(terms[account], plan.session_id, accounts[account], plan.symbols, streams)

    flow = Dataflow("backtest")
    source = ReplaySource(
        database,
        ReplaySettings(
            session_id=plan.source_session_id,
            symbols=plan.symbols,
            from_ts=plan.from_ts,
            to_ts=plan.to_ts,
            speed=plan.speed,
            slice_rows=plan.slice_rows,
            page_rows=plan.page_rows,
            grid_us=plan.evaluation_interval_us,
            warmup_us=longest_window_us(computed),
            tape_from=plan.tape_from,
        ),
        stop_requested=stop_requested,
        on_progress=on_progress,
    )
    tape = op.input("tape", flow, source)
    by_symbol = op.key_on("by_symbol", tape, lambda batch: batch.symbol)
    settings = IndicatorSettings(computed, plan.evaluation_interval_us, with_cover=bool(plan.recorded))
    evaluations = indicators("indicators", by_symbol, settings)
    if plan.recorded:
        values = recording("recording", evaluations, RecordingSettings(plan.recorded, plan.record_every_us))
        sink = IndicatorSink(database, plan.session_id, on_error=on_error, flush_seconds=_FLUSH_SECONDS)
        op.output("indicator_values", values, sink)
        evaluations = for_decisions("for_decisions", evaluations, used)
    decisions = conditions("conditions", evaluations, accounts, streams)
    rows = desk("desk", decisions, build_desk)
    op.output("results", rows, ResultSink(database, on_rows=on_rows, on_error=on_error, flush_seconds=_FLUSH_SECONDS))
    return flow
