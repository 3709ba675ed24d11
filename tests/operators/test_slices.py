"""Slices are consecutive, do not overlap, are cut only between different ts, and hold exactly what the tape holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.slices import CutterState, SliceCutter, TapeOutOfOrder, TapePage
from operators.tape import Books, MarketBatch, TapeEvent, Trades

SYMBOLS = ("A_USDT", "B_USDT", "C_USDT")
SECOND = 1_000_000


def page(rows: list[tuple[int, int, str]], from_ts: int, to_ts: int, first_seq: int = 0) -> TapePage:
    """A page from (ts, symbol index, "trade" | "book" | event kind) rows in tape order."""
    seqs = range(first_seq, first_seq + len(rows))
    trades = [(ts, seq, symbol) for seq, (ts, symbol, what) in zip(seqs, rows, strict=True) if what == "trade"]
    books = [(ts, seq, symbol) for seq, (ts, symbol, what) in zip(seqs, rows, strict=True) if what == "book"]
    events = tuple(
        TapeEvent(ts, seq, SYMBOLS[symbol], what, {})
        for seq, (ts, symbol, what) in zip(seqs, rows, strict=True)
        if what not in ("trade", "book")
    )

    def column(triples: list[tuple[int, int, int]], index: int, dtype: type) -> np.ndarray:
        return np.array([triple[index] for triple in triples], dtype)

    levels = np.arange(len(books), dtype=np.float64).reshape(-1, 1)
    return TapePage(
        from_ts,
        to_ts,
        column(trades, 2, np.int16),
        Trades(
            column(trades, 0, np.int64),
            column(trades, 1, np.int64),
            column(trades, 1, np.float64),
            np.ones(len(trades)),
            np.zeros(len(trades), np.int8),
        ),
        column(books, 2, np.int16),
        Books(column(books, 0, np.int64), column(books, 1, np.int64), levels, levels, levels, levels),
        events,
    )


tapes = st.lists(
    st.tuples(
        st.integers(0, 3 * SECOND) | st.integers(0, 40),
        st.integers(0, 2),
        st.sampled_from(("trade", "trade", "trade", "book", "contract")),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(
    tapes,
    st.integers(0, 5 * SECOND),
    st.integers(1, 70),
    st.sampled_from((0, SECOND, 7)),
    st.none() | st.integers(1, SECOND),
    st.floats(0.05, 0.95),
)
def test_any_slicing_holds_the_whole_tape_once_and_in_order(rows, tail, slice_rows, grid_us, span_us, split):
    if grid_us == 7:
        rows = [(ts % 50, symbol, what) for ts, symbol, what in rows]
        tail, span_us = tail % 50, None
    elif span_us is not None:
        span_us = max(span_us, 50_000)
    rows = sorted(rows)
    from_ts, to_ts = -1, max([tail, *(ts for ts, _, _ in rows)])
    middle = int(from_ts + split * (to_ts - from_ts))
    cutter = SliceCutter(SYMBOLS, CutterState(0, from_ts, ()), slice_rows=slice_rows, grid_us=grid_us, span_us=span_us)
    first = [row for row in rows if row[0] <= middle]
    slices: list[list[MarketBatch]] = []
    if middle > from_ts:
        slices += cutter.cut(page(first, from_ts, middle), last=middle == to_ts)
    if to_ts > middle:
        slices += cutter.cut(page(rows[len(first) :], middle, to_ts, len(first)), last=True)

    expected_from = from_ts
    seqs: list[int] = []
    active: set[str] = set()
    for number, parts in enumerate(slices):
        header = parts[0].header
        assert all(part.header is header for part in parts)
        assert (header.no, header.from_ts, header.parts) == (number, expected_from, len(parts))
        assert header.to_ts > header.from_ts
        assert header.last == (number == len(slices) - 1)
        inside: list[int] = []
        for part in parts:
            for stream in (part.trades, part.books):
                assert np.all((stream.ts > header.from_ts) & (stream.ts <= header.to_ts))
                assert np.all(np.diff(stream.seq) > 0)
                inside += stream.seq.tolist()
            assert np.array_equal(part.trades.price, part.trades.seq)
            inside += [event.seq for event in part.events]
            if len(part.trades) or len(part.books) or part.events:
                active.add(part.symbol)
        if grid_us and header.to_ts // grid_us > header.from_ts // grid_us and active:
            assert {part.symbol for part in parts} == active
        assert not inside or not seqs or min(inside) > seqs[-1]
        seqs += sorted(inside)
        expected_from = header.to_ts
    assert expected_from == to_ts
    assert seqs == list(range(len(rows)))


def test_rows_of_one_ts_are_never_separated():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ()), slice_rows=1, grid_us=0)
    slices = list(cutter.cut(page([(5, 0, "trade"), (5, 1, "trade"), (5, 0, "book"), (6, 0, "trade")], 0, 9)))
    assert [(parts[0].header.from_ts, parts[0].header.to_ts, len(parts)) for parts in slices] == [
        (0, 5, 2),
        (5, 6, 1),
        (6, 9, 1),
    ]


def test_a_slice_without_any_batch_sends_one_header_only_batch():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ()), grid_us=0)
    ((part,),) = cutter.cut(page([], 0, 9), last=True)
    assert part.symbol == ""
    assert part.header.parts == 1
    assert part.header.last


def test_events_for_every_symbol_have_a_batch_of_their_own():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ()))
    tape = page([(5, 0, "trade")], 0, 9)
    command = TapeEvent(6, 7, "", "command", {"command": "stop"})
    ((batch, for_all),) = cutter.cut(dataclasses.replace(tape, events=(command,)))
    assert (batch.symbol, for_all.symbol, for_all.events) == ("A_USDT", "", (command,))
    assert batch.header.parts == 2
    assert cutter.state().active == ("A_USDT",)


def test_a_quiet_active_symbol_gets_an_empty_batch_only_where_the_slice_holds_a_grid_instant():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ("A_USDT",)), slice_rows=1)
    slices = list(cutter.cut(page([(5, 1, "trade"), (SECOND, 1, "trade")], 0, SECOND)))
    assert [[part.symbol for part in parts] for parts in slices] == [["B_USDT"], ["A_USDT", "B_USDT"]]


def test_a_removed_symbol_is_active_no_more():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ()), slice_rows=1)
    list(cutter.cut(page([(5, 0, "trade"), (6, 0, "symbol_removed"), (7, 1, "trade")], 0, 9)))
    assert cutter.state().active == ("B_USDT",)


def test_a_cutter_goes_on_from_its_state():
    whole = SliceCutter(SYMBOLS, CutterState(0, 0, ()), slice_rows=2)
    first = page([(5, 0, "trade"), (6, 1, "trade"), (7, 0, "trade")], 0, 8)
    second = page([(9, 2, "trade")], 8, 2 * SECOND, 3)
    list(whole.cut(first))
    resumed = SliceCutter(SYMBOLS, whole.state(), slice_rows=2)

    def shape(cutter: SliceCutter) -> list[tuple[str, int, int]]:
        return [(part.symbol, part.header.no, len(part.trades)) for parts in cutter.cut(second) for part in parts]

    assert shape(resumed) == shape(whole)


def test_a_page_that_does_not_continue_is_refused():
    cutter = SliceCutter(SYMBOLS, CutterState(0, 0, ()))
    with pytest.raises(TapeOutOfOrder, match="starts after 3 µs; the tape has been read to 0 µs"):
        list(cutter.cut(page([], 3, 9)))
