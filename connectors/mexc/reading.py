"""From the shapes on the wire to records, alike for frames and replies.

A list of trades may begin with the newest or with the oldest, times may be equal or disagree with the order of ids,
and ids may be numbers, text or missing. Levels come in any order, and prices of 0 stand for "none".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from connectors.files.blocks import NULL
from connectors.files.trade_ids import trade_id
from connectors.mexc.errors import one_line
from connectors.mexc.records import Deal, DepthDelta, DepthFull, Level, Rejected, TickerRow
from connectors.mexc.wire import WireDeal, WireDepth, WireLevel, WireTicker

Read = TypeVar("Read")

_SIDES: Final[dict[int | str | None, int]] = {1: 1, "1": 1, 2: -1, "2": -1}
_LARGEST: Final = 2**63 - 1
_SURE_DIGITS: Final = 18

_by_id: Callable[[Any], Any] = itemgetter(0)
_by_ms: Callable[[Any], Any] = itemgetter(1)
# a NamedTuple's own constructor is a Python function around this
_new: Final = tuple.__new__


class Inconsistent(ValueError):
    """The parts can be read, but do not make a whole."""


def read_id(value: int | str | None) -> int | None:
    """A trade id as a number; the exchange writes 0 where there is none.

    >>> read_id("16005949540"), read_id(16005949540), read_id("0"), read_id(""), read_id(None)
    (16005949540, 16005949540, None, None, None)
    """
    if value is None:
        return None
    if isinstance(value, str):
        if len(value) <= _SURE_DIGITS and value.isascii() and value.isdigit():
            return int(value) or None
    elif 0 <= value <= _LARGEST:
        return value or None
    number = trade_id(str(value))
    return None if number == NULL else number


def read_deal(wire: WireDeal) -> Deal:
    """The record of one trade."""
    return _new(Deal, (read_id(wire.i), wire.t, wire.p, wire.v, _SIDES.get(wire.T, 0)))


def read_deals(wires: Sequence[WireDeal], *, newest_first: bool | None = None) -> list[Deal]:
    """The records of a list of trades, oldest first: by id where all have a number, else by time and place.

    `newest_first` says how the list runs where its times do not tell; None = by the times of its ends.

    >>> first, second = WireDeal(2.0, 1.0, 1000, 1, "11"), WireDeal(3.0, 1.0, 1000, 2, "10")
    >>> [deal.trade_id for deal in read_deals([first, second])]
    [10, 11]
    """
    deals = [read_deal(wire) for wire in wires]
    if len(deals) < 2:
        return deals
    if all(map(_is_numbered, wires)):
        deals.sort(key=_by_id)
        return deals
    if newest_first or (newest_first is None and deals[0].ms > deals[-1].ms):
        deals.reverse()
    deals.sort(key=_by_ms)
    return deals


def _is_numbered(wire: WireDeal) -> bool:
    value = wire.i
    if isinstance(value, str):
        return len(value) <= _SURE_DIGITS and value.isascii() and value.isdigit() and int(value) > 0
    return value is not None and 0 < value <= _LARGEST


def read_delta(symbol: str, depth: WireDepth, pushed_ms: int | None) -> DepthDelta:
    """A change of a book. Raises `Inconsistent` where versions or time are missing or cannot be."""
    first, last = depth.begin, depth.end
    if first is None or last is None:
        last = depth.version if last is None else last
        first = last if first is None else first
        if first is None or last is None:
            raise Inconsistent("a change of a book without a version")
    if first > last:
        raise Inconsistent(f"a change of a book from version {first} back to {last}")
    ms = depth.cts if depth.cts is not None else pushed_ms
    if ms is None:
        raise Inconsistent("a change of a book without a time")
    bids, asks = depth.bids, depth.asks
    return _new(
        DepthDelta,
        (
            symbol,
            first,
            last,
            [(level.price, level.contracts) for level in bids] if bids else [],
            [(level.price, level.contracts) for level in asks] if asks else [],
            ms,
        ),
    )


def read_full(symbol: str, depth: WireDepth, pushed_ms: int | None) -> DepthFull:
    """A whole book. Raises `Inconsistent` where its version or time is missing."""
    version = depth.version if depth.version is not None else depth.end
    if version is None:
        raise Inconsistent("a book without a version")
    ms = depth.cts if depth.cts is not None else depth.timestamp if depth.timestamp is not None else pushed_ms
    if ms is None:
        raise Inconsistent("a book without a time")
    return DepthFull(symbol, version, _best_first(depth.bids, reverse=True), _best_first(depth.asks), ms)


def _best_first(levels: Sequence[WireLevel] | None, *, reverse: bool = False) -> list[Level]:
    ordered = [(level.price, level.contracts) for level in levels or () if level.contracts]
    ordered.sort(reverse=reverse)
    return ordered


def read_ticker(wire: WireTicker) -> TickerRow:
    """The record of one ticker."""
    return TickerRow(
        wire.symbol,
        _if_any(wire.last_price),
        _if_any(wire.fair_price),
        _if_any(wire.index_price),
        _if_any(wire.bid1),
        _if_any(wire.ask1),
        wire.volume24,
        wire.amount24,
        wire.timestamp or None,
    )


def _if_any(value: float | None) -> float | None:
    return value if value is not None and value > 0.0 else None


def read_each(raws: Sequence[Raw], read: Callable[[Raw], Read]) -> tuple[list[Read], tuple[Rejected, ...]]:
    """The elements that can be read, and those that cannot."""
    good: list[Read] = []
    bad: list[Rejected] = []
    for raw in raws:
        try:
            good.append(read(raw))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            bad.append(Rejected(bytes(raw).decode("utf-8", "replace"), one_line(str(error))))
    return good, tuple(bad)
