"""The order book: price first, then time; one version per change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulated.exchange.event_log import EventLog
from connectors.simulated.exchange.makers import Makers
from connectors.simulated.exchange.order_book import Level, OrderBook
from connectors.simulated.exchange.price_grid import PriceGrid

MOST_LEVELS = 20


def book_of(log: EventLog | None = None) -> OrderBook:
    return OrderBook("ALPHA_USDT", PriceGrid(0.1), log or EventLog())


def rebuilt(log: EventLog) -> tuple[dict[float, tuple[int, int]], dict[float, tuple[int, int]]]:
    """Bids and asks as the changes tell: price -> (contracts, orders)."""
    sides: tuple[dict[float, tuple[int, int]], dict[float, tuple[int, int]]] = ({}, {})
    for change in log.events.changes:
        side = sides[0 if change.is_bid else 1]
        if change.contracts:
            side[change.price] = change.contracts, change.orders
        else:
            del side[change.price]
    return sides


def test_prices_are_the_floats_nearest_to_their_decimals() -> None:
    assert [PriceGrid(unit).price(3) for unit in (0.1, 0.05, 1e-7, 0.5, 10.0)] == [0.3, 0.15, 3e-7, 1.5, 30.0]
    assert PriceGrid(0.05).scale == 2
    assert PriceGrid(10.0).nearest(129.0) == 13


def test_an_order_takes_the_best_prices_first_and_leaves_the_rest() -> None:
    book = book_of()
    for ticks, contracts in ((1003, 5), (1001, 6), (1002, 1)):
        book.asks.place(ticks, contracts, 1)
    fills = book.asks.take(9, most_levels=MOST_LEVELS, furthest=None)
    assert [(fill.price, fill.contracts, fill.left) for fill in fills] == [(100.1, 6, 0), (100.2, 1, 0), (100.3, 2, 3)]
    assert book.asks.best == 1003


def test_at_one_price_the_oldest_order_is_served_first_and_the_youngest_cancelled_first() -> None:
    level = Level(1.0)
    level.queue, level.contracts = [5, 3, 4], 12
    level.take(6)
    assert (level.queue, level.contracts) == ([2, 4], 6)
    level.cancel(5)
    assert (level.queue, level.contracts) == ([1], 1)


def test_an_order_stops_at_its_furthest_price_and_after_so_many_levels() -> None:
    book = book_of()
    for ticks in range(1001, 1031):
        book.asks.place(ticks, 1, 1)
        book.bids.place(-(ticks - 100), 1, 1)
    assert len(book.asks.take(99, most_levels=MOST_LEVELS, furthest=1005)) == 5
    assert len(book.asks.take(99, most_levels=MOST_LEVELS, furthest=None)) == 20
    assert [fill.price for fill in book.bids.take(99, most_levels=2, furthest=None)] == [93.0, 92.9]


def test_an_empty_side_gives_nothing() -> None:
    book = book_of()
    assert book.asks.take(1, most_levels=MOST_LEVELS, furthest=None) == []
    assert book.asks.best is None
    assert book.asks.depth(5) == []


def test_orders_share_what_is_placed_and_are_never_empty() -> None:
    book = book_of()
    book.bids.place(-1000, 5, 2)
    book.bids.place(-999, 1, 2)
    assert book.bids.depth(2) == [(100.0, 5, 2), (99.9, 1, 1)]


@given(st.data())
def test_the_changes_rebuild_the_book_and_versions_grow_by_one(data: st.DataObject) -> None:
    log = EventLog()
    book = book_of(log)
    makers = Makers(book, 1e-3, levels=6)
    middle = 1000
    for _ in range(data.draw(st.integers(1, 25))):
        middle = max(middle + data.draw(st.integers(-40, 40)), 2)
        width = data.draw(st.integers(1, 9))
        makers.quote(middle - 1, middle - 1 + width, data.draw(st.integers(1, 500)), data.draw(st.integers(1, 500)))
        assert (book.bids.best, book.asks.best) == (middle - 1, middle - 1 + width)
        for _ in range(data.draw(st.integers(0, 3))):
            side = data.draw(st.sampled_from([book.bids, book.asks]))
            for fill in side.take(data.draw(st.integers(1, 3000)), most_levels=3, furthest=None):
                book.changed(side.is_bid, fill.price, fill.left, fill.orders)
    bids, asks = rebuilt(log)
    assert sorted(bids.items(), reverse=True) == [
        (row.price, (row.contracts, row.orders)) for row in book.bids.depth(99)
    ]
    assert sorted(asks.items()) == [(row.price, (row.contracts, row.orders)) for row in book.asks.depth(99)]
    assert [change.version for change in log.events.changes] == list(range(1, book.version + 1))
    for side in (book.bids, book.asks):
        assert all(sum(level.queue) == level.contracts and min(level.queue) > 0 for level in side.levels.values())


@given(st.lists(st.tuples(st.integers(2, 3000), st.integers(1, 50)), min_size=2, max_size=15))
def test_a_book_is_never_crossed_at_any_version(quotes: list[tuple[int, int]]) -> None:
    log = EventLog()
    makers = Makers(book_of(log), 1e-3, levels=5)
    for middle, width in quotes:
        makers.quote(middle - 1, middle - 1 + width, 10, 10)
    bids: set[float] = set()
    asks: set[float] = set()
    for change in log.events.changes:
        side = bids if change.is_bid else asks
        (side.add if change.contracts else side.discard)(change.price)
        assert not bids or not asks or max(bids) < min(asks)


def test_the_same_quote_again_changes_next_to_nothing() -> None:
    log = EventLog()
    makers = Makers(book_of(log), 1e-3)
    makers.quote(9999, 10001, 100, 100)
    built = len(log.events.changes)
    for _ in range(50):
        makers.quote(9999, 10001, 100, 100)
    assert built == 40
    assert len(log.events.changes) == built


def test_levels_stay_where_they_are_while_the_best_price_moves() -> None:
    log = EventLog()
    makers = Makers(book_of(log), 1e-3)
    makers.quote(9999, 10001, 100, 100)
    log.take()
    makers.quote(10000, 10002, 100, 100)
    assert len(log.events.changes) <= 8


def test_below_one_tick_there_are_no_bids() -> None:
    log = EventLog()
    book = book_of(log)
    makers = Makers(book, 1e-3)
    makers.quote(2, 3, 10, 10)
    assert [level.price for level in book.bids.depth(9)] == [0.2, 0.1]
    makers.quote(0, 1, 10, 10)
    assert book.bids.best is None
    assert book.asks.best == 1


@pytest.mark.parametrize("buys", [True, False])
@pytest.mark.parametrize("ticks", [900, 999, 1000, 1001, 1002, 1100])
def test_makers_meet_a_known_print(ticks: int, buys: bool) -> None:
    book = book_of()
    makers = Makers(book, 1e-3)
    makers.quote(999, 1001, 10, 10)
    makers.meet(buys, ticks, 5000)
    side = book.asks if buys else book.bids
    assert side.best == ticks
    (fill,) = side.take(5000, most_levels=MOST_LEVELS, furthest=None)
    assert (fill.price, fill.contracts) == (ticks / 10, 5000)
    assert fill.left > 0


def test_makers_show_exactly_the_levels_of_a_recording() -> None:
    book = book_of()
    makers = Makers(book, 1e-3)
    makers.show({-1000: 5, -998: 7}, {1001: 3})
    version = book.version
    makers.show({-1000: 5, -998: 7}, {1001: 3})
    assert book.version == version
    makers.show({-1002: 1, -998: 9}, {1004: 3})
    assert [row[:2] for row in book.bids.depth(9)] == [(100.2, 1), (99.8, 9)]
    assert [row[:2] for row in book.asks.depth(9)] == [(100.4, 3)]
