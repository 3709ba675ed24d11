"""Books kept from changes and snapshots, beside a slow and obvious one."""

from __future__ import annotations

import math
import random
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mexc.book import BROKEN, RESTARTED_MS, BookChange, Level2Book, Seed
from connectors.mexc.held_changes import HeldChanges
from connectors.mexc.records import DepthDelta, DepthFull, Level


def delta(
    first: int, last: int, bids: list[Level] | None = None, asks: list[Level] | None = None, ms: int | None = None
) -> DepthDelta:
    return DepthDelta("X_USDT", first, last, bids or [], asks or [], last if ms is None else ms)


def full(version: int, bids: list[Level], asks: list[Level], ms: int | None = None) -> DepthFull:
    return DepthFull("X_USDT", version, bids, asks, version if ms is None else ms)


BIDS: list[Level] = [(10.0, 1.0), (9.0, 2.0), (8.0, 3.0)]
ASKS: list[Level] = [(11.0, 1.0), (12.0, 2.0), (13.0, 3.0)]


def seeded(version: int = 100, top: int = 2) -> Level2Book:
    book = Level2Book(top)
    assert book.on_snapshot(full(version, BIDS, ASKS)) is Seed.ACCEPTED
    return book


def top_of(book: Level2Book, levels: int) -> list[list[float]]:
    columns = [array("d") for _ in range(4)]
    book.write_top(levels, *columns)
    return [column.tolist() for column in columns]


# Reading


def test_the_best_levels_are_written_best_first_and_padded() -> None:
    book = seeded()
    assert top_of(book, 2) == [[10.0, 9.0], [1.0, 2.0], [11.0, 12.0], [1.0, 2.0]]
    five = top_of(book, 5)
    assert [column[:3] for column in five] == [[10, 9, 8], [1, 2, 3], [11, 12, 13], [1, 2, 3]]
    assert all(len(column) == 5 and math.isnan(column[3]) and math.isnan(column[4]) for column in five)


def test_writing_appends() -> None:
    columns = [array("d", [7.0]) for _ in range(4)]
    seeded().write_top(1, *columns)
    assert [column.tolist() for column in columns] == [[7.0, 10.0], [7.0, 1.0], [7.0, 11.0], [7.0, 1.0]]


def test_a_book_without_a_snapshot_is_no_book() -> None:
    book = Level2Book()
    assert (book.synced, book.best_bid, book.best_ask, book.cause) == (False, None, None, "no snapshot yet")
    assert all(math.isnan(value) for column in top_of(book, 3) for value in column)


def test_a_desynced_book_is_no_book_rather_than_a_stale_one() -> None:
    book = seeded()
    book.desync("disconnected")
    assert (book.synced, book.best_bid, book.best_ask, book.cause) == (False, None, None, "disconnected")
    assert all(math.isnan(value) for column in top_of(book, 3) for value in column)


# Changes


def test_a_change_sets_sizes_and_takes_levels_away() -> None:
    book = seeded()
    change = delta(101, 101, bids=[(10.0, 0.0), (9.5, 4.0), (9.0, 5.0)], asks=[(10.5, 1.0)], ms=777)
    assert book.on_delta(change) is BookChange.TOP_CHANGED
    assert (book.version, book.ms, book.best_bid, book.best_ask) == (101, 777, 9.5, 10.5)
    assert book.sides() == ([(9.5, 4.0), (9.0, 5.0), (8.0, 3.0)], [(10.5, 1.0), *ASKS])


def test_levels_come_in_any_order() -> None:
    book = seeded()
    book.on_delta(delta(101, 130, asks=[(11.4, 1.0), (11.1, 2.0), (11.0, 0.0), (11.3, 3.0)]))
    assert book.sides()[1] == [(11.1, 2.0), (11.3, 3.0), (11.4, 1.0), (12.0, 2.0), (13.0, 3.0)]


def test_changes_below_the_best_levels_leave_the_top_as_it_is() -> None:
    book = seeded(top=2)
    assert book.on_delta(delta(101, 101, bids=[(8.0, 9.0)])) is BookChange.APPLIED
    assert book.on_delta(delta(102, 102, asks=[(12.5, 9.0)])) is BookChange.APPLIED
    assert book.on_delta(delta(103, 103, bids=[(10.0, 1.0)])) is BookChange.APPLIED, "the same size as before"
    assert book.on_delta(delta(104, 104, bids=[(7.0, 0.0)])) is BookChange.APPLIED, "a level that was not there"
    assert book.on_delta(delta(105, 105)) is BookChange.APPLIED
    assert book.on_delta(delta(106, 106, bids=[(9.0, 1.0)])) is BookChange.TOP_CHANGED
    assert book.on_delta(delta(107, 107, asks=[(12.0, 0.0)])) is BookChange.TOP_CHANGED
    assert book.version == 107


def test_two_spellings_of_a_price_are_one_level() -> None:
    book = seeded()
    book.on_delta(delta(101, 101, asks=[(float("11.50"), 1.0)]))
    book.on_delta(delta(102, 102, asks=[(float("1.15E+1"), 0.0)]))
    assert book.sides()[1] == ASKS


def test_merged_ranges_are_no_gap() -> None:
    book = seeded()
    assert book.on_delta(delta(101, 400, bids=[(10.0, 2.0)])) is BookChange.TOP_CHANGED
    assert book.on_delta(delta(401, 402, bids=[(10.0, 3.0)])) is BookChange.TOP_CHANGED
    assert book.version == 402


def test_a_straddling_change_is_applied_whole() -> None:
    book = seeded()
    assert book.on_delta(delta(90, 105, bids=[(10.0, 7.0)])) is BookChange.TOP_CHANGED
    assert (book.version, book.sides()[0][0]) == (105, (10.0, 7.0))


def test_an_old_change_is_dropped() -> None:
    book = seeded()
    assert book.on_delta(delta(99, 100, bids=[(10.0, 7.0)])) is BookChange.DROPPED
    assert book.sides()[0] == BIDS


def test_a_gap_ends_the_book_until_a_snapshot_joins_on() -> None:
    book = seeded()
    assert book.on_delta(delta(102, 103, bids=[(10.0, 7.0)])) is BookChange.GAP
    assert (book.synced, book.cause) == (False, "changes 101 to 101 are missing")
    assert book.on_delta(delta(104, 104, bids=[(9.5, 1.0)])) is BookChange.BUFFERED
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.BEHIND
    assert book.on_snapshot(full(101, BIDS, ASKS)) is Seed.ACCEPTED
    assert (book.version, book.sides()[0][:2]) == (104, [(10.0, 7.0), (9.5, 1.0)])


def test_a_crossed_book_is_no_book() -> None:
    book = seeded()
    assert book.on_delta(delta(101, 101, bids=[(11.0, 1.0)])) is BookChange.CROSSED
    assert not book.synced
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.STALE, "it is older than the change that crossed"
    assert book.on_snapshot(full(101, BIDS, ASKS)) is Seed.ACCEPTED


def test_an_exchange_that_counts_anew_is_noticed() -> None:
    book = seeded(version=1_000_000)
    later = 1_000_000 + RESTARTED_MS
    assert book.on_delta(delta(5, 5, ms=1_000_001)) is BookChange.DROPPED
    assert book.on_delta(delta(6, 6, ms=later)) is BookChange.GAP
    assert book.cause == "versions go back from 1000000 to 6"
    assert book.on_snapshot(full(8, BIDS, ASKS, ms=later + 5)) is Seed.ACCEPTED


# Snapshots


def test_changes_are_held_until_there_is_a_snapshot() -> None:
    book = Level2Book()
    assert book.on_delta(delta(90, 95, bids=[(10.0, 9.0)])) is BookChange.BUFFERED
    assert book.on_delta(delta(96, 102, bids=[(9.0, 9.0)])) is BookChange.BUFFERED
    assert book.on_delta(delta(103, 103, bids=[(8.0, 9.0)])) is BookChange.BUFFERED
    assert book.held == 3
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.ACCEPTED
    assert book.sides()[0] == [(10.0, 1.0), (9.0, 9.0), (8.0, 9.0)]
    assert (book.version, book.held) == (103, 0)


def test_a_snapshot_newer_than_all_that_is_held_needs_none_of_it() -> None:
    book = Level2Book()
    book.on_delta(delta(90, 95, bids=[(10.0, 9.0)]))
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.ACCEPTED
    assert (book.version, book.sides()) == (100, (BIDS, ASKS))


def test_a_gap_among_held_changes_lets_the_older_ones_go() -> None:
    book = Level2Book()
    book.on_delta(delta(90, 95))
    assert book.on_delta(delta(94, 95)) is BookChange.DROPPED
    assert book.on_delta(delta(99, 101)) is BookChange.BUFFERED
    assert book.on_snapshot(full(96, BIDS, ASKS)) is Seed.BEHIND
    assert book.on_snapshot(full(98, BIDS, ASKS)) is Seed.ACCEPTED
    assert book.version == 101


def test_a_snapshot_older_than_one_before_is_stale() -> None:
    book = seeded(100)
    book.desync("a test")
    assert book.on_snapshot(full(99, BIDS, ASKS)) is Seed.STALE
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.ACCEPTED


def test_a_snapshot_older_than_the_book_is_stale_and_a_newer_one_replaces_it() -> None:
    book = seeded(100)
    book.on_delta(delta(101, 150, bids=[(10.0, 9.0)]))
    assert book.on_snapshot(full(120, BIDS, ASKS)) is Seed.STALE
    assert book.sides()[0][0] == (10.0, 9.0)
    assert book.on_snapshot(full(160, BIDS, ASKS)) is Seed.ACCEPTED
    assert book.sides()[0][0] == (10.0, 1.0)
    assert book.on_delta(delta(151, 155)) is BookChange.DROPPED


def test_an_empty_snapshot_is_no_book() -> None:
    book = Level2Book()
    assert book.on_snapshot(full(5, [], [])) is Seed.EMPTY
    assert not book.synced
    assert book.on_snapshot(full(5, BIDS, [])) is Seed.ACCEPTED, "one side may be empty"
    assert (book.best_bid, book.best_ask) == (10.0, None)


def test_a_snapshot_that_is_crossed_or_does_not_carry_what_is_held_is_unsound() -> None:
    book = Level2Book()
    assert book.on_snapshot(full(5, [(11.0, 1.0)], ASKS)) is Seed.UNSOUND
    book.on_delta(delta(6, 6, bids=[(11.0, 1.0)]))
    book.on_delta(delta(7, 7, bids=[(10.5, 1.0)]))
    assert book.on_snapshot(full(5, BIDS, ASKS)) is Seed.UNSOUND
    assert (book.synced, book.held) == (False, 1), "what came after the crossing is held on"
    assert book.on_snapshot(full(6, BIDS, ASKS)) is Seed.ACCEPTED
    assert book.best_bid == 10.5


def test_held_changes_are_bounded_and_the_newest_are_kept() -> None:
    held = HeldChanges(most_levels=10)
    for version in range(100):
        held.append(delta(version, version, bids=[(1.0, 1.0)]))
    assert [change.last for change in held] == [95, 96, 97, 98, 99]
    held.append(delta(100, 100, bids=[(1.0, 1.0)] * 50))
    assert [change.last for change in held] == [100]
    held.clear()
    assert (len(held), held.first, held.newest) == (0, None, None)


# Snapshots that are cut off at a number of levels


def test_best_levels_beyond_what_the_snapshot_covered_are_no_book() -> None:
    book = Level2Book(top=2)
    assert book.on_snapshot(full(100, BIDS, ASKS), limit=3) is Seed.ACCEPTED
    assert book.thin
    assert book.on_delta(delta(101, 101, bids=[(10.0, 0.0)])) is BookChange.TOP_CHANGED
    assert book.on_delta(delta(102, 102, bids=[(9.0, 0.0), (7.0, 1.0)])) is BookChange.EXHAUSTED
    assert not book.synced


def test_a_snapshot_that_was_not_cut_off_covers_everything() -> None:
    book = Level2Book(top=2)
    assert book.on_snapshot(full(100, BIDS, ASKS), limit=4) is Seed.ACCEPTED
    assert not book.thin
    gone = [(price, 0.0) for price, _ in BIDS]
    assert book.on_delta(delta(101, 101, bids=gone)) is BookChange.TOP_CHANGED
    assert (book.synced, book.best_bid) == (True, None)


def test_a_refresh_lets_a_snapshot_be_older_than_the_book_without_a_break() -> None:
    book = Level2Book(top=2)
    book.on_snapshot(full(100, BIDS, ASKS), limit=3)
    book.refresh()
    book.on_delta(delta(101, 110, bids=[(9.5, 1.0)]))
    book.on_delta(delta(111, 120, bids=[(9.6, 1.0)]))
    assert book.on_snapshot(full(99, BIDS, ASKS), limit=4) is Seed.STALE
    assert book.on_snapshot(full(105, [*BIDS, (7.0, 5.0)], ASKS), limit=9) is Seed.ACCEPTED
    assert (book.synced, book.version, book.thin) == (True, 120, False)
    assert book.sides()[0] == [(10.0, 1.0), (9.6, 1.0), (9.5, 1.0), (9.0, 2.0), (8.0, 3.0), (7.0, 5.0)]


def test_a_refresh_with_a_bad_snapshot_leaves_the_book_as_it_is() -> None:
    book = seeded()
    book.refresh()
    book.on_delta(delta(101, 101, bids=[(10.5, 1.0)]))
    before = book.sides()
    assert book.on_snapshot(full(100, [(9.0, 1.0)], [(10.2, 1.0)])) is Seed.UNSOUND
    assert (book.synced, book.version, book.sides()) == (True, 101, before)
    assert book.on_delta(delta(102, 102, bids=[(10.6, 1.0)])) is BookChange.TOP_CHANGED
    assert book.on_snapshot(full(100, BIDS, ASKS)) is Seed.ACCEPTED
    assert (book.version, book.best_bid) == (102, 10.6)


# Whole books


def test_whole_books_replace_one_another() -> None:
    book = Level2Book(top=2)
    assert book.on_full(full(5, BIDS, ASKS)) is BookChange.TOP_CHANGED
    assert book.on_full(full(5, BIDS, ASKS)) is BookChange.APPLIED, "repeated"
    assert book.on_full(full(9, BIDS[:2], ASKS)) is BookChange.APPLIED, "only a deeper level is gone"
    assert book.version == 9
    assert book.on_full(full(8, [(9.0, 9.0)], ASKS)) is BookChange.DROPPED, "older"
    assert book.on_full(full(10, [(9.0, 9.0)], ASKS)) is BookChange.TOP_CHANGED
    assert (book.synced, book.best_bid) == (True, 9.0)


def test_a_crossed_whole_book_is_no_book_until_the_next() -> None:
    book = Level2Book()
    book.on_full(full(5, BIDS, ASKS))
    assert book.on_full(full(6, [(12.0, 1.0)], ASKS)) is BookChange.CROSSED
    assert not book.synced
    assert book.on_full(full(7, BIDS, ASKS)) is BookChange.TOP_CHANGED
    assert book.synced


# Against a slow and obvious book


class Engine:
    """The exchange's own book: every version's change, and the book at any version."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.changes: list[tuple[bool, float, float]] = []
        self.sides: tuple[dict[float, float], dict[float, float]] = ({}, {})

    @property
    def version(self) -> int:
        return len(self.changes)

    def step(self) -> None:
        is_bid, price = self.chance.random() < 0.5, self.chance.randint(1, 40) / 4
        own, other = self.sides if is_bid else self.sides[::-1]
        meets = bool(other) and (price >= min(other) if is_bid else price <= max(other))
        contracts = 0.0 if meets else float(self.chance.choice([0, 1, 2, 3]))
        self.changes.append((is_bid, price, contracts))
        if contracts:
            own[price] = contracts
        else:
            own.pop(price, None)

    def at(self, version: int) -> tuple[list[Level], list[Level]]:
        bids: dict[float, float] = {}
        asks: dict[float, float] = {}
        for is_bid, price, contracts in self.changes[:version]:
            (bids if is_bid else asks)[price] = contracts
        held = [[(price, size) for price, size in side.items() if size] for side in (bids, asks)]
        return sorted(held[0], reverse=True), sorted(held[1])

    def merged(self, first: int, last: int) -> DepthDelta:
        latest: dict[tuple[bool, float], float] = {}
        for is_bid, price, contracts in self.changes[first - 1 : last]:
            latest[is_bid, price] = contracts
        bids = [(price, size) for (is_bid, price), size in latest.items() if is_bid]
        asks = [(price, size) for (is_bid, price), size in latest.items() if not is_bid]
        self.chance.shuffle(bids)
        self.chance.shuffle(asks)
        return delta(first, last, bids, asks)

    def snapshot(self, version: int, limit: int) -> DepthFull:
        bids, asks = self.at(version)
        return full(version, bids[:limit], asks[:limit])


def check_against_the_engine(seed: int, merged: bool, limit: int, steps: int) -> None:
    chance = random.Random(seed)
    engine = Engine(chance)
    top = chance.randint(1, 4)
    book = Level2Book(top)
    sent = 0
    for _ in range(steps):
        turn = chance.random()
        if turn < 0.70:
            for _ in range(chance.randint(1, 12) if merged else 1):
                engine.step()
            before, was_synced, known = top_of(book, top), book.synced, book.version
            change = book.on_delta(engine.merged(sent + 1, engine.version))
            if was_synced:
                assert (change is BookChange.GAP) == (known < sent)
                assert (change is BookChange.DROPPED) == (known >= engine.version)
                assert change is not BookChange.CROSSED
                if change is BookChange.APPLIED:
                    assert str(top_of(book, top)) == str(before)
            else:
                assert change is BookChange.BUFFERED
            sent = engine.version
        elif turn < 0.76:
            engine.step()
            sent = engine.version
        elif turn < 0.82 and sent and book.version >= sent:
            first = chance.randint(1, sent)
            again = book.on_delta(engine.merged(first, chance.randint(first, sent)))
            assert again is BookChange.DROPPED if book.synced else again in (BookChange.DROPPED, BookChange.BUFFERED)
        elif turn < 0.86:
            book.refresh()
        elif engine.version:
            lag = chance.choice([0, 0, 1, 3, 10])
            seed_result = book.on_snapshot(engine.snapshot(max(0, engine.version - lag), limit), limit)
            assert seed_result is not Seed.ACCEPTED or book.synced
        if book.synced:
            bids, asks = engine.at(book.version)
            if limit > 40:
                assert book.sides() == (bids, asks)
            padding = [(math.nan, math.nan)] * top
            expected = [*(bids + padding)[:top]], [*(asks + padding)[:top]]
            columns = top_of(book, top)
            got = list(zip(columns[0], columns[1], strict=True)), list(zip(columns[2], columns[3], strict=True))
            assert str(got) == str(tuple(expected))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64), st.booleans(), st.sampled_from([6, 12, 50]))
def test_whatever_arrives_a_synced_book_is_the_exchanges_at_that_version(seed: int, merged: bool, limit: int) -> None:
    check_against_the_engine(seed, merged, limit, steps=60)


@pytest.mark.soak
def test_ten_thousand_histories_of_a_book() -> None:
    for seed in range(10_000):
        check_against_the_engine(seed, bool(seed % 2), (6, 12, 50)[seed % 3], steps=80)


def test_a_loss_is_always_noticed_and_healed() -> None:
    engine, book = Engine(random.Random(5)), Level2Book()
    for _ in range(50):
        engine.step()
    assert book.on_snapshot(engine.snapshot(50, 100)) is Seed.ACCEPTED
    sent = 50
    outcomes: list[Any] = []
    for turn in range(200):
        for _ in range(7):
            engine.step()
        if turn % 20 != 7:
            change = book.on_delta(engine.merged(sent + 1, engine.version))
            outcomes.append(change)
            if change in BROKEN:
                assert book.on_snapshot(engine.snapshot(engine.version - 3, 100)) is Seed.ACCEPTED
                assert book.version == engine.version
        sent = engine.version
    assert outcomes.count(BookChange.GAP) == 10
    assert book.sides() == engine.at(engine.version)
