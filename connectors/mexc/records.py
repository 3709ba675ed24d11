"""What is received, as records. Times are milliseconds UTC and sizes contracts, as the exchange sends them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from connectors.mexc.contracts import ContractDetail

Level: TypeAlias = tuple[float, float]
"""Price and contracts; 0 contracts = the level is gone."""


class Deal(NamedTuple):
    """A trade: `ms` of the matching engine, price, size in contracts, side of the taker (+1 buy, −1 sell, 0 unknown).

    `trade_id` is the exchange's number, 63 bits of a hash where it is no number, None where there is none.
    """

    trade_id: int | None
    ms: int
    price: float
    contracts: float
    side: int


class Rejected(NamedTuple):
    """An element of a list that cannot be read: its text and what is wrong with it."""

    raw: str
    reason: str


class Deals(NamedTuple):
    """Trades of one symbol, oldest first; `rejected` are those that cannot be read."""

    symbol: str
    deals: list[Deal]
    pushed_ms: int | None
    rejected: tuple[Rejected, ...] = ()


class DepthDelta(NamedTuple):
    """New sizes of price levels, in no order: the book's changes number `first` to `last` in one."""

    symbol: str
    first: int
    last: int
    bids: list[Level]
    asks: list[Level]
    ms: int


class DepthFull(NamedTuple):
    """A whole book, or its best levels; both sides best first."""

    symbol: str
    version: int
    bids: list[Level]
    asks: list[Level]
    ms: int


class FundingPush(NamedTuple):
    """The funding rate as it stands, and when it is settled next."""

    symbol: str
    rate: float
    next_settle_ms: int | None
    ms: int


class IndexPrice(NamedTuple):
    """The price of the underlying over several exchanges."""

    symbol: str
    price: float
    ms: int


class FairPrice(NamedTuple):
    """The price at which positions are valued (mark price)."""

    symbol: str
    price: float
    ms: int


class TickerRow(NamedTuple):
    """A symbol at a glance; None = the exchange does not say. Volume in contracts, turnover in quote currency.

    `ms` is the time of the last trade, not of the row.
    """

    symbol: str
    last: float | None
    fair: float | None
    index: float | None  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    bid: float | None
    ask: float | None
    volume24: float | None
    turnover24: float | None
    ms: int | None


class Tickers(NamedTuple):
    """Tickers of many symbols: the first frame has all, later ones those that changed."""

    rows: list[TickerRow]
    pushed_ms: int | None
    rejected: tuple[Rejected, ...] = ()


class ContractPush(NamedTuple):
    """A contract's terms have changed (or are told anew). Fields that a push leaves out are None."""

    detail: ContractDetail


class Ack(NamedTuple):
    """The answer to a request: `method` as in `sub.deal` or `login`. It names no symbol."""

    method: str
    ok: bool
    text: str


class ErrorNotice(NamedTuple):
    """The exchange complains: about a contract that it does not know (`symbol`), or `closing` the connection."""

    text: str
    symbol: str | None
    closing: bool


class Pong(NamedTuple):
    """The answer to a ping, with the exchange's time."""

    server_ms: int | None


class Ignored(NamedTuple):
    """A frame of a channel that nobody reads here."""

    channel: str


Frame: TypeAlias = (
    Deals
    | DepthDelta
    | DepthFull
    | FundingPush
    | IndexPrice
    | FairPrice
    | TickerRow
    | Tickers
    | ContractPush
    | Ack
    | ErrorNotice
    | Pong
    | Ignored
)
