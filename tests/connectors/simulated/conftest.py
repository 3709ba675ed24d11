"""Markets that several tests look at, made once."""

from __future__ import annotations

import pytest

from connectors.simulated.market import GeneratedMarket, MarketPiece
from connectors.simulated.parameters import MarketParameters


@pytest.fixture(scope="session")
def market() -> GeneratedMarket:
    """Two hours of eight symbols with books and two pumps each."""
    return GeneratedMarket(MarketParameters(symbols=8, trades=200_000, hours=2.0, pumps=16, books=True, seed=11))


@pytest.fixture(scope="session")
def pieces(market: GeneratedMarket) -> list[MarketPiece]:
    """That market, in several pieces."""
    return list(market.pieces(rows=100_000))
