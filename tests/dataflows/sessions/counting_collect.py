"""A collector of the smallest kind, run by real workers in place of the real one: it counts, one trade every 10 ms.

What the database would get waits in its journal while that is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.questdb.errors import StorageError
from connectors.questdb.server import locate_database
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.reporter import Reporter
from dataflows.sessions.worker_report import CollectProgress

TAPE_FROM = 1_800_000_000_000_000


class Part(StatefulSourcePartition[int, int]):
    def __init__(
        self, plan: CollectPlan, reporter: Reporter, stop_requested: Callable[[], bool], resume: int | None
    ) -> None:
        self.plan, self.reporter, self.stop_requested = plan, reporter, stop_requested
        self.count = resume or 0
        self.awake = datetime.now(UTC)

    def next_batch(self) -> list[int]:
        if self.stop_requested() or (self.plan.duration_us and self.count * 10_000 >= self.plan.duration_us):
            raise StopIteration
        self.count += 1
        self.awake += timedelta(milliseconds=10)
        self.reporter.on_collected(
            CollectProgress(
                tape_from=TAPE_FROM,
                tape_ts=TAPE_FROM + self.count * 10_000,
                trades=self.count,
                gaps=2,
                malformed=3,
                lag_ms_p50=1.5,
            )
        )
        return [self.count]

    def next_awake(self) -> datetime:
        return self.awake

    def snapshot(self) -> int:
        return self.count


class Source(FixedPartitionedSource[int, int]):
    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def list_parts(self) -> list[str]:
        return ["exchange"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Part:
        return Part(*self.arguments, resume_state)


class Nowhere(DynamicSink[int]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[int]:
        return NowherePart()


class NowherePart(StatelessSinkPartition[int]):
    def write_batch(self, items: list[int]) -> None:
        pass


@contextmanager
def collection(
    plan: CollectPlan, folder: SessionFolder, reporter: Reporter, stop_requested: Callable[[], bool]
) -> Iterator[Dataflow]:
    folder.journal.mkdir(exist_ok=True)
    reporter.on_symbols([{"symbol": symbol, "trades": 0} for symbol in plan.symbols])
    flow = Dataflow("counting")
    op.output("nowhere", op.input("exchange", flow, Source(plan, reporter, stop_requested)), Nowhere())
    yield flow
    try:
        locate_database(Path(plan.home), plan.database).check()
    except StorageError:
        reporter.on_drained(7, 700, away=True)
    else:
        time.sleep(0.1)
        reporter.on_drained(0, 0, away=False)
