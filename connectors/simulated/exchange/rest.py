"""The public REST endpoints, `/api/v1/contract/…`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from aiohttp import web

from connectors.simulated.exchange.errors import UnknownSymbol
from connectors.simulated.exchange.lagging_books import LaggingBooks
from connectors.simulated.exchange.limiter import RequestLimiter
from connectors.simulated.exchange.pushes import levels_text, plain, self_trade_mark
from connectors.simulated.exchange.records import Depth, LevelChange, VenueDeal
from connectors.simulated.exchange.rest_replies import (
    ACCESS_DENIED,
    GARBLED,
    NO_CONTRACT,
    PARAMETER_ERROR,
    TOO_FREQUENT,
    Rejected,
    failed,
    page,
    response,
    succeeded,
    succeeded_with,
)
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.wire_text import number_text
from operators.errors import UsageError

BASE: Final = "/api/v1/contract"
DEFAULT_LEVELS: Final = 1_500
MOST_DEALS: Final = 100
MOST_COMMITS: Final = 1_000
MOST_SETTLEMENTS: Final = 1_000
TICKERS_MS: Final = 3_000
"""All tickers are put together anew so often (exchange time); replies in between are the same."""
_LAST_SECOND: Final = 2**53
MOST_DIGITS: Final = 18

Answer: TypeAlias = Callable[[web.Request], bytes]


class Rest:
    """Answers requests from the venue as it stands."""

    def __init__(self, stage: Stage, *, limited: bool = True) -> None:
        self.lagging = LaggingBooks()
        self.requests = 0
        self._stage = stage
        self._limiter = RequestLimiter() if limited else None
        self._tickers: dict[str, dict[str, Any]] = {}
        self._tickers_ms = -TICKERS_MS

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        answers: dict[str, tuple[str, Answer]] = {
            "ping": ("ping", self._ping),
            "detail": ("detail", self._detail),
            "detail/country": ("detail", self._detail),
            "support_currencies": ("support_currencies", self._currencies),
            "depth/{symbol}": ("depth", self._depth),
            "depth_commits/{symbol}/{limit}": ("depth_commits", self._commits),
            "deals/{symbol}": ("deals", self._deals),
            "kline/index_price/{symbol}": ("kline", self._index_klines),
            "kline/fair_price/{symbol}": ("kline", self._fair_klines),
            "kline/{symbol}": ("kline", self._klines),
            "ticker": ("ticker", self._ticker),
            "funding_rate/history": ("funding_rate/history", self._funding_history),
            "funding_rate/{symbol}": ("funding_rate", self._funding),
            "funding_rate": ("funding_rate", self._all_funding),
            "index_price/{symbol}": ("index_price", self._index_price),
            "fair_price/{symbol}": ("fair_price", self._fair_price),
        }
        return [web.get(f"{BASE}/{path}", self._handler(*answer)) for path, answer in answers.items()]

    def _handler(self, endpoint: str, answer: Answer) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return self._respond(request, endpoint, answer)

        return handle

    def _respond(self, request: web.Request, endpoint: str, answer: Answer) -> web.Response:
        self.requests += 1
        faults = self._stage.faults
        if faults.strikes("blocked"):
            return page(403, ACCESS_DENIED)
        errors = faults.get("server_errors")
        if errors is not None and faults.strikes("server_errors"):
            return page(errors.count("status"), "<html><body>Service Unavailable</body></html>")
        body = self._body(request, endpoint, answer)
        if faults.strikes("garbled_replies"):
            return page(200, GARBLED)
        insisted = faults.get("compressed_replies")
        return response(
            body,
            accepted=request.headers.get("Accept-Encoding", ""),
            insisted=None if insisted is None else insisted.word("encoding"),
        )

    def _body(self, request: web.Request, endpoint: str, answer: Answer) -> bytes:
        faults = self._stage.faults
        language = None if faults.get("chinese_messages") is not None else request.headers.get("Language")
        tight = faults.get("tight_limits")
        limit = None if tight is None else tight.count("limit")
        if tight is not None and self._limiter is None:
            self._limiter = RequestLimiter()
        if self._limiter is not None and not self._limiter.admits(endpoint, request.remote or "", limit):
            return failed(TOO_FREQUENT, language)
        try:
            return answer(request)
        except UnknownSymbol:
            return failed(NO_CONTRACT, language)
        except UsageError:
            return failed(PARAMETER_ERROR, language)
        except Rejected as rejected:
            return failed(rejected.code, language)

    def _ping(self, _request: web.Request) -> bytes:
        return succeeded(self._stage.clock)

    def _detail(self, request: web.Request) -> bytes:
        symbol = request.query.get("symbol")
        details = self._stage.venue.detail(symbol)
        return succeeded(details if symbol is None else details[0])

    def _currencies(self, _request: web.Request) -> bytes:
        return succeeded(sorted({detail["settleCoin"] for detail in self._stage.venue.detail()}))

    def _depth(self, request: web.Request) -> bytes:
        symbol = request.match_info["symbol"].upper()
        limit = min(_whole(request, "limit", DEFAULT_LEVELS), DEFAULT_LEVELS)
        stale = self._stage.faults.of("stale_depth", symbol)
        depth = None
        if stale is not None and self._stage.venue.trades(symbol):
            depth = self.lagging.depth(symbol, stale, limit)
        if depth is None:
            depth = self._stage.venue.depth(symbol, limit)
        return succeeded_with(self._depth_text(depth).encode())

    def _depth_text(self, depth: Depth) -> str:
        if self._stage.faults.of("mixed_numbers", depth.symbol) is not None:
            asks, bids = (self._stage.odd.levels_text(depth.symbol, side) for side in (depth.asks, depth.bids))
        else:
            asks, bids = levels_text(depth.asks), levels_text(depth.bids)
        at = depth.ms + self._stage.shift
        return f'{{"asks":[{asks}],"bids":[{bids}],"version":{depth.version},"timestamp":{at},"cts":null}}'

    def _commits(self, request: web.Request) -> bytes:
        symbol = request.match_info["symbol"].upper()
        limit = _whole_number(request.match_info["limit"])
        commits = self._stage.venue.commits(symbol, min(limit, MOST_COMMITS))
        if self._stage.faults.get("ascending_commits") is not None:
            commits.reverse()
        return succeeded_with(f"[{','.join(map(self._commit_text, commits))}]".encode())

    def _commit_text(self, change: LevelChange) -> str:
        level = f"[{number_text(change.price)},{change.contracts},{change.orders}]"
        asks, bids = ("", level) if change.is_bid else (level, "")
        at = change.ms + self._stage.shift
        return f'{{"cts":{at},"asks":[{asks}],"bids":[{bids}],"version":{change.version}}}'

    def _deals(self, request: web.Request) -> bytes:
        symbol = request.match_info["symbol"]
        limit = min(_whole(request, "limit", MOST_DEALS), MOST_DEALS)
        short = self._stage.faults.of("short_deals", symbol)
        if short is not None:
            limit = min(limit, short.count("limit"))
        inverted = self._stage.faults.of("inverted_sides", symbol) is not None
        rows = [self._deal_text(deal, inverted) for deal in self._stage.venue.deals(symbol, limit)]
        return succeeded_with(f"[{','.join(rows)}]".encode())

    def _deal_text(self, deal: VenueDeal, inverted: bool) -> str:
        taker = 3 - deal.taker if inverted else deal.taker
        mark = self_trade_mark(deal.deal_id)
        return (
            f'{{"p":{number_text(deal.price)},"v":{deal.contracts},"T":{taker},"O":{deal.opens},"M":{mark},'
            f'"t":{self._stage.told(deal.ms)}}}'
        )

    def _klines(self, request: web.Request) -> bytes:
        return self._bars(request, "last")

    def _index_klines(self, request: web.Request) -> bytes:
        return self._bars(request, "index")

    def _fair_klines(self, request: web.Request) -> bytes:
        return self._bars(request, "fair")

    def _bars(self, request: web.Request, price: str) -> bytes:
        """The bars as the exchange draws them, which opens each at the close before; `real…` is what was seen."""
        interval = request.query.get("interval", "Min1")
        start, end = _whole(request, "start", 0), _whole(request, "end", _LAST_SECOND)
        bars = self._stage.venue.bars(request.match_info["symbol"], interval, start, end, price)
        factor = 1 if self._stage.faults.get("klines_in_milliseconds") is None else 1000
        return succeeded(
            {
                "time": [bar.start_s * factor for bar in bars],
                "open": [plain(bar.previous_close) for bar in bars],
                "close": [plain(bar.close) for bar in bars],
                "high": [plain(max(bar.high, bar.previous_close)) for bar in bars],
                "low": [plain(min(bar.low, bar.previous_close)) for bar in bars],
                "vol": [bar.contracts for bar in bars],
                "amount": [plain(round(bar.amount, 8)) for bar in bars],
                "realOpen": [plain(bar.open) for bar in bars],
                "realClose": [plain(bar.close) for bar in bars],
                "realHigh": [plain(bar.high) for bar in bars],
                "realLow": [plain(bar.low) for bar in bars],
            }
        )

    def _ticker(self, request: web.Request) -> bytes:
        stage, symbol = self._stage, request.query.get("symbol")
        if stage.now - self._tickers_ms >= TICKERS_MS:
            self._tickers_ms = stage.now
            self._tickers = {each: stage.venue.ticker(each) for each in stage.venue.symbols}
        if symbol is not None and (symbol not in self._tickers or not stage.venue.trades(symbol)):
            raise Rejected(NO_CONTRACT)
        if symbol is not None:
            return succeeded(self._ticker_row(self._tickers[symbol]))
        return succeeded([self._ticker_row(row) for each, row in self._tickers.items() if stage.venue.trades(each)])

    def _ticker_row(self, ticker: dict[str, Any]) -> dict[str, Any]:
        return {name: plain(value) for name, value in ticker.items()} | {
            "timestamp": self._stage.told(ticker["timestamp"])
        }

    def _funding(self, request: web.Request) -> bytes:
        return succeeded(self._funding_row(request.match_info["symbol"]))

    def _all_funding(self, _request: web.Request) -> bytes:
        return succeeded([self._funding_row(symbol) for symbol in self._stage.venue.symbols])

    def _funding_row(self, symbol: str) -> dict[str, Any]:
        row = {name: plain(value) for name, value in self._stage.venue.funding(symbol).items()}
        return row | {"timestamp": row["timestamp"] + self._stage.shift}

    def _funding_history(self, request: web.Request) -> bytes:
        number, size = _whole(request, "page_num", 1), _whole(request, "page_size", 20)
        symbol = request.query.get("symbol", "")
        return succeeded(self._stage.venue.funding_history(symbol, number, min(size, MOST_SETTLEMENTS)))

    def _index_price(self, request: web.Request) -> bytes:
        symbol = request.match_info["symbol"]
        price = plain(self._stage.venue.index_price(symbol))
        return succeeded({"symbol": symbol, "indexPrice": price, "timestamp": self._stage.stamp})

    def _fair_price(self, request: web.Request) -> bytes:
        symbol = request.match_info["symbol"]
        price = plain(self._stage.venue.fair_price(symbol))
        return succeeded({"symbol": symbol, "fairPrice": price, "timestamp": self._stage.stamp})


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    return default if text is None else _whole_number(text)


def _whole_number(text: str) -> int:
    """Raises `Rejected` for anything but a number of usual length."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise Rejected(PARAMETER_ERROR)
    return int(text)
