"""Which values are stored: on the grid or where they change, missing ones once, however the tape is cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.errors import TapeflowError
from operators.evaluation import GRID_INSTANT, NO_SEQ, TRADE_INSTANT, Evaluation, Instants
from operators.indicators.recording import RecordingLogic, RecordingSettings
from operators.tape import Books, MarketBatch, SliceHeader, Trades

NAN = float("nan")
SECOND = 1_000_000
IDS = ("LAST_PRICE(t1=60,t2=0)", "SPREAD_PCT()")
Moment = tuple[float, bool, float, float]
"""Second, whether it is a grid instant, and the values of both indicators."""


def evaluation(moments: Sequence[Moment], symbol: str = "A_USDT") -> Evaluation:
    """Both indicators at these moments; the cover is a tenth of the value's place."""
    ts = np.array([round(at * SECOND) for at, *_ in moments], np.int64)
    grid = np.array([on_grid for _, on_grid, *_ in moments], np.bool_)
    seq = np.where(grid, NO_SEQ, ts // 1000)
    none = np.zeros(len(ts), np.int64)
    kind = np.where(grid, GRID_INSTANT, TRADE_INSTANT).astype(np.int8)
    values = np.array([values for _, _, *values in moments], np.float64).reshape(-1, 2).T
    cover = np.broadcast_to(np.array([[0.5], [1.0]]), values.shape)
    batch = MarketBatch(symbol, SliceHeader(0, 1, 0, 0, 1, 1), Trades.empty(), Books.empty())
    return Evaluation(batch, Instants(ts, seq, kind, none, none), IDS, values, np.zeros(len(ts)), cover)


def stored(logic: RecordingLogic, *parts: Sequence[Moment]) -> list[tuple]:
    """(second, seq or None, indicator, value or None) of everything that is picked."""
    rows = [row for part in parts for row in logic.on_batch([evaluation(part)])[0]]
    return [
        (ts / SECOND, None if seq == NO_SEQ else seq, one.indicator_ids[which], None if np.isnan(value) else value)
        for one in rows
        for ts, seq, which, value in zip(
            one.ts.tolist(), one.seq.tolist(), one.which.tolist(), one.value.tolist(), strict=True
        )
    ]


MOMENTS: list[Moment] = [
    (0.5, False, NAN, 1.0),
    (1.0, True, NAN, 1.0),
    (1.5, False, 7.0, 1.0),
    (2.0, True, 7.0, 2.0),
    (3.0, True, NAN, 2.0),
    (4.0, True, NAN, 2.0),
]
ON_CHANGE = [
    (0.5, 500, IDS[0], None),
    (0.5, 500, IDS[1], 1.0),
    (1.5, 1500, IDS[0], 7.0),
    (2.0, None, IDS[1], 2.0),
    (3.0, None, IDS[0], None),
]


def test_a_value_is_stored_when_it_changes_and_missing_once():
    assert stored(RecordingLogic(RecordingSettings(IDS)), MOMENTS) == ON_CHANGE


def test_on_the_grid_every_value_is_stored_and_missing_ones_once():
    assert stored(RecordingLogic(RecordingSettings(IDS, SECOND)), MOMENTS) == [
        (1.0, None, IDS[0], None),
        (1.0, None, IDS[1], 1.0),
        (2.0, None, IDS[0], 7.0),
        (2.0, None, IDS[1], 2.0),
        (3.0, None, IDS[0], None),
        (3.0, None, IDS[1], 2.0),
        (4.0, None, IDS[1], 2.0),
    ]


def test_every_second_instant_of_the_grid():
    assert stored(RecordingLogic(RecordingSettings((IDS[1],), 2 * SECOND)), MOMENTS) == [
        (2.0, None, IDS[1], 2.0),
        (4.0, None, IDS[1], 2.0),
    ]


def test_only_what_was_asked_for_with_its_own_cover():
    (rows,), keep = RecordingLogic(RecordingSettings((IDS[1],))).on_batch([evaluation(MOMENTS)])
    assert not keep
    assert rows.symbol == "A_USDT"
    assert rows.indicator_ids == (IDS[1],)
    assert rows.cover.tolist() == [1.0, 1.0]


def test_evaluations_without_instants_store_nothing():
    logic = RecordingLogic(RecordingSettings(IDS))
    assert stored(logic, [], MOMENTS) == ON_CHANGE
    assert list(logic.on_batch([evaluation([], symbol="")])[0]) == []


VALUE = st.sampled_from([NAN, 0.0, 1.0, 2.5])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.booleans(), VALUE, VALUE), min_size=1, max_size=12),
    st.sets(st.integers(0, 12), max_size=4),
    st.sampled_from([None, SECOND, 3 * SECOND]),
)
def test_neither_cuts_nor_restarts_change_what_is_stored(rows, wanted_cuts, every_us):
    moments = [(float(second), *row) for second, row in enumerate(rows)]
    wanted = RecordingSettings(IDS, every_us)
    cuts = sorted(cut for cut in wanted_cuts if cut <= len(moments))
    parts = [moments[start:end] for start, end in zip([0, *cuts], [*cuts, len(moments)], strict=True)]
    whole = stored(RecordingLogic(wanted), moments)
    assert stored(RecordingLogic(wanted), *parts) == whole
    logic, found = RecordingLogic(wanted), []
    for part in parts:
        found += stored(logic, part)
        logic = RecordingLogic(wanted, logic.snapshot())
    assert found == whole


def test_a_snapshot_does_not_change_with_the_logic():
    logic = RecordingLogic(RecordingSettings(IDS))
    stored(logic, MOMENTS[:3])
    snapshot = logic.snapshot()
    stored(logic, MOMENTS[3:])
    assert snapshot["newest"].tolist() == [7.0, 1.0]


def test_the_state_of_another_version_is_refused():
    with pytest.raises(TapeflowError, match="schema 9; allowed: 1"):
        RecordingLogic(RecordingSettings(IDS), {"schema": 9, "newest": None})
