"""Which exchange is meant, and whether its clock runs as fast as a collection believes."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.errors import ExchangeError
from connectors.mexc.rest import MexcRest
from connectors.mexc.rest_settings import RestSettings
from connectors.simulated.exchange.running import running_exchange
from connectors.simulated.exchange.serving import MarketRequest
from dataflows.exchanges import clock_problem, exchange_address, unanswered
from operators.errors import UsageError


def asked(rest_url: str, rate: float) -> str | None:
    async def ask() -> str | None:
        async with aiohttp.ClientSession() as session:
            return await clock_problem(MexcRest(session, rest_url, clock=ExchangeClock()), rate)

    return asyncio.run(ask())


def test_a_clock_that_runs_faster_than_believed_is_noticed() -> None:
    with running_exchange(MarketRequest(names=("A_USDT",), speed=8.0)) as exchange:
        assert asked(exchange.rest_url, 8.0) is None
        said = asked(exchange.rest_url, 1.0)
        assert said is not None
        assert said.startswith("--speed is missing: the clock of the exchange runs about")
        assert "--speed is 100" in str(asked(exchange.rest_url, 100.0))


def test_a_speed_where_the_clock_runs_as_ours_is_noticed() -> None:
    with running_exchange(MarketRequest(names=("A_USDT",))) as exchange:
        assert asked(exchange.rest_url, 1.0) is None
        assert "leave --speed away" in str(asked(exchange.rest_url, 5.0))


def test_an_exchange_that_nobody_runs_is_one_short_line() -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await MexcRest(session, "http://127.0.0.1:1", clock=ExchangeClock(), settings=RestSettings(tries=1)).ping()

    with pytest.raises(ExchangeError) as found:
        asyncio.run(ask())
    said = unanswered(exchange_address("http://127.0.0.1:1"), found.value)
    assert said.exit_code == 1
    assert str(said).startswith("the exchange at http://127.0.0.1:1 does not answer: ")
    assert len(str(said)) < 100


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match="allowed: mexc, simulated, or an address"):
        exchange_address("binance")
