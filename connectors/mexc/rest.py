"""The public REST endpoints of the exchange: paced, retried within bounds, and silent after a ban."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp

from connectors.mexc import replies
from connectors.mexc.backoff import Backoff
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail
from connectors.mexc.errors import (
    ExchangeBlocked,
    ExchangeDown,
    ExchangeError,
    ExchangeThrottled,
    ExchangeUnreadable,
)
from connectors.mexc.limits import CircuitBreaker, TokenBucket
from connectors.mexc.records import Deal, DepthDelta, DepthFull, Rejected, TickerRow
from connectors.mexc.replies import FundingRate, FundingSettlement, Klines
from connectors.mexc.rest_settings import (
    DEFAULT_REST_URL,
    DOCUMENTED_LIMITS,
    WINDOW_SECONDS,
    RestCounters,
    RestSettings,
)
from operators.errors import UsageError

KLINE_PATHS: Final = {"last": "kline", "index": "kline/index_price", "fair": "kline/fair_price"}
_SECOND_US: Final = 1_000_000

Record = TypeVar("Record")


class _Answer(NamedTuple):
    body: bytes
    sent_us: int
    received_us: int
    rejected: list[Rejected]


class MexcRest:
    """Asks the exchange. Every method raises an `ExchangeError` when the exchange says no (`ExchangeRejected`, at
    once), or when it gives no useful answer within `settings.tries` tries.

    A ban (an HTML page with status 403) raises `ExchangeBlocked` at once, and so does every request after it for 60
    to 90 s, without being sent; then one trial decides. `blocked_seconds` tells how long that still lasts.

    Elements of a list that cannot be read are left out, counted, and told to `on_rejected` with the path asked for.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str = DEFAULT_REST_URL,
        *,
        clock: ExchangeClock,
        language: str = "en",
        settings: RestSettings | None = None,
        random: Random | None = None,
        on_rejected: Callable[[str, Sequence[Rejected]], None] | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise UsageError(f"REST address {base_url!r}: http:// or https:// is allowed, e.g. {DEFAULT_REST_URL}")
        self.settings = settings if settings is not None else RestSettings()
        self.counters = RestCounters()
        self._session = session
        self._root = f"{base_url.rstrip('/')}/api/v1/contract/"
        self._clock = clock
        # without it messages come in Chinese
        self._headers = {"Language": language}
        # jitter needs no secrecy
        self._random = random if random is not None else Random()  # noqa: S311
        self._timeout = aiohttp.ClientTimeout(
            total=self.settings.connect_seconds + self.settings.answer_seconds,
            connect=self.settings.connect_seconds,
            sock_read=self.settings.answer_seconds,
        )
        self._on_rejected = on_rejected
        self._breaker = CircuitBreaker()
        self._over_all = TokenBucket(self.settings.limit_over_all, WINDOW_SECONDS)
        self._buckets = {
            endpoint: TokenBucket(self.settings.limit_of(endpoint), WINDOW_SECONDS) for endpoint in DOCUMENTED_LIMITS
        }

    @property
    def blocked_seconds(self) -> float:
        """How long requests are held back after a ban; 0.0 = they go out."""
        return self._breaker.wait_seconds()

    async def ping(self) -> int:
        """Server time in ms; also tells the clock."""

        def observed(answer: _Answer) -> int:
            server_ms = replies.decode_ping(answer.body)
            self._clock.observe(answer.sent_us, server_ms, answer.received_us)
            return server_ms

        return await self._ask("ping", "ping", {}, observed)

    async def contracts(self) -> list[ContractDetail]:
        """Every listed contract."""
        return await self._ask(
            "detail", "detail", {}, lambda answer: replies.decode_contracts(answer.body, answer.rejected)
        )

    async def depth(self, symbol: str, limit: int = 1_000) -> DepthFull:
        """A snapshot of the book, in contracts; it may be older than one given before."""
        query = {"limit": limit}
        return await self._ask(
            "depth", f"depth/{_name(symbol)}", query, lambda answer: replies.decode_depth(symbol, answer.body)
        )

    async def depth_commits(self, symbol: str, limit: int = 1_000) -> list[DepthDelta]:
        """The last changes of the book, ascending, one level each."""
        return await self._ask(
            "depth_commits",
            f"depth_commits/{_name(symbol)}/{limit}",
            {},
            lambda answer: replies.decode_depth_commits(symbol, answer.body),
        )

    async def deals(self, symbol: str, limit: int = 100) -> list[Deal]:
        """The last trades, oldest first; the exchange gives at most 100."""
        query = {"limit": limit}
        return await self._ask(
            "deals", f"deals/{_name(symbol)}", query, lambda answer: replies.decode_deals(answer.body, answer.rejected)
        )

    async def tickers(self) -> list[TickerRow]:
        """One row per contract; the exchange renews them every 3 to 4 s."""
        return await self._ask(
            "ticker", "ticker", {}, lambda answer: replies.decode_tickers(answer.body, answer.rejected)
        )

    async def klines(
        self,
        symbol: str,
        interval: str = "Min1",
        start_us: int | None = None,
        end_us: int | None = None,
        price: str = "last",
    ) -> Klines:
        """Bars of the last, index or fair price between two times (µs, cut to seconds); at most 2 000."""
        if price not in KLINE_PATHS:
            raise UsageError(f"bars of the {price!r} price: {', '.join(KLINE_PATHS)} are allowed")
        query: dict[str, str | int] = {"interval": interval}
        if start_us is not None:
            query["start"] = start_us // _SECOND_US
        if end_us is not None:
            query["end"] = end_us // _SECOND_US
        path = f"{KLINE_PATHS[price]}/{_name(symbol)}"
        return await self._ask("kline", path, query, lambda answer: replies.decode_klines(answer.body))

    async def funding_rates(self) -> list[FundingRate]:
        """Rate, next settlement, index and fair price of every contract."""
        return await self._ask(
            "funding_rate",
            "funding_rate",
            {},
            lambda answer: replies.decode_funding_rates(answer.body, answer.rejected),
        )

    async def funding_rate(self, symbol: str) -> FundingRate:
        """The same of one contract."""
        rates = await self._ask(
            "funding_rate",
            f"funding_rate/{_name(symbol)}",
            {},
            lambda answer: replies.decode_funding_rates(answer.body, answer.rejected),
        )
        if len(rates) != 1:
            raise ExchangeUnreadable(f"funding rate of {symbol}: {len(rates)} records instead of one")
        return rates[0]

    async def funding_history(self, symbol: str, page: int = 1, size: int = 100) -> list[FundingSettlement]:
        """One page of the rates that were charged, oldest first; page 1 has the newest."""
        query: dict[str, str | int] = {"symbol": symbol, "page_num": page, "page_size": size}
        return await self._ask(
            "funding_rate/history",
            "funding_rate/history",
            query,
            lambda answer: replies.decode_funding_history(answer.body, answer.rejected),
        )

    async def _ask(
        self,
        endpoint: str,
        path: str,
        query: Mapping[str, str | int],
        decode: Callable[[_Answer], Record],
    ) -> Record:
        """Ask until there is an answer, the exchange has said no, or patience is at its end."""
        settings = self.settings
        bucket = self._buckets[endpoint]
        backoff = Backoff(settings.backoff_first, settings.backoff_longest, self._random)
        attempt = 0
        while True:
            attempt += 1
            await bucket.take()
            await self._over_all.take()
            wait = self._breaker.admit()
            if wait > 0.0:
                raise ExchangeBlocked(f"the exchange has shut us out: {path} may be asked again in {wait:.0f} s")
            try:
                answer = await self._once(path, query)
                record = decode(answer)
            except ExchangeThrottled:
                self.counters.throttled += 1
                bucket.hold(self._random.uniform(*settings.throttled_seconds))
                if attempt >= settings.tries:
                    raise
            except ExchangeBlocked:
                self.counters.blocked += 1
                self._breaker.trip(self._random.uniform(*settings.blocked_seconds))
                raise
            except ExchangeError as error:
                if not error.retryable:
                    self.counters.rejected += 1
                    raise
                self.counters.failed += 1
                if attempt >= settings.tries:
                    raise
                await asyncio.sleep(backoff.next())
            else:
                self._report(path, answer.rejected)
                return record
            self.counters.retries += 1

    def _report(self, path: str, rejected: list[Rejected]) -> None:
        if rejected:
            self.counters.rejected_elements += len(rejected)
            if self._on_rejected is not None:
                self._on_rejected(path, rejected)

    async def _once(self, path: str, query: Mapping[str, str | int]) -> _Answer:
        """One request. Tells the breaker whether the exchange let it through."""
        self.counters.requests += 1
        sent_us = self._clock.local_us()
        try:
            async with self._session.get(
                self._root + path, params=query, headers=self._headers, timeout=self._timeout
            ) as response:
                body = await response.read()
        except TimeoutError:
            self._breaker.abandon()
            raise ExchangeDown(f"no answer from the exchange to {path} in time") from None
        except (aiohttp.ClientError, OSError) as error:
            self._breaker.abandon()
            raise ExchangeDown(f"the exchange cannot be asked for {path}: {type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self._breaker.abandon()
            raise
        received_us = self._clock.local_us()
        self.counters.seconds += (received_us - sent_us) / 1e6
        try:
            replies.envelope(response.status, response.headers.get("Content-Type", ""), body)
        except ExchangeBlocked:
            raise
        except ExchangeError:
            self._breaker.succeed()
            raise
        self._breaker.succeed()
        return _Answer(body, sent_us, received_us, [])


def _name(symbol: str) -> str:
    """A symbol as one part of a path, whatever characters it has."""
    return quote(symbol, safe="")


__all__ = ["DEFAULT_REST_URL", "MexcRest", "RestCounters", "RestSettings"]
