"""When a symbol is evaluated, and what each instant has seen of its batch."""

from __future__ import annotations

from operators.evaluation import BOOK_INSTANT, GRID_INSTANT, NO_SEQ, TRADE_INSTANT
from operators.indicators.engine import IndicatorEngine
from tests.reference.batches import SECOND, batches
from tests.reference.tape import Book, Event, Tape, Trade


def instants(tape: Tape, from_ts: int, to_ts: int, interval: int = SECOND):
    (whole,) = batches(tape, from_ts, to_ts)
    return IndicatorEngine([], interval).on_batch(whole).instants


def test_trades_and_books_by_seq_and_the_grid_after_all_events_of_its_ts():
    tape = Tape(
        [Trade(SECOND, 1, 1.0, 1.0, 1), Trade(SECOND, 3, 1.0, 1.0, 1), Trade(SECOND + 1, 4, 1.0, 1.0, 1)],
        [Book(SECOND, 2, 1.0, 2.0)],
        [],
    )
    found = instants(tape, 0, 2 * SECOND)
    assert found.ts.tolist() == [SECOND, SECOND, SECOND, SECOND, SECOND + 1, 2 * SECOND]
    assert found.seq.tolist() == [1, 2, 3, NO_SEQ, 4, NO_SEQ]
    assert found.kind.tolist() == [
        TRADE_INSTANT, BOOK_INSTANT, TRADE_INSTANT, GRID_INSTANT, TRADE_INSTANT, GRID_INSTANT
    ]  # fmt: skip
    assert found.trades.tolist() == [1, 1, 2, 2, 3, 3]
    assert found.books.tolist() == [0, 1, 1, 1, 1, 1]


def test_the_grid_begins_with_the_first_event_and_ends_with_symbol_removed():
    events = [Event(3 * SECOND, 1, "observed_on", "trades"), Event(6 * SECOND, 2, "symbol_removed"),
              Event(8 * SECOND + 1, 3, "symbol_added")]  # fmt: skip
    found = instants(Tape([], [], events), -1, 10 * SECOND)
    assert (found.ts // SECOND).tolist() == [3, 4, 5, 9, 10]


def test_the_grid_holds_multiples_of_the_interval_after_from_ts_up_to_to_ts():
    tape = Tape([], [], [Event(5, 1, "symbol_added")])
    assert instants(tape, 0, 28, interval=7).ts.tolist() == [7, 14, 21, 28]
    assert instants(tape, 4, 27, interval=7).ts.tolist() == [7, 14, 21]
    assert instants(tape, 0, 28, interval=0).ts.tolist() == []


def test_tape_events_cause_no_evaluation():
    tape = Tape([], [], [Event(5, 1, "symbol_added"), Event(6, 2, "book_invalid")])
    assert len(instants(tape, 0, 28, interval=0)) == 0
