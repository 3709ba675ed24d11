"""The step in a dataflow: keyed by symbol, header-only batches pass through, state survives a restart."""

from __future__ import annotations

from dataclasses import replace

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from operators.indicators.engine import IndicatorEngine
from operators.indicators.step import IndicatorSettings, IndicatorsLogic, indicators
from operators.tape import Books, MarketBatch, SliceHeader, Trades
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Event, Tape, Trade

SETTINGS = IndicatorSettings(("TWPA(t1=5,t2=0)", "COUNT_TRADES(t1=5,t2=0)"))
TAPE = Tape([Trade(i * SECOND, i, 1.0 + i, 1.0, 1) for i in range(1, 20)], [], [Event(0, 0, "observed_on", "trades")])
HEADER_ONLY = MarketBatch("", SliceHeader(0, 1, 9, 30, 40, 1), Trades.empty(), Books.empty())


def test_one_evaluation_per_batch_and_symbol():
    first, second = batches(TAPE, -1, 20 * SECOND, [10 * SECOND])
    other = [replace(first, symbol="B_USDT"), replace(second, symbol="B_USDT")]
    flow = Dataflow("indicators")
    tape = op.input("tape", flow, TestingSource([first, other[0], second, HEADER_ONLY, other[1]]))
    keyed = op.key_on("by_symbol", tape, lambda batch: batch.symbol)
    out: list = []
    op.output("out", indicators("indicators", keyed, SETTINGS), TestingSink(out))
    run_main(flow)
    assert sorted(symbol for symbol, _ in out) == ["", "A_USDT", "A_USDT", "B_USDT", "B_USDT"]
    engine = IndicatorEngine(SETTINGS.ids)
    expected = [engine.on_batch(part).values for part in (first, second)]
    for wanted in ("A_USDT", "B_USDT"):
        found = [evaluation for symbol, evaluation in out if symbol == wanted]
        assert [evaluation.batch.symbol for evaluation in found] == [wanted, wanted]
        for evaluation, values in zip(found, expected, strict=True):
            assert evaluation.indicator_ids == SETTINGS.ids
            assert np.array_equal(evaluation.values, values, equal_nan=True)
    (passed,) = (evaluation for symbol, evaluation in out if symbol == "")
    assert passed.batch is HEADER_ONLY
    assert len(passed.instants) == 0


def test_a_logic_goes_on_from_its_snapshot():
    first, second = batches(TAPE, -1, 20 * SECOND, [10 * SECOND])
    logic = IndicatorsLogic(SETTINGS, None)
    logic.on_batch([first])
    resumed = IndicatorsLogic(SETTINGS, logic.snapshot())
    warm_up = replace(first, header=replace(first.header, warmup=True))
    (silent, values), keep = resumed.on_batch([warm_up, second])
    assert not keep
    assert len(silent.instants) == 0
    ((expected,), _) = logic.on_batch([second])
    assert np.array_equal(values.values, expected.values, equal_nan=True)
