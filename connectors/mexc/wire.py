"""The shapes in which MEXC sends things, as msgspec types: what is a number, and which numbers are believable.

Decoding is lax about form (numbers may be text, times may be text or 1.7E+12, levels may have two, three or more
elements, lists may be null) and strict about content: a price is more than 0 and no infinity, a size is no less.
The same shapes serve WebSocket frames and REST replies.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

_MOST: Final = 1e15
_LEAST_PRICE: Final = 1e-15
_LARGEST_INTEGER: Final = 2**63 - 1
_LAST_MS: Final = 4_102_444_800_000

Price: TypeAlias = Annotated[float, Meta(ge=_LEAST_PRICE, le=_MOST)]
"""Bounds far outside of every market, so that no product of price, size and contract size can overflow."""
Contracts: TypeAlias = Annotated[float, Meta(gt=0, le=_MOST)]
ContractsOrNone: TypeAlias = Annotated[float, Meta(ge=0, le=_MOST)]
"""The size of a price level: 0 = the level is gone."""
Finite: TypeAlias = Annotated[float, Meta(ge=-1e30, le=1e30)]
"""Any number but the infinite and not-a-number ones, which lax decoding would take from text."""
Rate: TypeAlias = Annotated[float, Meta(ge=-10, le=10)]
"""A funding rate as a fraction of the notional; the exchange's own bounds are ±0.04 at most."""
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=_LAST_MS)]
"""UTC, up to the year 2100."""
LAST_SECOND: Final = _LAST_MS // 1_000
Version: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST_INTEGER)]
SymbolName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]


class WireDeal(Struct, gc=False):
    """One trade: price, contracts, taker side (1 buy, 2 sell), time and, where the exchange gives one, its id."""

    p: Price
    v: Contracts
    t: Milliseconds
    T: int | str | None = None
    i: int | str | None = None


class WireLevel(Struct, array_like=True, gc=False):
    """One price level; what follows (the number of orders) is not read."""

    price: Price
    contracts: ContractsOrNone


class WireDepth(Struct, gc=False):
    """A change of a book, or a whole book. A merged change has `begin` and `end`, all others only `version`."""

    asks: list[WireLevel] | None = None
    bids: list[WireLevel] | None = None
    version: Version | None = None
    begin: Version | None = None
    end: Version | None = None
    cts: Milliseconds | None = None
    timestamp: Milliseconds | None = None


class WireTicker(Struct, rename="camel", gc=False):
    """One row of tickers; prices of 0 stand for "none"."""

    symbol: SymbolName
    last_price: Finite | None = None
    fair_price: Finite | None = None
    index_price: Finite | None = None
    bid1: Finite | None = None
    ask1: Finite | None = None
    volume24: Finite | None = None
    amount24: Finite | None = None
    timestamp: Milliseconds | None = None


class WirePrice(Struct, gc=False):
    """An index or fair price."""

    price: Price


class WireFunding(Struct, rename="camel", gc=False):
    """A funding rate on the stream."""

    rate: Rate
    next_settle_time: Milliseconds | None = None
