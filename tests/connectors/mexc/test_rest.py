"""The REST client against a scripted exchange over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.errors import (
    ExchangeBlocked,
    ExchangeDown,
    ExchangeRejected,
    ExchangeThrottled,
    ExchangeUnreadable,
)
from connectors.mexc.rest import MexcRest, RestSettings
from operators.errors import UsageError

FAST = RestSettings(
    throttled_seconds=(0.05, 0.08),
    blocked_seconds=(0.2, 0.3),
    backoff_first=0.01,
    backoff_longest=0.02,
    connect_seconds=1.0,
    answer_seconds=0.3,
)
THROTTLED = {"success": False, "code": 510, "message": "请求过于频繁"}
BLOCK_PAGE = "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY>You don't have permission…</BODY></HTML>"


def good(data: Any) -> dict[str, Any]:
    return {"success": True, "code": 0, "data": data}


class ScriptedRest:
    """Answers every request with the next of `answers`, the last one for ever; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: deque[Callable[[web.Request], Awaitable[web.StreamResponse] | web.StreamResponse]] = deque()
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.url = ""

    def say(self, *bodies: Any) -> None:
        """Answer with these JSON bodies in HTTP 200, one after the other."""
        for body in bodies:
            self.answers.append(lambda _, body=body: web.json_response(body))

    def page(self, status: int, text: str = BLOCK_PAGE, times: int = 1) -> None:
        """Answer with HTML."""
        for _ in range(times):
            self.answers.append(lambda _: web.Response(status=status, text=text, content_type="text/html"))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((time.monotonic(), request.path_qs, dict(request.headers)))
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        made = answer(request)
        return made if isinstance(made, web.StreamResponse) else await made


@asynccontextmanager
async def talking(**changes: Any) -> AsyncIterator[tuple[ScriptedRest, MexcRest, ExchangeClock]]:
    exchange = ScriptedRest()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", exchange.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    exchange.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    clock = ExchangeClock()
    async with aiohttp.ClientSession() as session:
        yield exchange, MexcRest(session, exchange.url, clock=clock, settings=replace(FAST, **changes)), clock
    await runner.cleanup()


def test_a_ping_gives_server_time_and_sets_the_clock() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, clock):
            ahead = 11_000
            exchange.answers.append(lambda _: web.json_response(good(time.time_ns() // 1_000_000 + ahead)))
            server_ms = await rest.ping()
            assert abs(server_ms - ahead - time.time() * 1_000) < 5_000
            assert clock.offset_us == pytest.approx(ahead * 1_000, abs=5_000_000)
            assert exchange.asked[0][1] == "/api/v1/contract/ping"
            assert exchange.asked[0][2]["Language"] == "en"

    asyncio.run(scenario())


def test_each_endpoint_is_asked_at_its_path() -> None:
    rate = {"symbol": "BTC_USDT", "fundingRate": 0.0001, "timestamp": 1, "collectCycle": 8, "nextSettleTime": 2}
    book = {"asks": [[101, 5, 1]], "bids": [[100.0, 4]], "version": 7, "timestamp": 1}
    bars = {"time": [1764810000], "open": [1.0], "close": [1.0], "high": [1.0], "low": [1.0]}
    settled = {"resultList": [{"symbol": "BTC_USDT", "fundingRate": 0.0001, "settleTime": 5}]}

    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say(good(book))
            assert (await rest.depth("BTC_USDT")).version == 7
            exchange.answers.clear()
            exchange.say(good([{"asks": [[101, 5, 1]], "bids": [], "version": 7, "cts": 1}]))
            assert (await rest.depth_commits("BTC_USDT", 10))[0].last == 7
            exchange.answers.clear()
            exchange.say(good([{"p": 1.0, "v": 2, "T": 1, "O": 3, "M": 1, "t": 5}]))
            assert (await rest.deals("BTC_USDT"))[0].contracts == 2
            exchange.answers.clear()
            exchange.say(good([]))
            assert await rest.tickers() == []
            assert await rest.funding_rates() == []
            assert await rest.contracts() == []
            exchange.answers.clear()
            exchange.say(good(rate))
            assert (await rest.funding_rate("BTC_USDT")).cycle_hours == 8
            exchange.answers.clear()
            exchange.say(good(bars))
            bars_read = await rest.klines("BTC_USDT", "Min1", 1_764_810_000_000_000, 1_764_930_000_999_999)
            assert bars_read.ts.tolist() == [1_764_810_000_000_000]
            await rest.klines("BTC_USDT", price="fair")
            exchange.answers.clear()
            exchange.say(good(settled))
            assert (await rest.funding_history("BTC_USDT"))[0].settle_ms == 5
            assert [path.removeprefix("/api/v1/contract/") for _, path, _ in exchange.asked] == [
                "depth/BTC_USDT?limit=1000",
                "depth_commits/BTC_USDT/10",
                "deals/BTC_USDT?limit=100",
                "ticker",
                "funding_rate",
                "detail",
                "funding_rate/BTC_USDT",
                "kline/BTC_USDT?interval=Min1&start=1764810000&end=1764930000",
                "kline/fair_price/BTC_USDT?interval=Min1",
                "funding_rate/history?symbol=BTC_USDT&page_num=1&page_size=100",
            ]
            assert rest.counters.requests == 10
            assert rest.counters.failed == rest.counters.retries == 0

    asyncio.run(scenario())


def test_too_frequent_inside_http_200_waits_and_asks_again() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say(THROTTLED, THROTTLED, good([]))
            assert await rest.tickers() == []
            times = [at for at, _, _ in exchange.asked]
            assert all(later - earlier >= 0.05 for earlier, later in pairwise(times))
            assert (rest.counters.throttled, rest.counters.retries) == (2, 2)

    asyncio.run(scenario())


def test_while_one_caller_is_throttled_others_of_the_endpoint_wait_too() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say(THROTTLED, good([]))
            first = asyncio.create_task(rest.deals("A_USDT"))
            while not rest.counters.throttled:
                await asyncio.sleep(0.001)
            await rest.deals("B_USDT")
            await first
            (throttled, *others) = [at for at, _, _ in exchange.asked]
            assert min(others) - throttled > 0.03

    asyncio.run(scenario())


def test_throttling_without_end_is_an_error_after_some_tries() -> None:
    async def scenario() -> None:
        async with talking(tries=3) as (exchange, rest, _):
            exchange.say(THROTTLED)
            with pytest.raises(ExchangeThrottled) as caught:
                await rest.tickers()
            assert caught.value.code == 510
            assert len(exchange.asked) == 3

    asyncio.run(scenario())


def test_a_refusal_is_an_error_at_once_by_its_code_whatever_the_language() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say({"success": False, "code": 1001, "message": "合约不存在"})
            with pytest.raises(ExchangeRejected) as caught:
                await rest.depth("NOPE_USDT")
            assert caught.value.code == 1001
            assert not caught.value.retryable
            assert len(exchange.asked) == 1
            assert rest.counters.rejected == 1

    asyncio.run(scenario())


def test_a_ban_silences_every_request_until_one_trial_succeeds() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.page(403, times=2)
            exchange.say(good([]))
            with pytest.raises(ExchangeBlocked):
                await rest.tickers()
            assert 0.0 < rest.blocked_seconds <= 0.3
            for _ in range(5):
                with pytest.raises(ExchangeBlocked, match="may be asked again in"):
                    await rest.deals("A_USDT")
            assert len(exchange.asked) == 1, "the exchange was left alone"
            await asyncio.sleep(rest.blocked_seconds + 0.01)
            with pytest.raises(ExchangeBlocked):
                await rest.tickers()
            assert len(exchange.asked) == 2
            await asyncio.sleep(rest.blocked_seconds + 0.01)
            assert await rest.tickers() == []
            assert rest.blocked_seconds == 0.0
            assert await rest.deals("A_USDT") == []
            assert rest.counters.blocked == 2

    asyncio.run(scenario())


def test_a_trial_that_is_cancelled_does_not_block_the_next_one() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.page(403)
            exchange.answers.append(lambda _: asyncio.sleep(5.0))  # type: ignore[arg-type, return-value]
            exchange.say(good([]))
            with pytest.raises(ExchangeBlocked):
                await rest.tickers()
            await asyncio.sleep(rest.blocked_seconds + 0.01)
            trial = asyncio.create_task(rest.tickers())
            while len(exchange.asked) < 2:
                await asyncio.sleep(0.001)
            trial.cancel()
            with pytest.raises(asyncio.CancelledError):
                await trial
            assert await rest.tickers() == []

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_passing_illness_is_tried_again(status: int) -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.page(status, "<html>bad gateway</html>", times=2)
            exchange.say(good([]))
            assert await rest.tickers() == []
            assert rest.counters.failed == 2

    asyncio.run(scenario())


def test_an_illness_that_stays_is_an_error_after_some_tries() -> None:
    async def scenario() -> None:
        async with talking(tries=3) as (exchange, rest, _):
            exchange.page(503)
            with pytest.raises(ExchangeDown, match="503"):
                await rest.tickers()
            assert len(exchange.asked) == 3

    asyncio.run(scenario())


def test_what_is_not_json_is_tried_again_and_then_unreadable() -> None:
    async def scenario() -> None:
        async with talking(tries=2) as (exchange, rest, _):
            exchange.page(200, "<html>log in to the hotel</html>")
            with pytest.raises(ExchangeUnreadable, match="hotel"):
                await rest.tickers()
            assert len(exchange.asked) == 2

    asyncio.run(scenario())


def test_no_answer_in_time_is_tried_again_and_named() -> None:
    async def scenario() -> None:
        async with talking(tries=2, answer_seconds=0.05) as (exchange, rest, _):
            exchange.answers.append(lambda _: asyncio.sleep(5.0))  # type: ignore[arg-type, return-value]
            with pytest.raises(ExchangeDown, match="no answer"):
                await rest.ping()
            assert len(exchange.asked) == 2

    asyncio.run(scenario())


def test_nobody_there_is_an_error_that_names_the_path() -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            rest = MexcRest(session, "http://127.0.0.1:9", clock=ExchangeClock(), settings=replace(FAST, tries=2))
            with pytest.raises(ExchangeDown, match="cannot be asked for ping"):
                await rest.ping()

    asyncio.run(scenario())


def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_tried_again() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):

            async def break_off(request: web.Request) -> web.StreamResponse:
                response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
                await response.prepare(request)
                await response.write(b'{"success":true')
                assert request.transport is not None
                request.transport.abort()
                return response

            exchange.answers.append(break_off)
            exchange.say(good([]))
            assert await rest.tickers() == []
            assert rest.counters.failed == 1

    asyncio.run(scenario())


def test_gzipped_answers_are_read() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            body = gzip.compress(json.dumps(good([])).encode())
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
            exchange.answers.append(lambda _: web.Response(body=body, headers=headers))
            assert await rest.tickers() == []
            assert "gzip" in exchange.asked[0][2]["Accept-Encoding"]

    asyncio.run(scenario())


def test_elements_that_nobody_can_read_are_left_out_counted_and_told() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, _, clock):
            told: list[tuple[str, int]] = []
            async with aiohttp.ClientSession() as session:
                rest = MexcRest(
                    session, exchange.url, clock=clock, on_rejected=lambda path, bad: told.append((path, len(bad)))
                )
                sound = {"p": 1.0, "v": 2, "T": 1, "O": 3, "M": 1, "t": 5}
                exchange.say(good([sound, sound | {"p": -1.0}, sound | {"t": "soon"}]))
                assert len(await rest.deals("BTC_USDT")) == 1
                assert told == [("deals/BTC_USDT", 2)]
                assert rest.counters.rejected_elements == 2

    asyncio.run(scenario())


def test_an_endpoint_is_not_asked_faster_than_its_share_of_the_limit() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say(good({"asks": [], "bids": [], "version": 1, "timestamp": 1}))
            await asyncio.gather(*(rest.depth(f"COIN{number}_USDT") for number in range(9)))
            times = [at for at, _, _ in exchange.asked]
            assert times[8] - times[0] >= 1.0

    asyncio.run(scenario())


def test_a_symbol_with_strange_characters_stays_one_part_of_the_path() -> None:
    async def scenario() -> None:
        async with talking() as (exchange, rest, _):
            exchange.say(good([]))
            await rest.deals("龙虾/?#_USDT")
            assert exchange.asked[0][1].startswith("/api/v1/contract/deals/%E9%BE%99%E8%99%BE%2F%3F%23_USDT?limit=")

    asyncio.run(scenario())


def test_addresses_and_settings_that_cannot_be_meant_are_refused() -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(UsageError, match="http:// or https://"):
                MexcRest(session, "api.mexc.com", clock=ExchangeClock())
            rest = MexcRest(session, "http://127.0.0.1:9", clock=ExchangeClock(), random=Random(1))
            with pytest.raises(UsageError, match="'mid' price"):
                await rest.klines("BTC_USDT", price="mid")

    asyncio.run(scenario())
    with pytest.raises(UsageError, match="share_of_limits"):
        RestSettings(share_of_limits=1.5)
