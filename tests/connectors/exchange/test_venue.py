"""The venue: deals, level changes, books, bars and tickers tell one story."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields

import pytest

from connectors.simulated.exchange.errors import InvalidContract, UnknownSymbol
from connectors.simulated.exchange.flow import Quote
from connectors.simulated.exchange.generated_flow import GeneratedFlow
from connectors.simulated.exchange.records import Depth, LevelChange, VenueDeal, VenueEvents
from connectors.simulated.exchange.venue import Venue
from connectors.simulated.parameters import MarketParameters
from operators.errors import UsageError

START_MS = 1_763_856_000_000
PARAMETERS = MarketParameters(symbols=4, trades=40_000, hours=1.0, pumps=4, seed=5)
NAMES = ("AAA_USDT", "BBB_USDT", "CCC_USDT", "DDD_USD")


def venue_of(**options: float) -> Venue:
    flow = GeneratedFlow(PARAMETERS, start_ms=START_MS, names=NAMES, lead_seconds=options.pop("lead_seconds", 30.0))
    return Venue(flow, seed=3, **options)  # type: ignore[arg-type]


def run(venue: Venue, to_ms: int, step: int) -> VenueEvents:
    """Everything until `to_ms`, in steps."""
    events = VenueEvents()
    while venue.now_ms < to_ms:
        part = venue.advance(min(venue.now_ms + step, to_ms))
        for each in fields(VenueEvents):
            getattr(events, each.name).extend(getattr(part, each.name))
    return events


@pytest.fixture(scope="module")
def opened() -> dict[str, Depth]:
    venue = venue_of()
    return {symbol: venue.depth(symbol) for symbol in venue.symbols}


@pytest.fixture(scope="module")
def story() -> tuple[Venue, VenueEvents]:
    """Twenty minutes of market with the first pump, and the venue after them."""
    venue = venue_of()
    return venue, run(venue, START_MS + 1_200_000, 700)


class Rebuilt:
    """A book as a client rebuilds it."""

    def __init__(self, depth: Depth) -> None:
        self.version = depth.version
        self.bids = {level.price: level.contracts for level in depth.bids}
        self.asks = {level.price: level.contracts for level in depth.asks}

    def change(self, change: LevelChange) -> None:
        assert change.version == self.version + 1
        self.version = change.version
        side = self.bids if change.is_bid else self.asks
        if change.contracts:
            side[change.price] = change.contracts
        else:
            del side[change.price]


def ordered(events: VenueEvents) -> Iterator[VenueDeal | LevelChange]:
    everything: list[VenueDeal | LevelChange] = [*events.deals, *events.changes]
    return iter(sorted(everything, key=lambda each: each.sequence))


def by_symbol(rows: Iterable[VenueDeal]) -> dict[str, list[VenueDeal]]:
    result: dict[str, list[VenueDeal]] = defaultdict(list)
    for row in rows:
        result[row.symbol].append(row)
    return result


def test_the_story_is_long_enough(story: tuple[Venue, VenueEvents]) -> None:
    _, events = story
    assert len(events.deals) > 5_000
    assert {deal.symbol for deal in events.deals} == set(NAMES)
    assert {deal.taker for deal in events.deals} == {1, 2}
    assert {deal.opens for deal in events.deals} == {1, 2, 3}


def test_each_deal_takes_from_the_best_level_what_then_disappears_there(
    story: tuple[Venue, VenueEvents], opened: dict[str, Depth]
) -> None:
    venue, events = story
    books = {symbol: Rebuilt(depth) for symbol, depth in opened.items()}
    following: VenueDeal | None = None
    for event in ordered(events):
        book = books[event.symbol]
        if isinstance(event, VenueDeal):
            assert following is None
            best = min(book.asks) if event.taker == 1 else max(book.bids)
            assert event.price == best
            following = event
            continue
        if following is not None:
            assert event.sequence == following.sequence + 1
            assert (event.symbol, event.ms, event.price) == (following.symbol, following.ms, following.price)
            assert event.is_bid == (following.taker == 2)
            side = book.bids if event.is_bid else book.asks
            assert side[event.price] - event.contracts == following.contracts
            following = None
        book.change(event)
        assert not book.bids or not book.asks or max(book.bids) < min(book.asks)
    for symbol, book in books.items():
        depth = venue.depth(symbol)
        assert book.version == depth.version
        assert sorted(book.bids.items(), reverse=True) == [level[:2] for level in depth.bids]
        assert sorted(book.asks.items()) == [level[:2] for level in depth.asks]


def test_an_order_walks_the_book_level_by_level(story: tuple[Venue, VenueEvents]) -> None:
    _, events = story
    walks = [
        (one, two)
        for one, two in zip(events.deals, events.deals[1:], strict=False)
        if two.sequence == one.sequence + 2 and one.symbol == two.symbol and one.taker == two.taker
    ]
    assert len(walks) > 100
    assert all(two.price >= one.price if one.taker == 1 else two.price <= one.price for one, two in walks)


def test_times_sequences_and_ids_never_go_back(story: tuple[Venue, VenueEvents]) -> None:
    _, events = story
    for rows in (events.deals, events.changes, events.prices, events.funding):
        times = [row.ms for row in rows]
        assert times == sorted(times)
        assert times[0] > START_MS
        assert times[-1] <= START_MS + 1_200_000
    sequences = [event.sequence for event in ordered(events)]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    ids = [deal.deal_id for deal in events.deals]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_at_rest_quotes_change_few_levels(story: tuple[Venue, VenueEvents]) -> None:
    venue, events = story
    resting = next(symbol for symbol in NAMES if symbol not in {pump.symbol for pump in venue.pumps[:3]})
    flow = GeneratedFlow(PARAMETERS, start_ms=START_MS, names=NAMES, lead_seconds=30.0)
    code = NAMES.index(resting)
    quotes = sum(isinstance(each, Quote) and each.symbol == code for each in flow.events(START_MS + 1_200_000))
    changes, deals = (sum(each.symbol == resting for each in rows) for rows in (events.changes, events.deals))
    # of the forty levels of a book; every deal is a change, too
    assert quotes > 1_000
    assert changes - deals < 6 * quotes


@pytest.mark.parametrize("step", [33, 250, 60_000, 1_200_000])
def test_the_steps_in_which_it_advances_make_no_difference(story: tuple[Venue, VenueEvents], step: int) -> None:
    until = START_MS + 120_000
    venue = venue_of()
    events = run(venue, until, step)
    for name in ("deals", "changes", "prices", "funding"):
        assert getattr(events, name) == [row for row in getattr(story[1], name) if row.ms <= until]


def test_bars_and_ticker_are_made_of_the_deals(story: tuple[Venue, VenueEvents]) -> None:
    venue, events = story
    for symbol, deals in by_symbol(events.deals).items():
        (detail,) = venue.detail(symbol)
        inverse = symbol.endswith("_USD")
        ticker = venue.ticker(symbol)
        bars = venue.bars(symbol, "Min1", START_MS // 1000, START_MS // 1000 + 1_200)
        traded = [bar for bar in bars if bar.contracts]
        minutes: dict[int, list[VenueDeal]] = defaultdict(list)
        for deal in deals:
            minutes[deal.ms // 60_000 * 60].append(deal)
        assert [bar.start_s for bar in traded] == list(minutes)
        for bar, inside in zip(traded, minutes.values(), strict=True):
            prices = [deal.price for deal in inside]
            assert bar[1:6] == (
                prices[0],
                max(prices),
                min(prices),
                prices[-1],
                sum(deal.contracts for deal in inside),
            )
        size = detail["contractSize"]
        amounts = [
            deal.contracts * size / deal.price if inverse else deal.contracts * size * deal.price for deal in deals
        ]
        assert ticker["volume24"] == sum(deal.contracts for deal in deals)
        assert ticker["amount24"] == pytest.approx(sum(amounts), rel=1e-6)
        assert (ticker["high24Price"], ticker["lower24Price"]) == (
            max(deal.price for deal in deals),
            min(deal.price for deal in deals),
        )
        assert (ticker["lastPrice"], ticker["timestamp"]) == (deals[-1].price, deals[-1].ms)
        depth = venue.depth(symbol, 1)
        assert (ticker["bid1"], ticker["ask1"]) == (depth.bids[0].price, depth.asks[0].price)
        (hour,) = venue.bars(symbol, "Min60", START_MS // 1000, START_MS // 1000 + 1_200)
        assert hour.contracts == ticker["volume24"]


def test_the_latest_deals_and_changes_come_newest_first(story: tuple[Venue, VenueEvents]) -> None:
    venue, events = story
    for symbol, deals in by_symbol(events.deals).items():
        assert venue.deals(symbol) == deals[:-101:-1]
        assert venue.deals(symbol, 3) == deals[:-4:-1]
        changes = [change for change in events.changes if change.symbol == symbol]
        assert venue.commits(symbol, 50) == changes[:-51:-1]
        assert len(venue.commits(symbol)) == 1000
    assert venue.deals(NAMES[0], 0) == []


def test_index_and_fair_price_stay_by_the_market(story: tuple[Venue, VenueEvents]) -> None:
    venue, events = story
    for change in events.prices:
        assert change.index == pytest.approx(change.fair, rel=0.1)
    for symbol in NAMES:
        ticker, funding = venue.ticker(symbol), venue.funding(symbol)
        middle = (ticker["bid1"] + ticker["ask1"]) / 2
        assert ticker["indexPrice"] == pytest.approx(middle, rel=0.02)
        assert ticker["fairPrice"] == pytest.approx(middle, rel=0.02)
        assert (funding["idxPrice"], funding["fairPrice"]) == (ticker["indexPrice"], ticker["fairPrice"])
        last = [change for change in events.prices if change.symbol == symbol][-1]
        assert (venue.index_price(symbol), venue.fair_price(symbol)) == (last.index, last.fair)
        bars = venue.bars(symbol, "Min1", 0, 2**40, "fair")
        assert len(bars) == 21
        assert bars[-1].close == last.fair


def test_pumps_are_known_before_they_come(story: tuple[Venue, VenueEvents]) -> None:
    venue, events = story
    pump = venue.pumps[0]
    assert pump.symbol in NAMES
    assert pump.onset == (START_MS + 30_000) * 1000
    prices = [deal for deal in events.deals if deal.symbol == pump.symbol]
    before = [deal.price for deal in prices if deal.ms * 1000 < pump.onset][-1]
    around_peak = max(deal.price for deal in prices if pump.onset < deal.ms * 1000 <= pump.decay)
    assert around_peak / before == pytest.approx(pump.peak_multiple, rel=0.08)


def test_funding_is_settled_and_its_rate_drifts() -> None:
    settlement = START_MS + 4 * 3_600_000
    venue = Venue(GeneratedFlow(PARAMETERS, start_ms=settlement - 600_000, names=NAMES, lead_seconds=30.0))
    events = run(venue, settlement + 1_000, 60_000)
    settled = [change for change in events.funding if change.settled]
    four_hours = [symbol for symbol in NAMES if venue.funding(symbol)["collectCycle"] == 4]
    assert [change.symbol for change in settled] == four_hours
    for change in settled:
        assert change.ms == settlement
        assert change.next_settle_ms == change.ms + 4 * 3_600_000
        (row,) = venue.funding_history(change.symbol)["resultList"]
        assert (row["fundingRate"], row["settleTime"]) == (change.rate, change.ms)
    drifting = [change for change in events.funding if not change.settled]
    assert drifting
    assert all(abs(change.rate) <= 0.02 for change in drifting)
    assert len({(change.symbol, change.ms // 60_000) for change in drifting}) == len(drifting)


def test_a_delisted_symbol_is_gone_and_its_book_stands_still() -> None:
    venue = venue_of()
    run(venue, START_MS + 5_000, 1_000)
    frozen = venue.depth("BBB_USDT").ms
    venue.delist("BBB_USDT")
    assert venue.symbols == ("AAA_USDT", "CCC_USDT", "DDD_USD")
    assert not venue.trades("BBB_USDT")
    events = run(venue, START_MS + 60_000, 1_000)
    assert events.delisted == ["BBB_USDT"]
    for rows in (events.deals, events.changes, events.prices, events.funding):
        assert "BBB_USDT" not in {row.symbol for row in rows}
    depth = venue.depth("BBB_USDT")
    assert (depth.bids, depth.asks, depth.ms) == ([], [], frozen)
    assert "BBB_USDT" not in {detail["symbol"] for detail in venue.detail()}
    for ask in (venue.detail, venue.ticker, venue.funding, venue.delist):
        with pytest.raises(UnknownSymbol, match="BBB_USDT is not listed any more"):
            ask("BBB_USDT")


def test_an_unknown_symbol_is_refused_by_name() -> None:
    with pytest.raises(UnknownSymbol, match="NOPE_USDT is not listed"):
        venue_of().depth("NOPE_USDT")


def test_a_changed_contract_is_told_and_used() -> None:
    venue = venue_of()
    before, depth = venue.detail("AAA_USDT")[0], venue.depth("AAA_USDT")
    venue.change_contract("AAA_USDT", contractSize=before["contractSize"] * 10, apiAllowed=False)
    events = venue.advance(START_MS + 1)
    assert events.contracts == ["AAA_USDT"]
    after = venue.detail("AAA_USDT")[0]
    assert after == before | {"contractSize": before["contractSize"] * 10, "apiAllowed": False}
    book = Rebuilt(depth)
    for change in events.changes:
        if change.symbol == "AAA_USDT":
            book.change(change)
    now = venue.depth("AAA_USDT")
    assert book.version == now.version
    assert now.bids[0].contracts == pytest.approx(depth.bids[0].contracts / 10, rel=0.5)


def test_with_a_coarser_price_unit_all_prices_lie_on_it() -> None:
    venue = venue_of()
    unit = venue.detail("CCC_USDT")[0]["priceUnit"] * 5
    venue.change_contract("CCC_USDT", priceUnit=unit, collectCycle=1)
    events = run(venue, START_MS + 60_000, 1_000)
    prices = [deal.price for deal in events.deals if deal.symbol == "CCC_USDT"]
    prices += [change.index for change in events.prices if change.symbol == "CCC_USDT"]
    assert prices
    assert all(math.isclose(price / unit, round(price / unit), rel_tol=1e-9) for price in prices)
    assert venue.funding("CCC_USDT")["nextSettleTime"] == START_MS + 3_600_000


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"priceUnit": 0}, "priceUnit of AAA_USDT: found 0, allowed is a positive number"),
        ({"contractSize": math.nan}, "contractSize of AAA_USDT: found nan"),
        ({"volUnit": 0.5}, "volUnit of AAA_USDT: found 0.5"),
        ({"colour": 1}, "AAA_USDT has no field to change called 'colour'"),
        ({"symbol": "X_USDT"}, "no field to change called 'symbol'"),
    ],
)
def test_impossible_contracts_are_refused(fields: dict[str, object], message: str) -> None:
    venue = venue_of()
    with pytest.raises(InvalidContract, match=message):
        venue.change_contract("AAA_USDT", **fields)


def test_an_unknown_kind_of_price_is_refused() -> None:
    with pytest.raises(UsageError, match="found 'mid', allowed are last, index, fair"):
        venue_of().bars("AAA_USDT", "Min1", 0, 1, "mid")


def test_everything_can_be_asked_before_the_first_advance() -> None:
    venue = venue_of()
    assert venue.symbols == NAMES
    assert venue.now_ms == START_MS
    for symbol in NAMES:
        depth = venue.depth(symbol)
        assert len(depth.bids) == len(depth.asks) == 20
        assert depth.ms == START_MS
        ticker = venue.ticker(symbol)
        assert ticker["bid1"] <= ticker["lastPrice"] <= ticker["ask1"]
        assert (ticker["volume24"], ticker["riseFallRate"]) == (0, 0)
        assert venue.deals(symbol) == []
        assert venue.bars(symbol, "Min1", 0, 2**40) == []
        assert venue.funding_history(symbol)["resultList"] == []


def test_going_back_in_time_moves_nothing() -> None:
    venue = venue_of()
    venue.advance(START_MS + 1_000)
    assert venue.advance(START_MS) == VenueEvents()
    assert venue.now_ms == START_MS + 1_000
