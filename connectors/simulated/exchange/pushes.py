"""What the exchange pushes, as the bytes of its messages: field by field in the order of the real wire.

The functions of the frequent channels write the text themselves, which is several times as fast as an encoder.
`shift` (ms) is how far the exchange's clocks are off: it is added to every time that is not a schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from connectors.simulated.exchange.records import (
    Bar,
    Depth,
    DepthLevel,
    LevelChange,
    VenueDeal,
)
from connectors.simulated.exchange.wire_text import number_text

_encode: Final = msgspec.json.Encoder().encode

_TICKER_FIELDS: Final = (
    "symbol",
    "lastPrice",
    "riseFallRate",
    "fairPrice",
    "indexPrice",
    "volume24",
    "amount24",
    "maxBidPrice",
    "minAskPrice",
    "lower24Price",
    "high24Price",
    "timestamp",
    "bid1",
    "ask1",
    "holdVol",
    "riseFallValue",
    "fundingRate",
)
_TICKERS_FIELDS: Final = (
    "amount24",
    "contractId",
    "fairPrice",
    "high24Price",
    "indexPrice",
    "lastPrice",
    "lower24Price",
    "maxBidPrice",
    "minAskPrice",
    "riseFallRate",
    "symbol",
    "timestamp",
    "volume24",
)
_PERIODS: Final = ("r", "r7", "r30", "r90", "r180", "r365")


def self_trade_mark(deal_id: int) -> int:
    """The field M, which says nothing of use and is 1 more often than 2."""
    return 2 if deal_id % 3 == 0 else 1


def deal_push(symbol: str, deals: Iterable[VenueDeal], ms: int, shift: int = 0) -> bytes:
    """`deals` in the order of the message: newest first."""
    rows = ",".join(
        [
            f'{{"p":{number_text(price)},"v":{contracts},"T":{taker},"O":{opens},"M":{self_trade_mark(deal_id)},'
            f'"t":{at + shift},"i":"{deal_id}","cts":"{at + shift}"}}'
            for _, at, deal_id, price, contracts, taker, opens, _ in deals
        ]
    )
    return f'{{"symbol":"{symbol}","data":[{rows}],"channel":"push.deal","ts":{ms + shift}}}'.encode()


def depth_push(changes: Iterable[LevelChange], begin: int, last: LevelChange, ms: int, shift: int) -> bytes:
    """A merged change: `changes` holds the newest of each level, in no order; versions from `begin` to `last`'s."""
    symbol = last[0]
    asks: list[str] = []
    bids: list[str] = []
    for change in changes:
        side = bids if change[3] else asks
        side.append(f"[{number_text(change[4])},{change[5]},{change[6]}]")
    version = last[2]
    return (
        f'{{"symbol":"{symbol}","data":{{"cts":{last[1] + shift},"asks":[{",".join(asks)}],"bids":[{",".join(bids)}],'
        f'"end":{version},"begin":{begin},"version":{version}}},"channel":"push.depth","ts":{ms + shift}}}'
    ).encode()


def change_push(change: LevelChange, ms: int, shift: int) -> bytes:
    """One change of one level, unmerged."""
    symbol, at, version, is_bid, price, contracts, orders, _ = change
    level = f"[{number_text(price)},{contracts},{orders}]"
    asks, bids = ("", level) if is_bid else (level, "")
    return (
        f'{{"symbol":"{symbol}","data":{{"cts":{at + shift},"asks":[{asks}],"bids":[{bids}],"version":{version}}},'
        f'"channel":"push.depth","ts":{ms + shift}}}'
    ).encode()


def full_push(depth: Depth, ms: int, shift: int) -> bytes:
    """The whole best levels, best first."""
    asks, bids = levels_text(depth.asks), levels_text(depth.bids)
    return (
        f'{{"symbol":"{depth.symbol}","data":{{"cts":{depth.ms + shift},"asks":[{asks}],"bids":[{bids}],'
        f'"version":{depth.version}}},"channel":"push.depth.full","ts":{ms + shift}}}'
    ).encode()


def levels_text(levels: Sequence[DepthLevel]) -> str:
    """
    >>> levels_text([DepthLevel(100.0, 5, 1), DepthLevel(99.5, 2, 2)])
    '[100,5,1],[99.5,2,2]'
    """
    return ",".join([f"[{number_text(price)},{contracts},{orders}]" for price, contracts, orders in levels])


def step_push(depth: Depth, step: float, ms: int, shift: int) -> bytes:
    """The book in steps of the price: bids rounded down to it, asks up."""
    bids, asks = _stepped(depth.bids, step, up=False), _stepped(depth.asks, step, up=True)
    data = {
        "askMarketLevelPrice": plain(depth.asks[0].price) if depth.asks else 0,
        "bidMarketLevelPrice": plain(depth.bids[0].price) if depth.bids else 0,
        "asks": asks,
        "bids": bids,
        "ct": depth.ms + shift,
        "version": depth.version,
    }
    return _push("depth.step", depth.symbol, data, ms + shift)


def price_push(channel: str, symbol: str, price: float, ms: int) -> bytes:
    """Channels index.price and fair.price."""
    text = number_text(price)
    data = f'{{"symbol":"{symbol}","price":{text}}}'
    return f'{{"symbol":"{symbol}","data":{data},"channel":"push.{channel}","ts":{ms}}}'.encode()


def funding_push(symbol: str, rate: float, next_settle_ms: int, ms: int) -> bytes:
    data = {"symbol": symbol, "rate": plain(rate), "nextSettleTime": next_settle_ms}
    return _push("funding.rate", symbol, data, ms)


def kline_push(symbol: str, interval: str, bar: Bar, ms: int) -> bytes:
    """A bar as the exchange draws it: it opens at the close before."""
    start, opened, high, low, close, contracts, amount, before = bar
    data = {
        "symbol": symbol,
        "interval": interval,
        "t": start,
        "o": plain(before),
        "c": plain(close),
        "h": plain(max(high, before)),
        "l": plain(min(low, before)),
        "a": plain(round(amount, 5)),
        "q": contracts,
        "ro": plain(opened),
        "rc": plain(close),
        "rh": plain(high),
        "rl": plain(low),
    }
    return _push("kline", symbol, data, ms)


def ticker_push(ticker: dict[str, Any], ms: int, shift: int) -> bytes:
    """The ticker of one symbol; the rises over several periods are a list here and an object in REST replies."""
    data: dict[str, Any] = {name: plain(ticker[name]) for name in _TICKER_FIELDS}
    data["timestamp"] += shift
    rises = ticker["riseFallRates"]
    data["zone"] = rises["zone"]
    data["riseFallRates"] = [plain(rises[period]) for period in _PERIODS]
    data["riseFallRatesOfTimezone"] = [plain(rate) for rate in ticker["riseFallRatesOfTimezone"]]
    return _push("ticker", ticker["symbol"], data, ms + shift)


def tickers_row(ticker: dict[str, Any], shift: int) -> dict[str, Any]:
    """A symbol's row among all tickers: no funding, no best bid and ask."""
    row = {name: plain(ticker[name]) for name in _TICKERS_FIELDS}
    row["timestamp"] += shift
    return row


def tickers_push(rows: Sequence[dict[str, Any]], ms: int) -> bytes:
    return _encode({"channel": "push.tickers", "data": rows, "ts": ms})


def contract_push(detail: dict[str, Any], ms: int) -> bytes:
    return _encode({"channel": "push.contract", "data": detail, "ts": ms})


def control_reply(channel: str, data: Any, ms: int) -> bytes:
    """Acknowledgements, notices and pongs.

    >>> control_reply("rs.sub.deal", "success", 1789498321789)
    b'{"channel":"rs.sub.deal","data":"success","ts":1789498321789}'
    """
    return _encode({"channel": channel, "data": data, "ts": ms})


def plain(value: Any) -> Any:
    """Whole numbers without a point; everything else as it is."""
    return int(value) if type(value) is float and value == int(value) else value


def _push(channel: str, symbol: str, data: Any, ms: int) -> bytes:
    return _encode({"symbol": symbol, "data": data, "channel": f"push.{channel}", "ts": ms})


def _stepped(levels: Sequence[DepthLevel], step: float, *, up: bool) -> list[list[Any]]:
    sums: dict[int, list[int]] = {}
    for price, contracts, orders in levels:
        ratio = round(price / step, 9)
        number = -int(-ratio // 1) if up else int(ratio // 1)
        held = sums.setdefault(number, [0, 0])
        held[0] += contracts
        held[1] += orders
    return [[plain(round(number * step, 12)), held[0], held[1]] for number, held in sums.items()]
