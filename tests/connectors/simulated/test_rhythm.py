"""What the market at rest is like: bursts, equal times, heavy tails, sides, prices on their grid, books that hold."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.simulated.market import GeneratedMarket, generate_tape
from connectors.simulated.parameters import MarketParameters
from operators.tape import Books, Float64, Trades

Tape = list[tuple[str, Trades, Books]]


@pytest.fixture(scope="module")
def quiet() -> Tape:
    """Six hours of four symbols without a pump."""
    return generate_tape(MarketParameters(symbols=4, trades=200_000, hours=6.0, pumps=0, seed=5))


@pytest.fixture(scope="module")
def tape(market: GeneratedMarket) -> Tape:
    return generate_tape(market.parameters)


def kurtosis(values: Float64) -> float:
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def test_about_a_quarter_of_the_trades_share_the_time_of_the_one_before(tape: Tape) -> None:
    for _, trades, _ in tape:
        assert 0.2 < (np.diff(trades.ts) == 0).mean() < 0.35


def test_arrivals_come_in_bursts(quiet: Tape) -> None:
    for _, trades, _ in quiet:
        orders = np.unique(trades.ts)
        gaps = np.diff(orders) / 1e6
        assert gaps.std() / gaps.mean() > 1.2  # 1 = Poisson; the busier the symbol, the more its bursts overlap
        per_minute = np.bincount(((orders - orders[0]) // 60_000_000).astype(np.int64))
        assert per_minute.var() / per_minute.mean() > 3.0  # 1 = Poisson
        assert kurtosis(gaps) > 9.0  # 9 = Poisson


def test_sizes_are_heavy_tailed(quiet: Tape) -> None:
    for _, trades, _ in quiet:
        largest = np.sort(trades.qty)[-len(trades) // 100 :]
        assert 0.15 < largest.sum() / trades.qty.sum() < 0.4
        assert kurtosis(trades.qty) > 30.0


def test_the_side_persists(quiet: Tape) -> None:
    for _, trades, _ in quiet:
        side = trades.side.astype(np.float64)
        assert 0.35 < np.corrcoef(side[1:], side[:-1])[0, 1] < 0.6
        assert abs(side.mean()) < 0.1


def test_prices_lie_on_the_tick_and_quantities_on_the_contract(market: GeneratedMarket, tape: Tape) -> None:
    for coin, (_, trades, books) in zip(market.coins, tape, strict=True):
        contract = coin.contract
        for prices in (trades.price, books.bid_px, books.ask_px):
            ticks = np.round(prices / contract.price_unit)
            assert (ticks >= 1).all()
            decimals = max(coin.price_decimals, 0)
            assert [f"{price:.{decimals}f}" for price in prices.ravel()[:200]] == [
                f"{tick * contract.price_unit:.{decimals}f}" for tick in ticks.ravel()[:200]
            ]
            assert all(float(f"{price:.{decimals}f}") == price for price in prices.ravel()[:200])
        for quantities in (trades.qty, books.bid_qty, books.ask_qty):
            contracts = quantities / contract.contract_size
            assert (np.abs(contracts - np.round(contracts)) < 1e-6 * contracts).all()
            assert (np.round(contracts) >= contract.min_vol).all()


def test_prices_span_the_scales_of_the_range(market: GeneratedMarket) -> None:
    prices = [coin.price for coin in market.coins]
    assert max(prices) / min(prices) > 1e5
    assert all(1e-6 <= price <= 1e3 for price in prices)


def test_every_trade_happens_at_the_best_quote_in_force(tape: Tape) -> None:
    for _, trades, books in tape:
        newest = np.searchsorted(books.seq, trades.seq) - 1
        assert (newest >= 0).all()
        best = np.where(trades.side > 0, books.ask_px[newest, 0], books.bid_px[newest, 0])
        assert np.array_equal(best, trades.price)


def test_books_are_never_crossed_and_their_levels_are_in_order(tape: Tape) -> None:
    for _, _, books in tape:
        assert (books.ask_px[:, 0] > books.bid_px[:, 0]).all()
        assert (np.diff(books.ask_px, axis=1) > 0).all()
        assert (np.diff(books.bid_px, axis=1) < 0).all()
        assert (books.bid_qty > 0).all()
        assert (books.ask_qty > 0).all()


def test_books_come_about_once_a_second_at_rest_and_never_faster_than_ten_a_second(
    market: GeneratedMarket, tape: Tape
) -> None:
    for symbol, _, books in tape:
        gaps = np.diff(books.ts)
        onsets = np.array([pump.onset for pump in market.pumps_of(symbol)])
        hurried = gaps < 100_000
        # the only exception: the quote at the very onset
        assert np.isin(books.ts[1:][hurried], onsets).all()
        before = books.ts[1:] < onsets.min()
        assert 0.3 < np.median(gaps[before]) / 1e6 < 1.6
        assert gaps.max() <= 1_500_000


def test_the_price_at_rest_moves_little(quiet: Tape) -> None:
    for _, trades, _ in quiet:
        minutes = np.searchsorted(trades.ts, np.arange(trades.ts[0], trades.ts[-1], 60_000_000))
        returns = np.diff(np.log(trades.price[minutes]))
        assert 1e-4 < returns.std() < 1e-2
        assert np.abs(returns).max() < 0.04
