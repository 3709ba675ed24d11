"""Which indicator values of a session are stored: on the grid, or where they change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypedDict

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Stream
from bytewax.operators import KeyedStream, StatefulBatchLogic
from numpy.typing import NDArray

from operators.evaluation import GRID_INSTANT, Evaluation
from operators.indicator_rows import IndicatorRows
from operators.indicators.errors import SnapshotMismatch
from operators.tape import Float64

SNAPSHOT_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """What is stored: the indicators with these canonical ids, which every evaluation has with their cover, at the grid
    instants that are multiples of `every_us`, or (None) at each instant at which a value is another than before.

    In both cases a value that is missing (NaN) is stored once, when it begins to be missing.
    """

    indicator_ids: tuple[str, ...]
    every_us: int | None = None


class RecordingSnapshot(TypedDict):
    """What a symbol's logic needs to go on: the newest value of each indicator, none before the first instant."""

    schema: int
    newest: Float64 | None


class RecordingLogic(StatefulBatchLogic[Evaluation, IndicatorRows, RecordingSnapshot]):
    """Picks the values of one symbol that are stored. What it picks does not depend on how the tape is cut.

    Header-only batches and those of a warm-up have no instants, so nothing comes of them. Never discarded.
    """

    def __init__(self, settings: RecordingSettings, resume: RecordingSnapshot | None = None) -> None:
        if resume is not None and resume["schema"] != SNAPSHOT_SCHEMA:
            raise SnapshotMismatch(f"recording state has schema {resume['schema']}; allowed: {SNAPSHOT_SCHEMA}")
        self._settings = settings
        self._newest = None if resume is None else resume["newest"]
        self._rows: NDArray[np.intp] | None = None

    def on_batch(self, values: Iterable[Evaluation]) -> tuple[Iterable[IndicatorRows], bool]:
        """The rows of each evaluation that has any."""
        rows = (self._picked(evaluation) for evaluation in values)
        return [one for one in rows if one is not None and len(one)], self.RETAIN

    def snapshot(self) -> RecordingSnapshot:
        """The newest values, copied."""
        return {"schema": SNAPSHOT_SCHEMA, "newest": None if self._newest is None else self._newest.copy()}

    def _picked(self, evaluation: Evaluation) -> IndicatorRows | None:
        instants, cover = evaluation.instants, evaluation.cover
        due = self._due(evaluation)
        if not due.size:
            return None
        if cover is None:
            raise ValueError("values are recorded with their cover; the indicators step has to be asked for it")
        if self._rows is None:
            place = {indicator_id: row for row, indicator_id in enumerate(evaluation.indicator_ids)}
            self._rows = np.array([place[indicator_id] for indicator_id in self._settings.indicator_ids], np.intp)
        # an instant per row: what is stored is in the order of the tape
        values = evaluation.values[np.ix_(self._rows, due)].T
        at, which = np.nonzero(self._stored(values))
        self._newest = values[-1].copy()
        instant = due[at]
        return IndicatorRows(
            symbol=evaluation.batch.symbol,
            indicator_ids=self._settings.indicator_ids,
            ts=instants.ts[instant],
            seq=instants.seq[instant],
            which=which.astype(np.int32),
            value=values[at, which],
            cover=cover[self._rows[which], instant],
        )

    def _due(self, evaluation: Evaluation) -> NDArray[np.intp]:
        """The instants at which values are looked at."""
        instants, every_us = evaluation.instants, self._settings.every_us
        if every_us is None:
            return np.arange(len(instants))
        return np.flatnonzero((instants.kind == GRID_INSTANT) & (instants.ts % every_us == 0))

    def _stored(self, values: Float64) -> NDArray[np.bool_]:
        """Which of the values `[instant, indicator]` are stored."""
        earlier = np.empty_like(values)
        earlier[1:] = values[:-1]
        earlier[0] = np.nan if self._newest is None else self._newest
        missing = np.isnan(values)
        again = missing & np.isnan(earlier)
        stored: NDArray[np.bool_] = ~again if self._settings.every_us is not None else ~again & (values != earlier)
        if self._newest is None:
            stored[0] = True
        return stored


def recording(
    step_id: str, up: KeyedStream[Evaluation], settings: RecordingSettings
) -> Stream[tuple[str, IndicatorRows]]:
    """Pick what is stored of the evaluations of all symbols (the key of `up`); `(table, rows)` for the sink."""
    picked = op.stateful_batch(step_id, up, lambda resume: RecordingLogic(settings, resume))
    return op.map(f"{step_id}_rows", picked, _for_table)


def for_decisions(step_id: str, up: KeyedStream[Evaluation], indicator_ids: tuple[str, ...]) -> KeyedStream[Evaluation]:
    """The evaluations without what is only recorded: the first `indicator_ids`, without their cover."""
    count = len(indicator_ids)

    def stripped(evaluation: Evaluation) -> Evaluation:
        return replace(evaluation, indicator_ids=indicator_ids, values=evaluation.values[:count], cover=None)

    return op.map_value(step_id, up, stripped)


def _for_table(keyed: tuple[str, IndicatorRows]) -> tuple[str, IndicatorRows]:
    return IndicatorRows.TABLE, keyed[1]
