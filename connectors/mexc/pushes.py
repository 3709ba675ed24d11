"""The frames that are read, by channel: their shape on the wire and the record that each becomes.

On the wire the channel comes last, which costs nothing here. `record` raises `MalformedFrame` where the parts of a
frame do not make a whole.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Raw, Struct

from connectors.mexc.contracts import read_detail
from connectors.mexc.errors import MalformedFrame
from connectors.mexc.reading import Inconsistent, read_deals, read_delta, read_full, read_ticker
from connectors.mexc.records import (
    ContractPush,
    Deals,
    DepthDelta,
    DepthFull,
    FairPrice,
    FundingPush,
    IndexPrice,
    Pong,
    TickerRow,
    Tickers,
)
from connectors.mexc.wire import Milliseconds, SymbolName, WireDeal, WireDepth, WireFunding, WirePrice, WireTicker

# a NamedTuple's own constructor is a Python function around this
_new: Final = tuple.__new__


class _DealPush(Struct, tag_field="channel", tag="push.deal", gc=False):
    symbol: SymbolName
    data: list[WireDeal] | WireDeal
    ts: Milliseconds | None = None

    def record(self) -> Deals:
        data = self.data
        return _new(Deals, (self.symbol, read_deals(data if isinstance(data, list) else [data]), self.ts, ()))


class _DepthPush(Struct, tag_field="channel", tag="push.depth", gc=False):
    symbol: SymbolName
    data: WireDepth
    ts: Milliseconds | None = None

    def record(self) -> DepthDelta:
        try:
            return read_delta(self.symbol, self.data, self.ts)
        except Inconsistent as error:
            raise MalformedFrame(str(error), "push.depth", self.symbol) from None


class _FullDepthPush(Struct, tag_field="channel", tag="push.depth.full", gc=False):
    symbol: SymbolName
    data: WireDepth
    ts: Milliseconds | None = None

    def record(self) -> DepthFull:
        try:
            return read_full(self.symbol, self.data, self.ts)
        except Inconsistent as error:
            raise MalformedFrame(str(error), "push.depth.full", self.symbol) from None


class _FundingPush(Struct, tag_field="channel", tag="push.funding.rate", gc=False):
    symbol: SymbolName
    data: WireFunding
    ts: Milliseconds

    def record(self) -> FundingPush:
        return FundingPush(self.symbol, self.data.rate, self.data.next_settle_time or None, self.ts)


class _IndexPush(Struct, tag_field="channel", tag="push.index.price", gc=False):
    symbol: SymbolName
    data: WirePrice
    ts: Milliseconds

    def record(self) -> IndexPrice:
        return IndexPrice(self.symbol, self.data.price, self.ts)


class _FairPush(Struct, tag_field="channel", tag="push.fair.price", gc=False):
    symbol: SymbolName
    data: WirePrice
    ts: Milliseconds

    def record(self) -> FairPrice:
        return FairPrice(self.symbol, self.data.price, self.ts)


class _TickerPush(Struct, tag_field="channel", tag="push.ticker", gc=False):
    symbol: SymbolName
    data: WireTicker
    ts: Milliseconds | None = None

    def record(self) -> TickerRow:
        return read_ticker(self.data)._replace(symbol=self.symbol)


class _TickersPush(Struct, tag_field="channel", tag="push.tickers", gc=False):
    data: list[WireTicker]
    ts: Milliseconds | None = None

    def record(self) -> Tickers:
        return Tickers([read_ticker(row) for row in self.data], self.ts)


class _ContractPush(Struct, tag_field="channel", tag="push.contract", gc=False):
    data: Raw

    def record(self) -> ContractPush:
        return ContractPush(read_detail(self.data))


class _Pong(Struct, tag_field="channel", tag="pong", gc=False):
    data: Milliseconds | None = None
    ts: Milliseconds | None = None

    def record(self) -> Pong:
        return Pong(self.data if self.data is not None else self.ts)


Push: TypeAlias = (
    _DealPush
    | _DepthPush
    | _FullDepthPush
    | _FundingPush
    | _IndexPush
    | _FairPush
    | _TickerPush
    | _TickersPush
    | _ContractPush
    | _Pong
)
