"""What the values of every kind keep to, whatever its formula. A new kind is tested without a change here."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE
from tests.reference.batches import SECOND, batches, busy_tape
from tests.reference.indicators import value_of
from tests.reference.small import MARKET_KINDS, small, small_id
from tests.reference.tape import GRID_SEQ, NAN, Book, Event, Tape, Trade, View

AVAILABLE = [name for name in MARKET_KINDS if CATALOGUE[name].unavailable is None]
END = 120 * SECOND
BOTH = (Event(1, 0, "observed_on", "trades"), Event(1, 1, "observed_on", "books"))

every_kind = pytest.mark.parametrize("name", AVAILABLE)


def evaluated(
    tape: Tape, ids: list[str], end: int = END, max_events: int = 2**20, interval: int = SECOND
) -> Evaluation:
    (whole,) = batches(tape, 0, end)
    return IndicatorEngine(ids, interval, max_events, with_cover=True).on_batch(whole)


@cache
def busy_values(name: str, *settings: str) -> np.ndarray:
    """The first value of a kind at all instants of the busy tape."""
    return evaluated(busy_tape(), [small_id(name, *settings)]).values[0]


@every_kind
def test_a_busy_tape_gives_values(name: str) -> None:
    """Without which the tests below would say nothing."""
    assert np.isfinite(busy_values(name)[-400:]).mean() > 0.3


@pytest.mark.parametrize("name", sorted(set(MARKET_KINDS) - set(AVAILABLE)))
def test_what_is_not_available_has_no_value(name: str) -> None:
    assert np.isnan(busy_values(name, "min_coverage=0")).all()


@every_kind
def test_what_was_never_observed_has_no_value(name: str) -> None:
    tape = busy_tape()
    tape.events.clear()
    for setting in ("", "min_coverage=0.01"):
        assert np.isnan(evaluated(tape, [small_id(name, setting)]).values).all()


@every_kind
def test_a_symbol_without_the_stream_has_no_value(name: str) -> None:
    """Each of the streams that it reads, unless it can do without."""
    tape = busy_tape()
    without_trades = Tape([], tape.books, [BOTH[1]])
    without_books = Tape(tape.trades, [], [BOTH[0]])
    indicator = [small_id(name, "min_coverage=0")]
    if "trades" in CATALOGUE[name].inputs:
        assert np.isnan(evaluated(without_trades, indicator).values).all()
    if "books" in CATALOGUE[name].inputs and name != "DUMP_EXHAUSTION_SCORE":
        assert np.isnan(evaluated(without_books, indicator).values).all()


@every_kind
def test_it_does_not_look_at_streams_that_it_does_not_name(name: str) -> None:
    tape = busy_tape()
    other = {"trades": Tape([], tape.books, [BOTH[1]]), "books": Tape(tape.trades, [], [BOTH[0]])}
    for stream, rest in other.items():
        if stream not in CATALOGUE[name].inputs:
            with_all = evaluated(tape, [small_id(name)])
            found = evaluated(rest, [small_id(name)])
            shared = np.isin(with_all.instants.ts, found.instants.ts) & (with_all.instants.kind == 2)
            alone = np.isin(found.instants.ts, with_all.instants.ts[shared]) & (found.instants.kind == 2)
            assert np.array_equal(found.values[0, alone], with_all.values[0, shared], equal_nan=True)


@every_kind
def test_old_streams_have_no_value(name: str) -> None:
    """From max_staleness after the newest event on."""
    found = evaluated(busy_tape(), [small_id(name, "min_coverage=0,max_staleness=4")], END + 60 * SECOND)
    inputs = CATALOGUE[name].inputs
    newest = [rows[-1].ts for rows, stream in ((busy_tape().trades, "trades"), (busy_tape().books, "books"))
              if stream in inputs]  # fmt: skip
    stale = found.instants.ts > min(newest) + 4 * SECOND
    assert np.isnan(found.values[0, stale]).all()
    assert not np.isnan(found.values[0, (found.instants.ts > END - 5 * SECOND) & ~stale]).all()


@every_kind
def test_less_cover_than_asked_for_gives_no_value(name: str) -> None:
    """Asking for more cover only takes values away; a value is shown exactly where its cover is enough."""
    tape = busy_tape()
    for second in (20, 60, 61, 95):
        for stream in ("trades", "books"):
            tape.events.append(Event(second * SECOND, 10_000 + second * 10, "observed_off", stream))
            tape.events.append(Event(second * SECOND + 600_000, 10_001 + second * 10, "observed_on", stream))
    tape.events.sort(key=lambda event: (event.ts, event.seq))
    all_of_it, some, any_of_it = (
        evaluated(tape, [small_id(name, f"min_coverage={least}")]) for least in ("1", "0.9", "0")
    )
    assert any_of_it.cover is not None
    if name != "MOMENTUM_REVERSAL_INDEX":  # whose seconds are asked for the same cover
        for found, least in ((all_of_it, 1.0), (some, 0.9)):
            expected = np.where(any_of_it.cover[0] >= least, any_of_it.values[0], NAN)
            assert np.array_equal(found.values[0], expected, equal_nan=True)
    for found, least in ((all_of_it, 1.0), (some, 0.9)):
        assert found.cover is not None
        assert np.isnan(found.values[0, found.cover[0] < least]).all()
    assert np.isnan(all_of_it.values).sum() > np.isnan(any_of_it.values).sum()


@every_kind
@pytest.mark.parametrize("bound", [1, 3, 20])
def test_a_bound_of_events_only_takes_values_away(name: str, bound: int) -> None:
    bounded = evaluated(busy_tape(), [small_id(name)], max_events=bound).values[0]
    shown = ~np.isnan(bounded)
    assert np.array_equal(bounded[shown], busy_values(name)[shown])


@every_kind
def test_later_events_of_the_same_time_are_not_seen(name: str) -> None:
    """After each of eight events at one whole second the values are those of a tape that ends there."""
    tape = busy_tape()
    ts, ids = END + SECOND, [small_id(name, choice=choice) for choice in range(len(small(name)))]
    for step in range(8):
        price = 1.0 + 0.05 * step  # the last is the fastest
        if step % 2:
            tape.books.append(Book(ts, 9_000 + step, price * 0.99, price * 1.01, 1.0 + step, 2.0))
        else:
            tape.trades.append(Trade(ts, 9_000 + step, price, 1.0 + step, 1))
    together = evaluated(tape, ids, ts, interval=0).values[:, -8:]
    for step in range(8):
        ended = Tape([row for row in tape.trades if row.seq <= 9_000 + step],
                     [row for row in tape.books if row.seq <= 9_000 + step], tape.events)  # fmt: skip
        alone = evaluated(ended, ids, ts, interval=0).values[:, -1]
        assert np.array_equal(together[:, step], alone, equal_nan=True), step


@every_kind
@pytest.mark.parametrize("power", [-30, 20])
def test_the_unit_of_the_price_does_not_matter(name: str, power: int) -> None:
    """1e-9 or 1e6: prices are multiplied with everything else, ratios and percents stay as they are, bit for bit."""
    scaled = evaluated(busy_tape(scale=2.0**power), [small_id(name)]).values[0]
    factor = 2.0**power if CATALOGUE[name].unit.startswith("quote") else 1.0
    assert np.array_equal(scaled, busy_values(name) * factor, equal_nan=True)


@every_kind
@pytest.mark.parametrize("price", [0.1, 4.9e-6, 77526.3])
def test_a_flat_price(name: str, price: float) -> None:
    """No change is exactly 0, never a little more; a mean of equal prices is that price to the last digits."""
    values = evaluated(busy_tape(scale=price, flat=True), [small_id(name)]).values[0]
    shown = values[~np.isnan(values)]
    unit, category = CATALOGUE[name].unit, CATALOGUE[name].category
    if unit == "quote per base" and not name.startswith("AVG_BEST"):
        np.testing.assert_allclose(shown, price, rtol=1e-13)
    elif category == "momentum" or name in ("VOLATILITY_PCT", "SUPPORT_LEVEL_PROXIMITY_PCT"):
        assert not shown.any()
    elif name == "TWPA_RATIO":
        assert (shown == 1.0).all()
    assert np.isfinite(shown).all()


@pytest.mark.parametrize("name", MARKET_KINDS)
@pytest.mark.parametrize("with_book", [False, True])
def test_a_single_trade(name: str, with_book: bool) -> None:
    """One trade and at most one book, then nothing for a minute: as the reference says at every second."""
    tape = Tape([Trade(5 * SECOND, 5, 3.0, 2.0, 1)], [], list(BOTH))
    if with_book:
        tape.books.append(Book(7 * SECOND, 6, 2.9, 3.1, 5.0, 4.0))
    ids = [small_id(name, setting) for setting in ("", "min_coverage=0")]
    found = evaluated(tape, ids, 70 * SECOND)
    for at in range(0, len(found.instants), 3):
        seq = int(found.instants.seq[at])
        view = View(tape, int(found.instants.ts[at]), GRID_SEQ if seq < 0 else seq, 2**20)
        for text, values in zip(ids, found.values, strict=True):
            expected = value_of(name, view, dict(parse_indicator(text).parameters))
            assert values[at] == pytest.approx(expected, rel=1e-12, nan_ok=True), (text, at)


@pytest.mark.parametrize("name", MARKET_KINDS)
def test_an_empty_tape(name: str) -> None:
    assert len(evaluated(Tape([], [], []), [small_id(name)]).instants) == 0
    observed = evaluated(Tape([], [], list(BOTH)), [small_id(name, "min_coverage=0")])
    assert len(observed.instants) == 120
    shown = observed.values[~np.isnan(observed.values)]
    assert not shown.any()  # counts and sums of nothing
