"""Values are identical, bit for bit, however the tape is cut and wherever the program was restarted."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine, longest_window_us
from operators.indicators.errors import SnapshotMismatch, WarmUpIncomplete
from operators.indicators.ids import parse_indicator
from operators.tape import Books, MarketBatch
from tests.reference.batches import SECOND, batch, batches, row_batches, tapes
from tests.reference.small import MARKET_KINDS, one_of_each, small, small_id
from tests.reference.tape import GRID_SEQ, Book, Event, Tape, Trade

NO_BOOKS = Books.empty()
IDS = (
    *one_of_each("min_coverage=0"),
    *(small_id(kind, choice=len(small(kind)) - 1) for kind in MARKET_KINDS),
    parse_indicator("MIN_PRICE(t1=50,t2=12,min_coverage=0)").id,
)
LONGEST = longest_window_us(IDS)
FEW = tuple(
    parse_indicator(text).id
    for text in (
        "TWPA(t1=10,t2=0)",
        "PUMP_MAGNITUDE_PCT(t1=2,t3=20,d=10)",
        "MAX_PRICE(t1=30,t2=0)",
        "VOLUME_SURGE_RATIO(t1=3,t2=0,t3=30,t4=3)",
        "SPREAD_PCT",
        "SPREAD_VOLATILITY(t1=20,t2=1)",
        "TW_MIDPRICE(t1=20,t2=0)",
    )
)

RingBound = st.sampled_from((2**20, 1, 4))


def bits(column: np.ndarray) -> np.ndarray:
    """Floats as their bits, all NaN alike."""
    return np.where(np.isnan(column), np.int64(-1), column.view(np.int64))


def joined(evaluations: Iterable[Evaluation]) -> dict[str, np.ndarray]:
    """The columns of consecutive evaluations as one."""
    parts = list(evaluations)
    return {
        "ts": np.concatenate([part.instants.ts for part in parts]),
        "seq": np.concatenate([part.instants.seq for part in parts]),
        "kind": np.concatenate([part.instants.kind for part in parts]),
        "values": bits(np.concatenate([part.values for part in parts], axis=1)),
        "cover": bits(np.concatenate([part.cover for part in parts if part.cover is not None], axis=1)),
        "last_price": bits(np.concatenate([part.last_price for part in parts])),
    }


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, column in expected.items():
        assert np.array_equal(found[name], column), name


def engine(interval: int, max_events: int) -> IndicatorEngine:
    return IndicatorEngine(IDS, interval, max_events, with_cover=True)


def whole_tape(tape: Tape, end: int, interval: int, max_events: int) -> tuple[dict[str, np.ndarray], int]:
    """All values from one batch, and the overflows counted."""
    whole = engine(interval, max_events)
    return joined(map(whole.on_batch, batches(tape, 0, end))), whole.ring_overflows


@settings(max_examples=150, deadline=None)
@given(tapes(), st.lists(st.integers(0, 200 * SECOND), max_size=12), st.sampled_from((0, SECOND)), RingBound)
def test_any_slicing_gives_the_same_bits(
    tape_and_end: tuple[Tape, int], cuts: list[int], interval: int, bound: int
) -> None:
    tape, end = tape_and_end
    expected, overflows = whole_tape(tape, end, interval, bound)
    sliced = engine(interval, bound)
    cuts += [row.ts for row in tape.trades[::3]]
    assert_same(joined(map(sliced.on_batch, batches(tape, 0, end, cuts))), expected)
    assert sliced.ring_overflows == overflows


@settings(max_examples=100, deadline=None)
@given(tapes(), st.lists(st.integers(1, 5), min_size=40, max_size=40), st.sampled_from((0, SECOND)), RingBound)
def test_cuts_between_rows_of_one_ts_give_the_same_bits(
    tape_and_end: tuple[Tape, int], sizes: list[int], interval: int, bound: int
) -> None:
    tape, end = tape_and_end
    expected, _ = whole_tape(tape, end, interval, bound)
    sliced = engine(interval, bound)
    assert_same(joined(map(sliced.on_batch, row_batches(tape, 0, end, sizes))), expected)


def warm_up(tape: Tape, watermark: int, cuts: list[int]) -> list[MarketBatch]:
    """What the source sends again after a restart: everything in (watermark − longest window, watermark]."""
    start = watermark - LONGEST
    edges = [start, *sorted({cut for cut in cuts if start < cut < watermark}), watermark]
    return [batch(tape, (since, GRID_SEQ), (until, GRID_SEQ), warmup=True) for since, until in pairwise(edges)]


@settings(max_examples=150, deadline=None)
@given(
    tapes(),
    st.lists(st.integers(1, 150 * SECOND), min_size=1, max_size=4),
    st.lists(st.integers(0, 200 * SECOND), max_size=5),
    st.sampled_from((0, SECOND)),
    RingBound,
    st.booleans(),
)
def test_a_restart_anywhere_gives_the_same_bits(
    tape_and_end: tuple[Tape, int], restarts: list[int], cuts: list[int], interval: int, bound: int, twice: bool
) -> None:
    tape, end = tape_and_end
    expected, overflows = whole_tape(tape, end, interval, bound)
    parts = batches(tape, 0, end, [*restarts, *cuts])
    running = engine(interval, bound)
    found = []
    for part in parts:
        found.append(running.on_batch(part))
        watermark = part.header.to_ts
        if watermark in restarts:
            state = pickle.loads(pickle.dumps(running.snapshot()))
            running = IndicatorEngine.restore(state, IDS, interval, bound, with_cover=True)
            again = warm_up(tape, watermark, cuts)
            if twice:  # killed in the middle of the warm-up
                for part_again in again[: len(again) // 2 + 1]:
                    running.on_batch(part_again)
                state = pickle.loads(pickle.dumps(running.snapshot()))
                running = IndicatorEngine.restore(state, IDS, interval, bound, with_cover=True)
            assert all(len(running.on_batch(part_again).instants) == 0 for part_again in again)
    assert_same(joined(found), expected)
    assert running.ring_overflows == overflows


@pytest.mark.parametrize("interval", [0, SECOND])
def test_restarts_of_a_busy_symbol_give_the_same_bits(interval: int) -> None:
    """Where every kind has a value all the time, so that nothing that is forgotten goes unnoticed."""
    tape, end = busy_tape(1_200, flapping=False), 120 * SECOND
    expected, _ = whole_tape(tape, end, interval, 2**20)
    running, found = engine(interval, 2**20), []
    for part in batches(tape, 0, end, range(0, end, 7_300_000)):
        found.append(running.on_batch(part))
        state = pickle.loads(pickle.dumps(running.snapshot()))
        running = IndicatorEngine.restore(state, IDS, interval, 2**20, with_cover=True)
        for again in warm_up(tape, part.header.to_ts, []):
            running.on_batch(again)
    assert_same(joined(found), expected)


def without_quiet(parts: list[MarketBatch]) -> list[MarketBatch]:
    """What a source without a grid sends: no batch where nothing happened to the symbol."""
    return [part for part in parts if len(part.trades) or len(part.books) or part.events]


@settings(max_examples=200, deadline=None)
@given(tapes(), st.integers(1, 200 * SECOND), st.lists(st.integers(0, 200 * SECOND), max_size=8), RingBound)
def test_a_restart_while_a_symbol_is_quiet_gives_the_same_bits(
    tape_and_end: tuple[Tape, int], resume: int, cuts: list[int], bound: int
) -> None:
    """The source stands any time after the symbol's last batch and sends twice the longest window again: all that is
    needed of a symbol that was quiet for less than the window, and not all of what another had in its ring."""
    tape, end = tape_and_end
    running = engine(0, bound)
    for part in without_quiet(batches(tape, 0, resume, cuts)):
        running.on_batch(part)
    state = pickle.loads(pickle.dumps(running.snapshot()))
    restored = IndicatorEngine.restore(state, IDS, 0, bound, with_cover=True)
    for part in without_quiet([batch(tape, (resume - 2 * LONGEST, GRID_SEQ), (resume, GRID_SEQ), warmup=True)]):
        restored.on_batch(part)
    for part in without_quiet(batches(tape, resume, max(end, resume + 1), cuts)):
        assert_same(joined([restored.on_batch(part)]), joined([running.on_batch(part)]))
    assert restored.ring_overflows == running.ring_overflows


@pytest.mark.parametrize("interval", [0, SECOND])
@pytest.mark.parametrize("quiet", [LONGEST, 3 * LONGEST])
def test_a_symbol_quiet_for_longer_than_its_windows_needs_no_warm_up(interval: int, quiet: int) -> None:
    """Removed, restarted long after, back again: as if nothing had happened, though nothing is sent again."""
    tape = busy_tape(1_000)
    removed = 100 * SECOND
    back = removed + quiet
    tape.events.append(Event(removed, 1_000, "symbol_removed"))
    later = busy_tape(1_000)
    for rows, more in ((tape.trades, later.trades), (tape.books, later.books)):
        rows += [row._replace(ts=row.ts + back, seq=row.seq + 2_000) for row in more]
    first, _, third = batches(tape, 0, back + 100 * SECOND, [removed, back])
    running = engine(interval, 2**20)
    running.on_batch(first)
    state = pickle.loads(pickle.dumps(running.snapshot()))
    assert all(stream.events > 0 for stream in state.streams)
    restored = IndicatorEngine.restore(state, IDS, interval, 2**20, with_cover=True)
    assert_same(joined([restored.on_batch(third)]), joined([running.on_batch(third)]))


def test_a_symbol_quiet_for_less_than_its_windows_needs_the_warm_up() -> None:
    tape = busy_tape(1_000)
    running = engine(0, 2**20)
    running.on_batch(batches(tape, 0, 100 * SECOND)[0])
    restored = IndicatorEngine.restore(running.snapshot(), IDS, 0, 2**20, with_cover=True)
    newest = max(row.ts for row in (*tape.trades, *tape.books))
    with pytest.raises(WarmUpIncomplete, match="0 trades sent again"):
        restored.on_batch(batches(tape, newest + LONGEST - 1, newest + 2 * LONGEST)[0])


def busy_tape(count: int, *, flapping: bool = False) -> Tape:
    """Ten trades a second, books, and a gap now and then."""
    random = np.random.default_rng(5)
    tape = Tape([], [], [Event(1, 0, "observed_on", "trades"), Event(1, 1, "observed_on", "books")])
    for seq in range(2, count):
        ts = seq * 100_000
        price = float(np.exp(random.normal(0, 0.01)))
        if seq % 7 == 0:
            tape.books.append(Book(ts, seq, price * 0.999, price * 1.001))
        elif flapping and seq % 50 == 0:
            tape.events.append(Event(ts, seq, "observed_off" if seq % 100 else "observed_on", "trades"))
        elif flapping and seq % 53 == 0:
            tape.events.append(Event(ts, seq, "book_invalid"))
        else:
            tape.trades.append(Trade(ts, seq, price, float(random.pareto(1.2)) + 0.1, int(random.integers(-1, 2))))
    return tape


@pytest.mark.parametrize("flapping", [False, True])
def test_long_tapes_with_moving_rings(flapping: bool) -> None:
    """Rings that grow, shrink and move give the same bits too; batches of 1 to 3000 rows in turn."""
    tape = busy_tape(16_000, flapping=flapping)
    end = 1_610 * SECOND
    expected, _ = whole_tape(tape, end, SECOND, 2**20)
    cuts = [*range(0, 25 * SECOND, 100_000), *range(25 * SECOND, 1500 * SECOND, 300 * SECOND), 1500_500_000]
    cuts += [1500_500_000 + step * 90_001 for step in range(250)]
    sliced = engine(SECOND, 2**20)
    assert_same(joined(map(sliced.on_batch, batches(tape, 0, end, cuts))), expected)


@pytest.mark.parametrize(("ids", "most"), [(FEW, 4_096), (IDS, 8_192)])
def test_snapshots_are_small(ids: tuple[str, ...], most: int) -> None:
    running = IndicatorEngine(ids, SECOND)
    for part in batches(busy_tape(20_000, flapping=True), 0, 2_000 * SECOND, range(0, 2_000 * SECOND, 50 * SECOND)):
        running.on_batch(part)
    assert len(pickle.dumps(running.snapshot())) <= most


def test_averages_of_many_bars_keep_no_bars() -> None:
    running = IndicatorEngine(["EMA(period=500,bar=1)", "RSI(period=100,bar=1)"], SECOND)
    running.on_batch(batches(busy_tape(10_000), 0, 1_000 * SECOND)[0])
    assert len(pickle.dumps(running.snapshot())) <= 2_048


def test_a_snapshot_of_other_indicators_is_refused() -> None:
    state = engine(SECOND, 2**20).snapshot()
    with pytest.raises(SnapshotMismatch, match="other indicators"):
        IndicatorEngine.restore(state, IDS[:-1], SECOND)


def test_going_on_without_the_warm_up_is_refused() -> None:
    running = engine(SECOND, 2**20)
    first, second = batches(busy_tape(1_000), 0, 100 * SECOND, [50 * SECOND])
    running.on_batch(first)
    restored = IndicatorEngine.restore(running.snapshot(), IDS, SECOND, 2**20, with_cover=True)
    with pytest.raises(WarmUpIncomplete, match="trades sent again end at"):
        restored.on_batch(second)


@pytest.mark.parametrize("late", [0, SECOND])
def test_a_warm_up_that_begins_too_late_is_noticed(late: int) -> None:
    """A sliver is missing right after the stored oldest event; the newest one is there."""
    tape = busy_tape(1_000)
    running = engine(SECOND, 2**20)
    first, second = batches(tape, 0, 100 * SECOND, [80 * SECOND])
    running.on_batch(first)
    oldest = running.snapshot().streams[0].oldest.moment
    begins = min(row.ts for row in tape.trades if (row.ts, row.seq) > oldest) + late
    restored = IndicatorEngine.restore(running.snapshot(), IDS, SECOND, 2**20, with_cover=True)
    restored.on_batch(batch(tape, (begins, GRID_SEQ), (80 * SECOND, GRID_SEQ), warmup=True))
    with pytest.raises(WarmUpIncomplete, match="trades sent again end at"):
        restored.on_batch(second)


def test_a_hole_in_the_warm_up_is_noticed() -> None:
    running = engine(SECOND, 2**20)
    first, second = batches(busy_tape(1_000), 0, 100 * SECOND, [50 * SECOND])
    running.on_batch(first)
    restored = IndicatorEngine.restore(running.snapshot(), IDS, SECOND, 2**20, with_cover=True)
    whole = batch(busy_tape(1_000), (0, GRID_SEQ), (50 * SECOND, GRID_SEQ), warmup=True)
    middle = len(whole.trades) // 2
    for part in (whole.trades.between(0, middle), whole.trades.between(middle + 1, len(whole.trades))):
        restored.on_batch(
            replace(whole, trades=part, books=whole.books if part.ts[0] == whole.trades.ts[0] else NO_BOOKS)
        )
    with pytest.raises(WarmUpIncomplete, match="needed"):
        restored.on_batch(second)
