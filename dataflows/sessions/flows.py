"""Which dataflow a worker process runs: the one of its plan's mode, loaded only there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bytewax.dataflow import Dataflow

from connectors.questdb.server import open_database
from dataflows.sessions.earlier_rows import count_rows
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import BacktestPlan, CollectPlan, Plan
from dataflows.sessions.reporter import Reporter


@contextmanager
def prepared_flow(
    folder: SessionFolder, plan: Plan, reporter: Reporter, stop_requested: Callable[[], bool]
) -> Iterator[Dataflow]:
    """The flow of a plan, with what has to be there while it runs and to be finished after it.

    `stop_requested` is asked often; where it says so the source ends. `reporter` is told of the progress. A collector
    is prepared without the database, which may be away.
    """
    if isinstance(plan, CollectPlan):
        from dataflows.collect import collection

        with collection(plan, folder, reporter, stop_requested) as flow:
            yield flow
    else:
        yield _backtest(plan, reporter, stop_requested)


def _backtest(plan: BacktestPlan, reporter: Reporter, stop_requested: Callable[[], bool]) -> Dataflow:
    from dataflows.backtest import backtest_flow

    database = open_database(Path(plan.home), plan.database)
    earlier_rows = partial(count_rows, database, plan.session_id)
    return backtest_flow(
        plan,
        database,
        stop_requested=stop_requested,
        on_progress=partial(reporter.on_replayed, earlier_rows=earlier_rows),
        on_rows=reporter.on_rows,
        on_error=reporter.fail,
    )
