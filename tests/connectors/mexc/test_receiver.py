"""The receiver: what is new, what is late, what is observed, and that the tape says the same as the receiver."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mexc.audit import Doubt
from connectors.mexc.book import Level2Book
from connectors.mexc.clock import ExchangeClock, LocalClock
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.deals import Recovered
from connectors.mexc.inbox import Inbox
from connectors.mexc.observation import Observation, OpenGap
from connectors.mexc.receiver import QUEUE_FULL, RESIZED, STALE, Receiver, ReceiverSettings
from connectors.mexc.records import Deal, Deals, DepthDelta, DepthFull
from connectors.mexc.stream import Subscription
from connectors.mexc.symbol_feed import SymbolFeed
from connectors.mexc.taping import TapedSlice, Units, tape
from operators.indicators.clock import ObservedClock
from operators.stamping import Stamper
from operators.tape import TapeEvent

A = "A_USDT"
MS, SECOND = 1_000, 1_000_000
START = 1_790_000_000 * SECOND
UNITS = Units(np.ones(1), np.zeros(1, np.bool_))
CHANGES = ("observed_on", "observed_off", "book_invalid")


class Reception:
    """A receiver of one symbol, a clock that the test turns, and the tape that comes of it."""

    def __init__(self, most_rows: int = 1_000_000) -> None:
        self._ns = START * 1_000
        self.clock = ExchangeClock(local=LocalClock(lambda: self._ns, lambda: self._ns))
        self.inbox = Inbox(most_rows)
        self.observation = Observation(self.inbox, "collect_x", ("trades", "books"))
        self.snapshots: list[str] = []
        self.wanted: list[OpenGap] = []
        self.doubts: list[Doubt] = []
        self.receiver = Receiver(
            ReceiverSettings("collect_x", 5, 100_000, full_depth=False, clock_rate=1.0),
            self.inbox,
            self.clock,
            self.observation,
            want_snapshot=self.snapshots.append,
            want_trades=self.wanted.append,
            want_audit=self.doubts.append,
            on_contract=lambda _: None,
            on_unknown=lambda *_: None,
        )
        self.feed = SymbolFeed(0, A, ContractDetail(A, 1.0), Level2Book(5))
        self.receiver.symbols[A] = self.feed
        self.stamper = Stamper(START - SECOND, 0)
        self.clocks = {"trades": ObservedClock("trades"), "books": ObservedClock("books", synchronised=True)}
        self.events: list[TapeEvent] = []
        self.late: list[int] = []
        self.gaps: dict[tuple[str, int], int | None] = {}
        self.closed: list[tuple[str, int, int]] = []
        self._number = 0
        self._version = 1

    @property
    def now(self) -> int:
        return self.clock.now_us()

    def wait(self, us: int) -> None:
        self._ns += us * 1_000

    def deals(self, *delays: int) -> None:
        """Trades in one frame, so many µs old, oldest first."""
        made = []
        for delay in sorted(delays, reverse=True):
            self._number += 1
            made.append(Deal(self._number, (self.now - delay) // MS, 10.5, 1.0, 1))
        self.receiver.on_frame(Deals(A, made, None), self.clock.local_us())

    def seed(self, age: int = 0) -> None:
        self._version += 1
        bids, asks = [(10 - i * 0.1, 1.0) for i in range(20)], [(11 + i * 0.1, 1.0) for i in range(20)]
        self.feed.book.desync("test")
        self.feed.book.on_snapshot(DepthFull(A, self._version, bids, asks, (self.now - age) // MS))
        self.receiver.seeded(A)

    def refresh(self, missed: int = 0) -> None:
        """A snapshot of a book that is whole, so many changes ahead of it."""
        self._version += missed
        bids, asks = [(10 - i * 0.1, 1.0) for i in range(20)], [(11 + i * 0.1, 1.0) for i in range(20)]
        self.feed.book.refresh()
        self.feed.book.on_snapshot(DepthFull(A, self._version, bids, asks, self.now // MS))
        self.receiver.seeded(A)

    def change(self, price: float, size: float, age: int = 0, skip: int = 0) -> None:
        self._version += 1 + skip
        delta = DepthDelta(A, self._version, self._version, [(price, size)], [], (self.now - age) // MS)
        self.receiver.on_frame(delta, self.clock.local_us())

    def lost(self, channel: str, since: int) -> None:
        self.receiver.on_lost([Subscription(channel, A)], "reset", self.clock.local_us() - since)

    def tape(self) -> TapedSlice:
        """Take what there is, and let the indicators' clocks read it."""
        taped = tape(self.inbox.take(), self.stamper, self.now, "collect_x", (A,), UNITS, 5)
        page = taped.page
        self.clocks["trades"].follow(page.events, page.trades.ts, page.trades.seq)
        self.clocks["books"].follow(page.events, page.books.ts, page.books.seq)
        self.events.extend(page.events)
        if (columns := taped.tables.get("tick_prices")) is not None:
            self.late += [at for at, late in zip(columns["timestamp"], columns["late"], strict=True) if late]
        if (gaps := taped.tables.get("data_gaps")) is not None:
            keys = zip(gaps["stream"], gaps["timestamp"], strict=True)
            self.gaps |= dict(zip(keys, gaps["end_ts"], strict=True))
            rows = zip(gaps["stream"], gaps["timestamp"], gaps["end_ts"], strict=True)
            self.closed += [row for row in rows if row[2] is not None]
        return taped

    def read(self, stream: str) -> bool:
        """Whether a reader of the tape takes the stream for observed."""
        return all(self.clocks[stream].state())


# Trades


def test_a_burst_after_a_stall_ends_with_the_stream_observed_on_the_tape_too() -> None:
    it = Reception()
    it.deals(0)
    it.tape()
    it.wait(30 * SECOND)
    it.deals(20 * SECOND)
    it.deals(200 * MS)
    it.tape()
    assert it.observation.is_observed(A, "trades")
    assert it.read("trades")
    off, on = it.events[1:]
    assert (off.kind, on.kind) == ("observed_off", "observed_on")
    assert off.ts <= on.ts
    assert it.gaps == {("trades", START + 10 * SECOND): on.ts}


def test_a_trade_that_is_late_on_the_tape_lies_within_a_gap() -> None:
    it = Reception()
    it.deals(0)
    it.tape()
    it.wait(9 * SECOND)
    it.deals(7 * SECOND, 5 * SECOND)
    it.deals(0)
    taped = it.tape()
    assert it.late == [START + 2 * SECOND, START + 4 * SECOND]
    assert taped.late == it.feed.counters.late == 2
    assert it.gaps == {("trades", START + 2 * SECOND): START + 9 * SECOND}
    assert it.wanted[0].recovered == 2


def test_a_trade_that_is_two_seconds_old_is_not_kept_late_by_the_watermark_alone() -> None:
    it = Reception()
    it.deals(0)
    it.tape()
    it.wait(2 * SECOND)
    it.deals(1_999 * MS)
    it.wait(5 * SECOND)
    it.stamper.advance(it.now - 500 * MS)
    taped = it.tape()
    assert (taped.late, len(taped.page.trades)) == (0, 1)
    assert it.observation.gaps == 0


def test_a_straggler_from_before_the_gap_is_a_gap_of_its_own() -> None:
    it = Reception()
    it.deals(0)
    it.wait(20 * SECOND)
    it.deals(0)
    it.wait(10 * SECOND)
    it.deals(5 * SECOND)
    it.deals(15 * SECOND)
    it.tape()
    assert it.gaps == {
        ("trades", START + 25 * SECOND): None,
        ("trades", START + 15 * SECOND): START + 15 * SECOND + MS,
    }


def test_lag_is_that_of_the_newest_trade_and_not_of_repeated_or_late_ones() -> None:
    it = Reception()
    it.deals(80 * MS)
    assert it.feed.lag_us == 80 * MS
    it.wait(SECOND)
    it.receiver.on_frame(Deals(A, [Deal(1, (START - 80 * MS) // MS, 10.5, 1.0, 1)], None), it.clock.local_us())
    it.deals(30 * SECOND)
    assert it.feed.counters.duplicates == 1
    assert it.feed.lag_us == 80 * MS


def test_what_finds_no_room_is_counted_and_a_gap() -> None:
    it = Reception(most_rows=3)
    it.deals(0)
    it.deals(0)
    it.deals(0)
    it.deals(0)
    assert it.feed.counters.dropped == 2
    assert not it.observation.is_observed(A, "trades")
    it.receiver.trades_confirmed(it.feed, it.now)
    assert not it.observation.is_observed(A, "trades"), "there is still no room"
    it.tape()
    it.deals(0)
    it.tape()
    assert it.read("trades")
    assert [event.payload.get("cause") for event in it.events][1] == QUEUE_FULL


def test_recovered_trades_that_find_no_room_are_counted_as_lost() -> None:
    it = Reception(most_rows=1)
    it.deals(0)
    gap = OpenGap(A, "trades", START - 5 * SECOND, "reset", START)
    missed = [Deal(99, START // MS - 3_000, 10.5, 1.0, 1)]
    it.receiver.recovered(gap, Recovered(missed, complete=True), missed)
    assert (gap.recovered, gap.lost, it.feed.counters.dropped) == (None, 1, 1)


def test_malformed_frames_are_counted_where_there_is_no_room_for_their_text() -> None:
    it = Reception(most_rows=1)
    it.receiver.on_malformed(b"{", "not JSON", it.clock.local_us())
    it.receiver.on_malformed(b"[", "not JSON", it.clock.local_us())
    assert it.receiver.malformed == 2
    assert len(it.inbox.take().rows["dead_letters"]) == 1


# Books


@pytest.mark.parametrize("price", [10.0, 8.4], ids=["best level", "deep level"])
def test_a_gap_of_a_book_ends_with_the_next_fresh_change_at_whatever_level(price: float) -> None:
    it = Reception()
    it.seed()
    it.wait(40 * SECOND)
    it.change(10.0, 5.0, age=20 * SECOND)
    assert not it.observation.is_observed(A, "books")
    it.change(price, 7.0)
    assert it.observation.is_observed(A, "books")
    it.tape()
    assert it.read("books")
    assert [event.payload.get("cause") for event in it.events][1] == STALE


def test_a_deep_change_that_is_stale_ends_no_gap() -> None:
    it = Reception()
    it.seed()
    it.wait(40 * SECOND)
    it.change(10.0, 5.0, age=20 * SECOND)
    it.change(8.4, 5.0, age=19 * SECOND)
    assert not it.observation.is_observed(A, "books")


def test_a_book_that_is_whole_again_at_once_is_so_for_readers_too() -> None:
    it = Reception()
    it.seed()
    it.tape()
    it.wait(10 * SECOND)
    it.change(10.0, 5.0, skip=3)
    it.seed(age=5 * SECOND)
    it.tape()
    assert it.observation.is_observed(A, "books")
    assert it.read("books")


def test_changes_that_a_new_snapshot_has_made_up_for_were_missing_until_then() -> None:
    it = Reception()
    it.seed()
    it.wait(SECOND)
    it.change(10.0, 5.0)
    it.wait(10 * SECOND)
    it.refresh(missed=3)
    it.wait(2 * SECOND)
    it.change(10.0, 6.0)
    it.tape()
    assert it.observation.is_observed(A, "books")
    assert it.gaps == {("books", START + SECOND): START + 11 * SECOND}


def test_changes_that_come_behind_a_newer_snapshot_were_not_missing() -> None:
    it = Reception()
    it.seed()
    it.change(10.0, 5.0)
    it.wait(SECOND)
    before = it._version
    it.refresh(missed=1)
    it._version = before
    it.change(10.0, 6.0)
    it.change(10.0, 7.0)
    it.tape()
    assert it.gaps == {}


def test_a_hole_in_the_changes_opens_a_gap_at_the_last_sound_one() -> None:
    it = Reception()
    it.seed()
    it.wait(SECOND)
    it.change(10.0, 5.0)
    it.wait(10 * SECOND)
    it.refresh(missed=3)
    it.wait(2 * SECOND)
    it.change(10.0, 6.0, skip=2)
    it.tape()
    assert it.gaps == {("books", START + SECOND): None}


def test_a_contract_of_another_size_needs_a_new_book() -> None:
    it = Reception()
    it.seed()
    it.receiver.resized(it.feed)
    assert not it.feed.book.synced
    assert it.snapshots == [A]
    it.tape()
    assert it.events[-1].payload == {"cause": RESIZED}


# Both


ages = st.sampled_from([0, 100, 900, 1_900, 2_000, 2_100, 5_000, 11_000, 40_000]).map(lambda ms: ms * MS)
steps = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 500, 3_000, 20_000]).map(lambda ms: ms * MS)),
    st.tuples(st.just("deals"), ages, ages),
    st.tuples(st.just("deals"), ages),
    st.tuples(st.just("seed"), ages),
    st.tuples(st.just("refresh"), st.sampled_from([0, 0, 2])),
    st.tuples(st.just("change"), st.sampled_from([10.0, 8.4]), ages, st.sampled_from([0, 0, 0, 4])),
    st.tuples(st.just("lost"), st.sampled_from(["deal", "depth"]), ages),
    st.tuples(st.just("quiet")),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("tape")),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=5, max_size=40))
def test_readers_of_the_tape_know_what_the_receiver_knows(sequence: list[tuple]) -> None:  # type: ignore[type-arg]
    it = Reception()
    size = 1.0
    for step in sequence:
        match step:
            case ("wait", us):
                it.wait(us)
            case ("deals", *delays):
                it.deals(*delays)
            case ("seed", age):
                it.seed(age)
            case ("refresh", missed):
                if it.feed.book.synced:
                    it.refresh(missed)
            case ("change", price, age, skip):
                size += 1.0
                it.change(price, size, age, skip)
            case ("lost", channel, since):
                it.lost(channel, since)
            case ("quiet",):
                it.receiver.trades_confirmed(it.feed, it.now)
            case ("sweep",):
                it.receiver.store_waiting_books()
            case _:
                it.tape()
                for stream in ("trades", "books"):
                    assert it.read(stream) == it.observation.is_observed(A, stream)
    it.tape()
    for stream in ("trades", "books"):
        assert it.read(stream) == it.observation.is_observed(A, stream)
        changes = [event for event in it.events if event.kind in CHANGES and _stream(event) == stream]
        assert all(one.ts <= other.ts for one, other in pairwise(changes))
        _gaps_are_what_was_not_observed(it, stream, changes)
    assert it.feed.counters.late == len(it.late)
    began = next((event.ts for event in it.events if event.payload.get("stream") == "trades"), None)
    for at in it.late:
        if began is not None and at >= (it.feed.trades_from_us or began):
            assert any(
                start <= at and (end is None or at <= end) for (name, start), end in it.gaps.items() if name == "trades"
            )


def _stream(event: TapeEvent) -> str:
    return str(event.payload.get("stream", "books"))


def _gaps_are_what_was_not_observed(it: Reception, stream: str, changes: list[TapeEvent]) -> None:
    """Every end of an observation lies within a gap, and no gap reaches beyond the next beginning."""
    gaps = sorted((start, end) for (name, start), end in it.gaps.items() if name == stream)
    lasting = [gap for gap in gaps if gap[1] is None]
    observed = it.observation.is_observed(A, stream)
    assert len(lasting) == (not observed and bool(changes))
    for one, other in pairwise(changes):
        if one.kind != "observed_on" and other.kind == "observed_on":
            # a change is on the tape when it was known, so never before it was true
            assert any(start <= one.ts and end <= other.ts for name, start, end in it.closed if name == stream)
    for (_, end), (start, _) in pairwise(gaps):
        assert end is not None
        assert end <= start
