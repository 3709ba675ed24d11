"""The indicators step of a dataflow: one engine per symbol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bytewax.operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from operators.evaluation import Evaluation
from operators.indicators.engine import (
    DEFAULT_INTERVAL_US,
    DEFAULT_MAX_RING_EVENTS,
    IndicatorEngine,
    without_instants,
)
from operators.indicators.snapshot import EngineSnapshot
from operators.tape import MarketBatch


@dataclass(frozen=True, slots=True)
class IndicatorSettings:
    """What every symbol's engine computes: canonical ids, the evaluation grid and the bound of its rings."""

    ids: tuple[str, ...]
    evaluation_interval_us: int = DEFAULT_INTERVAL_US
    max_ring_events: int = DEFAULT_MAX_RING_EVENTS
    with_cover: bool = False


class IndicatorsLogic(StatefulBatchLogic[MarketBatch, Evaluation, EngineSnapshot | None]):
    """Feeds the batches of one symbol to its engine. Header-only batches (symbol "") pass through without state."""

    def __init__(self, settings: IndicatorSettings, resume_state: EngineSnapshot | None) -> None:
        arguments = (
            settings.ids,
            settings.evaluation_interval_us,
            settings.max_ring_events,
            settings.with_cover,
        )
        self._settings = settings
        self._engine = (
            IndicatorEngine.restore(resume_state, *arguments)
            if resume_state is not None
            else IndicatorEngine(*arguments)
        )

    def on_batch(self, values: list[MarketBatch]) -> tuple[Iterable[Evaluation], bool]:
        """One evaluation per batch, in order."""
        return [self._evaluation(batch) for batch in values], self.RETAIN

    def _evaluation(self, batch: MarketBatch) -> Evaluation:
        if batch.symbol:
            return self._engine.on_batch(batch)
        return without_instants(batch, self._settings.ids, self._settings.with_cover)

    def snapshot(self) -> EngineSnapshot | None:
        """The engine's snapshot."""
        return self._engine.snapshot()


def indicators(step_id: str, up: KeyedStream[MarketBatch], settings: IndicatorSettings) -> KeyedStream[Evaluation]:
    """Evaluates the indicators of each symbol.

    `up` is keyed by symbol, and so is what comes out: one `Evaluation` per `MarketBatch`, in the same order.
    """
    return op.stateful_batch(step_id, up, lambda resume_state: IndicatorsLogic(settings, resume_state))
