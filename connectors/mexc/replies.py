"""REST replies: from the body of an answer to records.

`envelope` tells a good answer from all the ways in which the exchange says no (mostly inside of HTTP 200). The
`decode_…` functions read the whole body, envelope included, of an answer that `envelope` has let pass, and raise
`ExchangeUnreadable` where its shape is not the promised one. Of a list they give the elements that can be read;
the others are put into `rejected`, where the caller gives a list for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec import Raw, Struct

from connectors.mexc.contracts import ContractDetail, read_detail
from connectors.mexc.errors import (
    TOO_FREQUENT,
    ExchangeBlocked,
    ExchangeDown,
    ExchangeRejected,
    ExchangeThrottled,
    ExchangeUnreadable,
    one_line,
)
from connectors.mexc.reading import Inconsistent, Read, read_deals, read_delta, read_each, read_full, read_ticker
from connectors.mexc.records import Deal, DepthDelta, DepthFull, Rejected, TickerRow
from connectors.mexc.wire import (
    LAST_SECOND,
    Finite,
    Milliseconds,
    Rate,
    SymbolName,
    WireDeal,
    WireDepth,
    WireTicker,
)
from operators.tape import MICROSECONDS, Float64, Int64

FORBIDDEN: Final = 403
TOO_MANY: Final = 429
_GOOD_CODES: Final = (0, 200)


class FundingRate(NamedTuple):
    """A symbol's funding as it stands: the rate shown now, when it is settled, hours from one settlement to the next,
    and the prices that come with it. None = the exchange does not say."""

    symbol: str
    rate: float
    next_settle_ms: int | None
    cycle_hours: float | None
    index: float | None  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    fair: float | None
    ms: int


class FundingSettlement(NamedTuple):
    """A rate that was charged."""

    symbol: str
    rate: float
    settle_ms: int


@dataclass(frozen=True, slots=True)
class Klines:
    """Bars in order of time; all columns have the same length. `ts` is the begin of the bar in µs.

    `open` to `low` are as the exchange draws them: its `open` is the close of the bar before. `real_open` to
    `real_low` are those of the bar's own trades. `contracts` is the volume and `amount` the turnover in settle
    currency. What a kind of bars does not have (index and fair prices have no volume) is NaN. The last bar is
    final only when a later one has been seen.
    """

    ts: Int64
    open: Float64
    high: Float64
    low: Float64
    close: Float64
    real_open: Float64
    real_high: Float64
    real_low: Float64
    real_close: Float64
    contracts: Float64
    amount: Float64

    def __len__(self) -> int:
        return len(self.ts)


class _Envelope(Struct, gc=False):
    success: bool | None = None
    code: int | None = None
    message: Any = None
    msg: Any = None
    data: Raw = Raw(b"null")


def envelope(status: int, content_type: str, body: bytes) -> None:
    """Let a good answer pass. Raises `ExchangeBlocked`, `ExchangeThrottled`, `ExchangeDown`, `ExchangeRejected` or
    `ExchangeUnreadable`.

    >>> envelope(200, "application/json", b'{"success":true,"code":0,"data":1789455551670}')
    """
    if status >= 500:
        raise ExchangeDown(f"the exchange is unwell: HTTP {status}")
    if status == TOO_MANY:
        raise ExchangeThrottled(code=status)
    try:
        answer = _decode_envelope(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        if status == FORBIDDEN:
            raise ExchangeBlocked("the exchange's edge shuts this address out: HTTP 403") from None
        found = one_line(body[:80].decode("utf-8", "replace"))
        raise ExchangeUnreadable(f"no JSON answer: HTTP {status}, {content_type or 'no type'}: {found!r}") from None
    code = answer.code if answer.code is not None else 0 if answer.success or status < 400 else status
    text = next((str(each) for each in (answer.message, answer.msg) if each), "")
    if code == TOO_FREQUENT:
        raise ExchangeThrottled(text)
    # some samples of the documentation say success: false, code: 0 beside sound data
    if code not in _GOOD_CODES or (answer.success is False and bytes(answer.data) == b"null"):
        raise ExchangeRejected(code, text)
    if status >= 400:
        raise ExchangeRejected(status, text)


def decode_ping(body: bytes) -> int:
    """The exchange's time in ms."""
    return _data(_PING, body)


def decode_contracts(body: bytes, rejected: list[Rejected] | None = None) -> list[ContractDetail]:
    """One contract or all that are listed."""
    return _list(body, read_detail, rejected)


def decode_depth(symbol: str, body: bytes) -> DepthFull:
    """A book. An empty one whose time stands still is that of a delisted contract."""
    try:
        return read_full(symbol, _data(_DEPTH, body), None)
    except Inconsistent as error:
        raise ExchangeUnreadable(f"depth of {symbol}: {error}") from None


def decode_depth_commits(symbol: str, body: bytes) -> list[DepthDelta]:
    """Changes of a book in ascending order (the exchange sends the newest first)."""
    try:
        deltas = [read_delta(symbol, wire, wire.timestamp) for wire in _data(_COMMITS, body) or ()]
    except Inconsistent as error:
        raise ExchangeUnreadable(f"depth commits of {symbol}: {error}") from None
    deltas.sort(key=lambda delta: delta.last)
    return deltas


def decode_deals(body: bytes, rejected: list[Rejected] | None = None) -> list[Deal]:
    """The last trades, oldest first (the exchange sends the newest first)."""
    return read_deals(_list(body, _decode_deal, rejected), newest_first=True)


def decode_tickers(body: bytes, rejected: list[Rejected] | None = None) -> list[TickerRow]:
    """One ticker or all."""
    return [read_ticker(wire) for wire in _list(body, _decode_ticker, rejected)]


def decode_klines(body: bytes) -> Klines:
    """Bars of last, index or fair prices."""
    wire = _data(_KLINES, body)
    count = len(wire.time)

    def column(name: str) -> Float64:
        values = getattr(wire, name)
        if not values:
            return np.full(count, np.nan)
        if len(values) != count:
            raise ExchangeUnreadable(f"klines: {len(values)} values of {name} for {count} times")
        return np.array([np.nan if value is None else value for value in values], np.float64)

    # the times of bars are seconds; a number beyond the year 2100 can only be milliseconds
    times = np.array(wire.time, np.int64)
    times = np.where(times > LAST_SECOND, times // 1_000, times)
    order = np.argsort(times, kind="stable")
    return Klines(
        ts=times[order] * MICROSECONDS,
        open=column("open")[order],
        high=column("high")[order],
        low=column("low")[order],
        close=column("close")[order],
        real_open=column("real_open")[order],
        real_high=column("real_high")[order],
        real_low=column("real_low")[order],
        real_close=column("real_close")[order],
        contracts=column("vol")[order],
        amount=column("amount")[order],
    )


def decode_funding_rates(body: bytes, rejected: list[Rejected] | None = None) -> list[FundingRate]:
    """The funding of one symbol or all."""
    return [
        FundingRate(
            wire.symbol,
            wire.funding_rate,
            wire.next_settle_time or None,
            wire.collect_cycle if wire.collect_cycle else None,
            wire.idx_price or None,
            wire.fair_price or None,
            wire.timestamp,
        )
        for wire in _list(body, _decode_funding, rejected)
    ]


def decode_funding_history(body: bytes, rejected: list[Rejected] | None = None) -> list[FundingSettlement]:
    """A page of the rates that were charged, oldest first."""
    wires, bad = read_each(_data(_PAGE, body).result_list or (), _decode_settlement)
    if rejected is not None:
        rejected.extend(bad)
    settlements = [FundingSettlement(wire.symbol, wire.funding_rate, wire.settle_time) for wire in wires]
    settlements.sort(key=lambda settlement: settlement.settle_ms)
    return settlements


class _WireKlines(Struct, rename="camel", gc=False):
    time: list[Milliseconds]
    open: list[Finite | None] | None = None
    close: list[Finite | None] | None = None
    high: list[Finite | None] | None = None
    low: list[Finite | None] | None = None
    vol: list[Finite | None] | None = None
    amount: list[Finite | None] | None = None
    real_open: list[Finite | None] | None = None
    real_close: list[Finite | None] | None = None
    real_high: list[Finite | None] | None = None
    real_low: list[Finite | None] | None = None


class _WireFundingRate(Struct, rename="camel", gc=False):
    symbol: SymbolName
    funding_rate: Rate
    timestamp: Milliseconds
    next_settle_time: Milliseconds | None = None
    collect_cycle: Finite | None = None
    idx_price: Finite | None = None
    fair_price: Finite | None = None


class _WireSettlement(Struct, rename="camel", gc=False):
    symbol: SymbolName
    funding_rate: Rate
    settle_time: Milliseconds


class _WirePage(Struct, rename="camel", gc=False):
    result_list: list[Raw] | None


Data = TypeVar("Data")


class _Body(Struct, Generic[Data], gc=False):
    data: Data


_decode_envelope: Final = msgspec.json.Decoder(_Envelope, strict=False).decode
_decode_deal: Final = msgspec.json.Decoder(WireDeal, strict=False).decode
_decode_ticker: Final = msgspec.json.Decoder(WireTicker, strict=False).decode
_decode_funding: Final = msgspec.json.Decoder(_WireFundingRate, strict=False).decode
_decode_settlement: Final = msgspec.json.Decoder(_WireSettlement, strict=False).decode

_PING: Final = msgspec.json.Decoder(_Body[Milliseconds], strict=False)
_DEPTH: Final = msgspec.json.Decoder(_Body[WireDepth], strict=False)
_COMMITS: Final = msgspec.json.Decoder(_Body[list[WireDepth] | None], strict=False)
_KLINES: Final = msgspec.json.Decoder(_Body[_WireKlines], strict=False)
_PAGE: Final = msgspec.json.Decoder(_Body[_WirePage], strict=False)
_RAW: Final = msgspec.json.Decoder(_Body[Raw])
_RAWS: Final = msgspec.json.Decoder(list[Raw])


def _data(decoder: msgspec.json.Decoder[_Body[Data]], body: bytes) -> Data:
    try:
        return decoder.decode(body).data
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ExchangeUnreadable(f"an answer of another shape than promised: {one_line(str(error))}") from None


def _list(body: bytes, read: Callable[[Raw], Read], rejected: list[Rejected] | None) -> list[Read]:
    """The readable elements of a list; a single object counts as a list of one, null as an empty one."""
    data = bytes(_data(_RAW, body))
    try:
        parts = [Raw(data)] if data.startswith(b"{") else _RAWS.decode(data) if data != b"null" else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ExchangeUnreadable(f"an answer of another shape than promised: {one_line(str(error))}") from None
    good, bad = read_each(parts, read)
    if rejected is not None:
        rejected.extend(bad)
    return good
