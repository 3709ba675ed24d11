"""The lines of a raw Binance WebSocket log: `[time of arrival] {"stream": …, "data": {…}}`, and REST snapshots between.

Streams: https://developers.binance.com/docs (spot and USDⓈ-M futures). The events of one symbol's book are numbered:

    spot      a change has `U` to `u`, the first and last number in it; the next one begins with `u + 1`
    futures   numbers are those of all symbols, so a change has `pu`, the last number of the change before it

so a change covers everything after `pu`, or from `U` on: in both cases an unbroken run of versions.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, TypeAlias

import msgspec

from connectors.files.blocks import NULL
from connectors.files.errors import FileError
from connectors.files.times import EARLIEST, LATEST, PER_SECOND
from connectors.mexc.records import DepthDelta, DepthFull, Level
from operators.tape import BOOKS_STREAM, BUY, MICROSECONDS, SELL, TRADES_STREAM

FRAMES_STREAM: Final = "websocket"
"""Where lines belong of which not even the stream can be read."""
OUTSIDE_THE_BOOK: Final = frozenset({"INSURANCE_FUND", "ADL", "NA"})
"""Kinds (`X`) of futures trades that no order in the book took part in: Binance's aggregated trades leave them out."""
_WHOLE: Final = frozenset({"depth5", "depth10", "depth20"})


class UnreadableLine(FileError):
    """A line that is not what its stream promises. `us` is its exchange time where that could be read."""

    def __init__(self, reason: str, stream: str, us: int | None = None) -> None:
        super().__init__(reason)
        self.stream = stream
        self.us = us


class LoggedTrade(NamedTuple):
    """A trade, or (`kind` `aggTrade`) those of one order at one price; `side` is the taker's."""

    symbol: str
    us: int
    trade_id: int
    price: float
    quantity: float
    side: int
    kind: str


class LoggedChange(NamedTuple):
    """A change of a book."""

    us: int
    delta: DepthDelta


class LoggedBest(NamedTuple):
    """A book's best levels as they are pushed every now and then; `us` is None on spot markets."""

    us: int | None
    full: DepthFull


class LoggedSnapshot(NamedTuple):
    """A snapshot that was asked for; `us` is None on spot markets, the symbol "" where it does not say."""

    us: int | None
    full: DepthFull


LogFrame: TypeAlias = LoggedTrade | LoggedChange | LoggedBest | LoggedSnapshot


class _Line(msgspec.Struct):
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    version: int | None = msgspec.field(name="lastUpdateId", default=None)


class _Trade(msgspec.Struct):
    s: str
    p: float
    q: float
    T: int
    m: bool
    t: int | None = None
    a: int | None = None
    X: str = "MARKET"


class _Depth(msgspec.Struct):
    s: str
    E: int
    U: int
    u: int
    b: list[Level]
    a: list[Level]
    T: int | None = None
    pu: int | None = None


class _Snapshot(msgspec.Struct):
    version: int = msgspec.field(name="lastUpdateId")
    bids: list[Level]
    asks: list[Level]
    s: str = ""
    E: int | None = None
    T: int | None = None


_LINE: Final = msgspec.json.Decoder(_Line)
_TRADE: Final = msgspec.json.Decoder(_Trade, strict=False)
_DEPTH: Final = msgspec.json.Decoder(_Depth, strict=False)
_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot, strict=False)


def read_line(text: bytes) -> tuple[int, LogFrame | None]:
    """When a line arrived (µs; `NULL` where it does not say) and what it is; None for streams that nobody reads here.

    Raises `UnreadableLine`.
    """
    received_us, text = _arrival(text)
    stream = FRAMES_STREAM
    try:
        line = _LINE.decode(text)
        symbol, _, name = (line.stream or "").partition("@")
        kind = name.partition("@")[0] if line.stream is not None else (line.e or "")
        payload = line.data or text
        if kind in ("trade", "aggTrade"):
            stream = TRADES_STREAM
            return received_us, _trade(_TRADE.decode(payload), kind)
        stream = BOOKS_STREAM
        if kind in ("depth", "depthUpdate"):
            return received_us, _change(_DEPTH.decode(payload))
        if kind in _WHOLE:
            return received_us, _best(payload, symbol.upper())
        if not kind and line.version is not None:
            return received_us, LoggedSnapshot(*_whole(_SNAPSHOT.decode(payload), ""))
    except msgspec.ValidationError as error:
        raise UnreadableLine(str(error), stream) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableLine(f"no JSON: {error}", FRAMES_STREAM) from error
    return received_us, None


def instant_us(number: int) -> int | None:
    """A time in milli-, micro- or nanoseconds as µs; None where it is not in the years 2009 to 2100.

    >>> instant_us(1723161256299), instant_us(1723161255030314667), instant_us(5)
    (1723161256299000, 1723161255030314, None)
    """
    for unit in ("ms", "us", "ns"):
        per_second = PER_SECOND[unit]
        us = number * MICROSECONDS // per_second
        if EARLIEST <= us < LATEST:
            return us
    return None


def _arrival(text: bytes) -> tuple[int, bytes]:
    """The time before the JSON and the JSON."""
    if text.startswith(b"{"):
        return NULL, text
    before, _, rest = text.partition(b" ")
    us = instant_us(int(before)) if before.isdigit() and len(before) < 20 else None
    if us is None:
        shown = before[:40].decode("utf-8", "replace")
        raise UnreadableLine(f"{shown!r} is no time of arrival and no JSON object", FRAMES_STREAM)
    return us, rest


def _trade(trade: _Trade, kind: str) -> LoggedTrade:
    us = _exchange_us(trade.T, TRADES_STREAM)
    number = trade.a if kind == "aggTrade" else trade.t
    if number is None:
        raise UnreadableLine("no trade id", TRADES_STREAM, us)
    if trade.X in OUTSIDE_THE_BOOK:
        raise UnreadableLine(f"no trade of the order book: its kind (X) is {trade.X}", TRADES_STREAM, us)
    for what, value in (("price", trade.p), ("quantity", trade.q)):
        if not 0 < value < math.inf:
            raise UnreadableLine(f"{what} {value:g} is not a finite number above zero", TRADES_STREAM, us)
    side = SELL if trade.m else BUY
    return LoggedTrade(_named(trade.s, TRADES_STREAM, us), us, number, trade.p, trade.q, side, kind)


def _change(depth: _Depth) -> LoggedChange:
    us = _exchange_us(depth.E if depth.T is None else depth.T, BOOKS_STREAM)
    _check_levels(us, depth.b, depth.a)
    first = depth.U if depth.pu is None else depth.pu + 1
    if first > depth.u:
        raise UnreadableLine(f"the numbers of the change go backwards, from {first} to {depth.u}", BOOKS_STREAM, us)
    symbol = _named(depth.s, BOOKS_STREAM, us)
    return LoggedChange(us, DepthDelta(symbol, first, depth.u, depth.b, depth.a, us // 1_000))


def _best(payload: bytes | msgspec.Raw, symbol: str) -> LoggedBest:
    """Spot markets push it like a snapshot, futures like a change with all its levels."""
    kind = _LINE.decode(payload)
    if kind.version is not None:
        return LoggedBest(*_whole(_SNAPSHOT.decode(payload), symbol))
    depth = _DEPTH.decode(payload)
    us = _exchange_us(depth.E if depth.T is None else depth.T, BOOKS_STREAM)
    return LoggedBest(us, _sorted(us, DepthFull(symbol, depth.u, depth.b, depth.a, us // 1_000)))


def _whole(snapshot: _Snapshot, symbol: str) -> tuple[int | None, DepthFull]:
    time = snapshot.E if snapshot.T is None else snapshot.T
    us = None if time is None else _exchange_us(time, BOOKS_STREAM)
    full = DepthFull(snapshot.s or symbol, snapshot.version, snapshot.bids, snapshot.asks, (us or 0) // 1_000)
    return us, _sorted(us, full)


def _sorted(us: int | None, full: DepthFull) -> DepthFull:
    _check_levels(us, full.bids, full.asks)
    full.bids.sort(reverse=True)
    full.asks.sort()
    return full


def _check_levels(us: int | None, *sides: list[Level]) -> None:
    for levels in sides:
        for price, quantity in levels:
            if not (0 < price < math.inf and 0 <= quantity < math.inf):
                raise UnreadableLine(f"a level with price {price:g} and quantity {quantity:g}", BOOKS_STREAM, us)


def _exchange_us(number: int, stream: str) -> int:
    us = instant_us(number)
    if us is None:
        raise UnreadableLine(f"time {number} is not in the years 2009 to 2100", stream)
    return us


def _named(symbol: str, stream: str, us: int) -> str:
    if not symbol.strip():
        raise UnreadableLine("no symbol", stream, us)
    return symbol
