"""The desk step: decisions of all symbols in, result rows out, keyed by account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic

from operators.desk.desk import Desk, DeskError
from operators.results import ResultRow
from operators.strategy.compiled import Decisions
from operators.tape import MICROSECONDS, SliceHeader

SNAPSHOT_SCHEMA: Final = 1
APPROACH_EVERY: Final = 3600 * MICROSECONDS
"""How often it is told, in tape time, how near sections have come so far."""

Rows = tuple[str, list[ResultRow]]
"""A table's name and rows for it, in the order of decisions."""


@dataclass(slots=True)
class PendingSlice:
    """The parts of one slice that have arrived, by source."""

    parts: dict[int, list[Decisions]] = field(default_factory=dict)

    def add(self, decisions: Decisions) -> None:
        header = decisions.evaluation.batch.header
        arrived = self.parts.setdefault(header.source, [])
        arrived.append(decisions)
        if len(arrived) > header.parts:
            raise DeskError(
                f"slice {header.no} of source {header.source} has {len(arrived)} parts; its header says {header.parts}"
            )

    @property
    def whole(self) -> bool:
        """Whether every source has sent all parts."""
        headers = [arrived[0].evaluation.batch.header for arrived in self.parts.values()]
        return len(headers) == headers[0].sources and all(
            len(self.parts[header.source]) == header.parts for header in headers
        )

    def header(self) -> SliceHeader:
        """The slice's header; it is the last only if every source says so."""
        headers = [self.parts[source][0].evaluation.batch.header for source in sorted(self.parts)]
        first = headers[0]
        for other in headers[1:]:
            if (other.from_ts, other.to_ts) != (first.from_ts, first.to_ts):
                raise DeskError(
                    f"slice {first.no} spans ({first.from_ts}, {first.to_ts}] at source {first.source} and "
                    f"({other.from_ts}, {other.to_ts}] at source {other.source}; allowed: the same boundaries"
                )
        return next((header for header in headers if not header.last), first)

    def all_parts(self) -> list[Decisions]:
        """Every part, sources and symbols in a fixed order."""
        return [
            part
            for source in sorted(self.parts)
            for part in sorted(self.parts[source], key=lambda one: one.evaluation.batch.symbol)
        ]


class DeskSnapshot(TypedDict):
    """What a desk's logic needs to go on. `pending` is usually empty: a source emits a slice within one epoch."""

    schema: int
    account: str | None
    next_no: int
    pending: dict[int, PendingSlice]
    desk: dict[str, Any] | None


class DeskLogic(StatefulBatchLogic[Decisions, Rows, DeskSnapshot]):
    """Collects the parts of slices, in whatever order they come, and lets the desk decide each whole slice in order.

    The account is known with the first part; the logic is never discarded.
    """

    def __init__(self, build: Callable[[str], Desk], resume: DeskSnapshot | None = None) -> None:
        if resume is not None and resume["schema"] != SNAPSHOT_SCHEMA:
            raise DeskError(f"desk step snapshot of schema {resume['schema']}; allowed: {SNAPSHOT_SCHEMA}")
        self._build = build
        self._account = resume["account"] if resume else None
        self._next_no = resume["next_no"] if resume else 0
        self._pending = resume["pending"] if resume else {}
        self._desk: Desk | None = None
        if self._account is not None:
            self._desk = build(self._account)
            if resume is not None and resume["desk"] is not None:
                self._desk.restore(resume["desk"])

    def on_batch(self, values: Iterable[Decisions]) -> tuple[Iterable[Rows], bool]:
        """Rows of every slice that became whole, by table."""
        rows: list[ResultRow] = []
        for decisions in values:
            header = decisions.evaluation.batch.header
            if header.no < self._next_no:
                raise DeskError(
                    f"a part of slice {header.no} came after the slice was decided; next is {self._next_no}"
                )
            if self._desk is None:
                self._account = decisions.account
                self._desk = self._build(decisions.account)
            self._pending.setdefault(header.no, PendingSlice()).add(decisions)
            while self._next_no in self._pending and self._pending[self._next_no].whole:
                whole = self._pending.pop(self._next_no)
                self._next_no += 1
                slice_ = whole.header()
                rows += self._desk.on_slice(slice_, whole.all_parts())
                if slice_.from_ts // APPROACH_EVERY != slice_.to_ts // APPROACH_EVERY:
                    rows += self._desk.approach_rows()
        return by_table(rows), StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[Rows], bool]:
        """The tape ends or the session is stopped: how near sections have come, as stored rows."""
        rows = self._desk.approach_rows() if self._desk is not None else []
        return by_table(rows), StatefulBatchLogic.RETAIN

    def snapshot(self) -> DeskSnapshot:
        """The desk and the parts of slices that are not whole yet."""
        return {
            "schema": SNAPSHOT_SCHEMA,
            "account": self._account,
            "next_no": self._next_no,
            "pending": {
                no: PendingSlice({source: list(arrived) for source, arrived in slice_.parts.items()})
                for no, slice_ in self._pending.items()
            },
            "desk": self._desk.snapshot() if self._desk is not None else None,
        }


def by_table(rows: Iterable[ResultRow]) -> list[Rows]:
    """Rows grouped by table, tables in the order of their first row."""
    tables: dict[str, list[ResultRow]] = {}
    for row in rows:
        tables.setdefault(row.TABLE, []).append(row)
    return list(tables.items())


def desk(step_id: str, up: KeyedStream[Decisions], build: Callable[[str], Desk]) -> Stream[Rows]:
    """Decide for each account (the key of `up`); what comes out are `(table, rows)` for the sinks."""
    decided = op.stateful_batch(step_id, up, lambda resume: DeskLogic(build, resume))
    return op.key_rm(f"{step_id}_rows", decided)
