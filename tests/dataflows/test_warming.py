"""Set-up compiles every kernel once: whatever an engine is fed with later, there is one compiled version of each."""

from __future__ import annotations

from dataflows.warming import warm
from operators.indicators.engine import IndicatorEngine
from operators.indicators.kernels.append import append_events
from operators.indicators.kernels.evaluate import evaluate
from operators.indicators.kernels.instants import merge_instants
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Book, Event, Tape, Trade


def test_warm_compiles_everything_that_is_ever_called():
    warm()
    events = [Event(0, 0, "observed_on", "trades"), Event(0, 1, "observed_on", "books"),
              Event(SECOND, 2, "observed_off", "trades"), Event(2 * SECOND, 3, "observed_on", "trades")]  # fmt: skip
    trades = [Trade(i * SECOND, 9 + i, 1.0, 1.0, 1) for i in range(400)]
    tape = Tape(trades, [Book(3 * SECOND, 5, 1.0, 2.0)], events)
    ids = ["MAX_PRICE(t1=5,t2=0)", "SPREAD_VOLATILITY(t1=5,t2=0)"]
    for some_ids, with_cover in ((ids, True), (ids[:1], False), ([], False)):
        engine = IndicatorEngine(some_ids, with_cover=with_cover)
        for part in batches(tape, -1, 500 * SECOND, (SECOND // 2, SECOND, 200 * SECOND)):
            engine.on_batch(part)
        restored = IndicatorEngine.restore(engine.snapshot(), some_ids, with_cover=with_cover)
        restored.on_batch(batches(tape, 500 * SECOND, 501 * SECOND)[0])
    for kernel in (append_events, merge_instants, evaluate):
        assert len(kernel.signatures) == 1, kernel
