"""What drives the exchange: the generated market without an end, and recorded tapes."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from connectors.simulated.exchange.errors import InvalidFlow
from connectors.simulated.exchange.flow import Quote, TakerOrder
from connectors.simulated.exchange.generated_flow import GeneratedFlow
from connectors.simulated.exchange.recorded_flow import RecordedFlow
from connectors.simulated.exchange.recorded_tapes import RecordedTape, contract_for, read_tapes
from connectors.simulated.exchange.records import VenueDeal
from connectors.simulated.exchange.venue import Venue
from connectors.simulated.market import generate_tape
from connectors.simulated.parameters import MarketParameters
from operators.tape import Books, Trades

START_MS = 1_763_856_000_000
PUMP_TAPES = Path(__file__).parents[3].parent / "shared/data/pump_tapes"
SHORT = MarketParameters(symbols=3, trades=6_000, hours=0.5, pumps=3, seed=9)


def test_the_flow_has_the_tapes_orders_at_shifted_times() -> None:
    flow = GeneratedFlow(SHORT, start_ms=START_MS)
    flow.opening()
    events = flow.events(START_MS + 1_799_999)
    orders = [event for event in events if isinstance(event, TakerOrder)]
    shift = START_MS - SHORT.start_us // 1000
    expected = []
    for code, (_, trades, _) in enumerate(generate_tape(SHORT)):
        expected += [
            (ms + shift, code, side, quantity)
            for ms, side, quantity in zip(
                (trades.ts // 1000).tolist(), trades.side.tolist(), trades.qty.tolist(), strict=True
            )
        ]
    assert sorted(order[:4] for order in orders) == sorted(row for row in expected if row[0] < START_MS + 1_800_000)
    assert [event.ms for event in events] == sorted(event.ms for event in events)


def test_the_opening_quotes_every_symbol_at_the_start() -> None:
    for lead in (None, 100.0):
        flow = GeneratedFlow(SHORT, start_ms=START_MS, lead_seconds=lead)
        quotes = flow.opening()
        assert all(isinstance(quote, Quote) and quote.ms == START_MS for quote in quotes)
        assert [quote.symbol for quote in quotes] == [0, 1, 2]


def test_the_first_pump_comes_after_the_lead() -> None:
    flow = GeneratedFlow(SHORT, start_ms=START_MS, lead_seconds=45.0)
    assert flow.pumps[0].onset == (START_MS + 45_000) * 1000
    assert [pump.onset for pump in flow.pumps] == sorted(pump.onset for pump in flow.pumps)


def test_the_next_seed_follows_at_the_prices_where_the_tape_ended() -> None:
    flow = GeneratedFlow(SHORT, start_ms=START_MS)
    flow.opening()
    end = START_MS + 1_800_000
    known = len(flow.pumps)
    quotes: dict[int, list[Quote]] = defaultdict(list)
    for event in flow.events(end + 60_000):
        if isinstance(event, Quote):
            quotes[event.symbol].append(event)
    for symbol, rows in quotes.items():
        before = [quote for quote in rows if quote.ms < end][-1]
        after = next(quote for quote in rows if quote.ms >= end)
        middle = (before.bid + before.ask) / 2
        width = max(before.ask - before.bid, flow.listings[symbol].contract.price_unit)
        assert abs((after.bid + after.ask) / 2 - middle) < 2 * width
        assert after.ms - before.ms < 5_000
    # the pumps of this tape and of the next were known; now those of the one after next are too
    assert known == 6
    assert len(flow.pumps) == 9
    onsets = sorted((pump.onset // 1000 - START_MS) // 1_800_000 for pump in flow.pumps)
    assert onsets == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_pump_of_the_second_tape_happens_when_it_was_announced() -> None:
    flow = GeneratedFlow(SHORT, start_ms=START_MS)
    pump = next(pump for pump in flow.pumps if pump.onset > (START_MS + 1_800_000) * 1000)
    symbol = [listing.symbol for listing in flow.listings].index(pump.symbol)
    flow.opening()
    quotes = [event for event in flow.events(pump.decay // 1000) if isinstance(event, Quote) and event.symbol == symbol]
    before = [quote for quote in quotes if quote.ms * 1000 < pump.onset][-1]
    peak = [quote for quote in quotes if quote.ms * 1000 <= pump.decay][-1]
    assert peak.bid / before.bid == pytest.approx(pump.peak_multiple, rel=0.1)


def test_the_tempo_multiplies_what_happens() -> None:
    counts = []
    for tempo in (1.0, 5.0):
        flow = GeneratedFlow(SHORT, start_ms=START_MS, tempo=tempo)
        flow.opening()
        counts.append(Counter(type(event) for event in flow.events(START_MS + 1_799_000)))
    assert counts[1][TakerOrder] == pytest.approx(5 * counts[0][TakerOrder], rel=0.02)
    assert counts[1][Quote] > 3 * counts[0][Quote]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["A_USDT"]}, "names: found 1, allowed is one for each of 3 symbols"),
        ({"names": ["A_USDT", "A_USDT", "B_USDT"]}, "names: found A_USDT, allowed are different names"),
        ({"names": ["A_USDT", "b_usdt", "C"]}, "names: found b_usdt, C, allowed are"),
        ({"tempo": 0.0}, "tempo: found 0, allowed is a number from 0.01 to 1000"),
        ({"lead_seconds": -1.0}, "lead_seconds: found -1, allowed is a number from 0"),
    ],
)
def test_settings_that_make_no_market_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidFlow, match=message):
        GeneratedFlow(SHORT, start_ms=START_MS, **options)  # type: ignore[arg-type]


def test_a_lead_needs_a_pump() -> None:
    quiet = MarketParameters(symbols=1, trades=10, hours=0.1, pumps=0)
    with pytest.raises(InvalidFlow, match="this market has none"):
        GeneratedFlow(quiet, start_ms=START_MS, lead_seconds=10.0)


def tape_of(symbol: str = "OLD_USDT", side: tuple[int, ...] = (1, 1, -1, 1, -1)) -> RecordedTape:
    price, qty = np.array([1.02, 1.03, 1.0, 1.5, 0.9]), np.array([5.0, 0.5, 70.0, 1.0, 3.5])
    ts = np.array([0, 0, 1_500_000, 1_500_400, 9_000_000], np.int64) + 1_600_000_000_000_000
    trades = Trades(ts, np.arange(5), price, qty, np.array(side, np.int8))
    return RecordedTape(symbol, contract_for(price, qty), trades)


def printed(flow: RecordedFlow, seconds: int) -> list[VenueDeal]:
    venue = Venue(flow)
    return list(itertools.chain(*(venue.advance(START_MS + at * 1_000).deals for at in range(seconds + 1))))


def test_recorded_trades_print_again_at_their_prices_and_sizes() -> None:
    flow = RecordedFlow([tape_of()], start_ms=START_MS - 1, repeat=False)
    deals = printed(flow, 30)
    rows = [(deal.ms - flow.start_ms, deal.price, deal.contracts, deal.taker) for deal in deals]
    assert rows == [(0, 1.02, 50, 1), (0, 1.03, 5, 1), (1500, 1.0, 700, 2), (1500, 1.5, 10, 1), (9000, 0.9, 35, 2)]
    assert flow.end_ms == flow.start_ms + 9_000


def test_a_repeated_tape_begins_again_a_second_after_its_end() -> None:
    flow = RecordedFlow([tape_of()], start_ms=START_MS)
    deals = printed(flow, 35)
    times = [deal.ms - START_MS for deal in deals]
    assert flow.end_ms is None
    assert times == [at + lap for lap in (0, 10_000, 20_000, 30_000) for at in (0, 0, 1500, 1500, 9000)][: len(times)]
    assert len(times) == 19


def test_a_tape_can_be_skipped_into_and_played_faster() -> None:
    flow = RecordedFlow([tape_of()], start_ms=START_MS, repeat=False, tempo=10.0, skip_seconds=1.0)
    assert [deal.ms - START_MS for deal in printed(flow, 5)] == [50, 50, 800]


def test_unknown_sides_come_from_the_way_the_price_moved() -> None:
    flow = RecordedFlow([tape_of(side=(0, 0, 0, 0, 0))], start_ms=START_MS, repeat=False)
    assert [deal.taker for deal in printed(flow, 30)] == [1, 1, 2, 1, 2]


def test_recorded_books_are_the_makers_quotes() -> None:
    tape = tape_of()
    ts = tape.trades.ts
    one = np.array([[1.01, 0.99, np.nan]]), np.array([[9.0, 8.0, np.nan]])
    two = np.array([[1.02, 1.04, 1.05]]), np.array([[50.0, 60.0, 70.0]])
    books = Books(ts[:1], np.array([-1]), one[0], one[1], two[0], two[1])
    flow = RecordedFlow([RecordedTape("OLD_USDT", tape.contract, tape.trades, books)], start_ms=START_MS, repeat=False)
    venue = Venue(flow)
    depth = venue.depth("OLD_USDT")
    assert [level[:2] for level in depth.bids] == [(1.01, 90), (0.99, 80)]
    assert [level[:2] for level in depth.asks] == [(1.02, 500), (1.04, 600), (1.05, 700)]


def test_tapes_of_several_symbols_keep_their_distance_in_time() -> None:
    late = tape_of("LATE_USDT")
    shifted = RecordedTape(late.symbol, late.contract, Trades(late.trades.ts + 2_000_000, *_columns(late.trades)), None)
    flow = RecordedFlow([tape_of(), shifted], start_ms=START_MS, repeat=False)
    first: dict[str, int] = {}
    for deal in printed(flow, 30):
        first.setdefault(deal.symbol, deal.ms - START_MS)
    assert first == {"OLD_USDT": 0, "LATE_USDT": 2_000}


def _columns(trades: Trades) -> tuple[np.ndarray, ...]:
    return trades.seq, trades.price, trades.qty, trades.side


def test_tapes_that_make_no_market_are_refused() -> None:
    with pytest.raises(InvalidFlow, match="found none"):
        RecordedFlow([], start_ms=START_MS)
    with pytest.raises(InvalidFlow, match="found OLD_USDT, OLD_USDT"):
        RecordedFlow([tape_of(), tape_of()], start_ms=START_MS)
    with pytest.raises(InvalidFlow, match="skip_seconds: found 10"):
        RecordedFlow([tape_of()], start_ms=START_MS, skip_seconds=10.0)


@pytest.mark.skipif(not PUMP_TAPES.exists(), reason="../shared is not there")
def test_a_real_pump_is_traded_again() -> None:
    (tape,) = read_tapes([PUMP_TAPES / "MTHBTC_2021-07-27_1700.csv.gz"])
    assert tape.symbol == "MTH_BTC"
    venue = Venue(RecordedFlow([tape], start_ms=START_MS, repeat=False, tempo=100.0))
    deals = []
    seconds = int(tape.trades.ts[-1] - tape.trades.ts[0]) // 100_000_000 + 2
    for at in range(0, seconds, 10):
        deals += venue.advance(START_MS + (at + 10) * 1_000).deals
    first = [deal.price for deal in deals]
    assert first == tape.trades.price.tolist()[-len(first) :]
    assert len(first) >= len(tape.trades) - 1
    base = np.array([deal.contracts for deal in deals]) * tape.contract.contract_size
    assert np.allclose(base, tape.trades.qty[-len(first) :], rtol=1e-9)


def test_a_thousand_symbols_are_traded_at_the_rate_asked_for() -> None:
    parameters = MarketParameters(symbols=1_000, trades=3_600_000, hours=1.0, pumps=1_000, seed=7)
    venue = Venue(GeneratedFlow(parameters, start_ms=START_MS, lead_seconds=20.0))
    deals = venue.advance(START_MS + 20_000).deals
    venue.close()
    assert len({deal.symbol for deal in deals}) > 500
    assert 10_000 < len(deals) < 40_000, "1,000 a second for 20 s"
