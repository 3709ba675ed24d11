"""The tape of a generated market: complete, in order, the same every time and however it is cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from connectors.simulated.market import GeneratedMarket, MarketPiece, generate_tape
from connectors.simulated.parameters import MarketParameters, pump_room
from operators.contracts import ContractSpecification
from operators.tape import Books, Trades

SMALL = MarketParameters(symbols=5, trades=20_000, hours=1.0, pumps=5, books=True, levels=3, seed=3)


def columns(pieces: Iterable[MarketPiece]) -> dict[str, NDArray[Any]]:
    """The whole tape column by column."""
    parts: dict[str, list[NDArray[Any]]] = {}
    for piece in pieces:
        page = piece.page
        named = {f"trade {name}": getattr(page.trades, name) for name in Trades.__slots__}
        named |= {f"book {name}": getattr(page.books, name) for name in Books.__slots__}
        named |= {"trade symbol": page.trade_symbols, "book symbol": page.book_symbols}
        named |= {"trade id": piece.trade_ids, "book version": piece.book_versions}
        for name, column in named.items():
            parts.setdefault(name, []).append(column)
    return {name: np.concatenate(column) for name, column in parts.items()}


def same(left: dict[str, NDArray[Any]], right: dict[str, NDArray[Any]]) -> bool:
    return all(left[name].tobytes() == right[name].tobytes() for name in left)


def test_the_same_parameters_give_the_same_bits() -> None:
    market = GeneratedMarket(SMALL)
    first = columns(market.pieces())
    assert same(first, columns(market.pieces()))
    assert same(first, columns(GeneratedMarket(SMALL).pieces()))


@pytest.mark.parametrize("rows", [1, 999, 20_000, 10**9])
def test_the_size_of_the_pieces_makes_no_difference(rows: int) -> None:
    market = GeneratedMarket(SMALL)
    assert same(columns(market.pieces()), columns(market.pieces(rows=rows)))


def test_another_seed_is_another_market() -> None:
    other = GeneratedMarket(MarketParameters(**{**SMALL.to_dict(), "seed": 4}))
    assert not same(columns(GeneratedMarket(SMALL).pieces()), columns(other.pieces()))
    assert other.pumps != GeneratedMarket(SMALL).pumps


def test_the_trades_are_the_same_without_books() -> None:
    without = columns(GeneratedMarket(MarketParameters(**{**SMALL.to_dict(), "books": False})).pieces())
    books = columns(GeneratedMarket(SMALL).pieces())
    assert len(without["book ts"]) == 0
    for name in ("ts", "price", "qty", "side", "symbol", "id"):
        assert np.array_equal(without[f"trade {name}"], books[f"trade {name}"])


def test_the_number_of_trades_is_met_exactly(market: GeneratedMarket, pieces: list[MarketPiece]) -> None:
    tape = columns(pieces)
    assert len(tape["trade ts"]) == market.parameters.trades
    counts = np.bincount(tape["trade symbol"], minlength=len(market.symbols))
    assert counts.tolist() == [coin.trades for coin in market.coins]
    assert counts.min() >= 1


@pytest.mark.parametrize("trades", [3, 50, 1_000])
def test_even_a_nearly_empty_market_has_all_its_trades(trades: int) -> None:
    tape = generate_tape(MarketParameters(symbols=3, trades=trades, hours=0.5, pumps=3))
    assert sum(len(each) for _, each, _ in tape) == trades


def test_times_never_go_back_and_seq_counts_everything_once(market: GeneratedMarket, pieces: list[MarketPiece]) -> None:
    tape = columns(pieces)
    events = market.events()
    seq = np.concatenate([[event.seq for event in events], tape["trade seq"], tape["book seq"]])
    ts = np.concatenate([[event.ts for event in events], tape["trade ts"], tape["book ts"]])
    order = np.argsort(seq)
    assert np.array_equal(seq[order], np.arange(len(seq)))
    assert (np.diff(ts[order]) >= 0).all()
    assert ts.min() == market.parameters.start_us
    assert ts.max() <= market.parameters.start_us + market.parameters.span
    for code in range(len(market.symbols)):
        ids = tape["trade id"][tape["trade symbol"] == code]
        versions = tape["book version"][tape["book symbol"] == code]
        assert np.array_equal(ids, np.arange(1, len(ids) + 1))
        assert np.array_equal(versions, np.arange(1, len(versions) + 1))


def test_the_pieces_follow_one_another_and_hold_what_lies_in_them(
    market: GeneratedMarket, pieces: list[MarketPiece]
) -> None:
    assert len(pieces) > 3
    assert pieces[0].page.from_ts == market.parameters.start_us - 1
    assert pieces[-1].page.to_ts == market.parameters.start_us + market.parameters.span
    assert pieces[0].page.events == market.events()
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        page = piece.page
        for ts in (page.trades.ts, page.books.ts):
            assert ((ts > page.from_ts) & (ts <= page.to_ts)).all()
        if following is not None:
            assert following.page.from_ts == page.to_ts
            assert following.page.events == ()


def test_the_head_of_the_tape_tells_streams_and_contracts(market: GeneratedMarket) -> None:
    events = market.events()
    for coin in market.coins:
        own = [event for event in events if event.symbol == coin.symbol]
        assert [event.kind for event in own] == ["observed_on", "observed_on", "contract"]
        assert [event.payload.get("stream") for event in own] == ["trades", "books", None]
        assert ContractSpecification.from_payload(dict(own[2].payload)) == coin.contract
    assert not any(
        event.payload.get("stream") == "books"
        for event in GeneratedMarket(MarketParameters(symbols=1, trades=9, hours=1.0, pumps=0)).events()
    )


def test_the_tape_in_memory_is_the_same_tape(market: GeneratedMarket, pieces: list[MarketPiece]) -> None:
    tape = columns(pieces)
    for code, (symbol, trades, books) in enumerate(generate_tape(market.parameters)):
        assert symbol == market.symbols[code]
        assert np.array_equal(trades.seq, tape["trade seq"][tape["trade symbol"] == code])
        assert np.array_equal(books.bid_px, tape["book bid_px"][tape["book symbol"] == code])


def test_two_thousand_symbols_have_names_of_their_own() -> None:
    market = GeneratedMarket(MarketParameters(symbols=2000, trades=4000, hours=0.05, pumps=0))
    assert len(set(market.symbols)) == 2000
    assert sum(len(piece.page.trades) for piece in market.pieces()) == 4000


@settings(max_examples=25, deadline=None)
@given(
    symbols=st.integers(1, 4),
    trades=st.integers(4, 3_000),
    hours=st.sampled_from([0.35, 0.5, 2.0]),
    levels=st.integers(1, 50),
    tick_digits=st.integers(3, 7),
    prices=st.sampled_from([(1e-9, 1e-9), (1e-6, 1e3), (1e6, 1e6)]),
    clustering=st.floats(0, 0.9),
    equal_time_share=st.floats(0, 0.8),
    side_persistence=st.floats(0, 0.95),
    trade_sigma=st.floats(0.1, 2.5),
    volatility_bp=st.floats(0, 20),
    spread_bp=st.floats(1, 100),
    seed=st.integers(0, 2**63 - 1),
)
def test_whatever_the_parameters_the_tape_is_whole(prices: tuple[float, float], **others: Any) -> None:
    low, high = prices
    pumps = others["symbols"] * pump_room(others["hours"])
    parameters = MarketParameters(price_low=low, price_high=high, pumps=pumps, books=True, **others)
    tape = generate_tape(parameters)
    assert sum(len(trades) for _, trades, _ in tape) == parameters.trades
    for _, trades, books in tape:
        assert (np.diff(trades.ts) >= 0).all()
        assert (trades.price > 0).all()
        assert (trades.qty > 0).all()
        assert np.isfinite(trades.price * trades.qty).all()
        newest = np.searchsorted(books.seq, trades.seq) - 1
        best = np.where(trades.side > 0, books.ask_px[newest, 0], books.bid_px[newest, 0])
        assert np.array_equal(best, trades.price)
        assert np.array_equal(np.isnan(books.bid_px), np.isnan(books.bid_qty))
        assert np.isfinite(books.bid_px[:, 0]).all()
        assert np.isfinite(books.ask_px).all()
        assert np.nanmin(books.bid_px) > 0
