"""WebSocket frames: from the text on the wire to records.

`decode` raises `MalformedFrame` and nothing else, whatever it is given. A list of which some elements cannot be read
gives the readable ones, and the others beside them as `rejected`: nothing good is lost and nothing bad is forgotten.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final, NoReturn

import msgspec
from msgspec import Raw, Struct

from connectors.mexc.errors import MalformedFrame
from connectors.mexc.pushes import Push
from connectors.mexc.reading import read_deals, read_each, read_ticker
from connectors.mexc.records import (
    Ack,
    ContractPush,
    Deals,
    DepthDelta,
    DepthFull,
    ErrorNotice,
    FairPrice,
    Frame,
    FundingPush,
    Ignored,
    IndexPrice,
    Pong,
    TickerRow,
    Tickers,
)
from connectors.mexc.wire import Milliseconds, WireDeal, WireTicker

LARGEST_UNPACKED_BYTES: Final = 16 * 1024 * 1024
"""A compressed frame that unpacks to more than this is refused."""

_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_NO_CONTRACT: Final = re.compile(r"contract \[([^\]]+)\] (?:not exists|doesn't exist)", re.IGNORECASE)
_CLOSING: Final = ("no response", "close the channel")
_SUCCESS: Final = "success"

_CHANNELS: Final[dict[type, str]] = {
    Deals: "deal",
    DepthDelta: "depth",
    DepthFull: "depth.full",
    FundingPush: "funding.rate",
    IndexPrice: "index.price",
    FairPrice: "fair.price",
    TickerRow: "ticker",
}
_WHOLE_EXCHANGE: Final[dict[type, tuple[str, str]]] = {Tickers: ("tickers", ""), ContractPush: ("contract", "")}


def channel_of(frame: Frame) -> tuple[str, str] | None:
    """The subscription (channel, symbol) that this data frame belongs to; None for control frames.

    >>> channel_of(Deals("BTC_USDT", [], None)), channel_of(Tickers([], None)), channel_of(Pong(None))
    (('deal', 'BTC_USDT'), ('tickers', ''), None)
    """
    kind = type(frame)
    channel = _CHANNELS.get(kind)
    if channel is not None:
        return channel, frame.symbol  # type: ignore[union-attr, return-value]
    return _WHOLE_EXCHANGE.get(kind)


def decode(raw: str | bytes | bytearray) -> Frame:
    """Read one frame: text or UTF-8, gzipped or not. Raises `MalformedFrame`.

    >>> decode('{"channel":"pong","data":1789498336785,"ts":1789498336785}')
    Pong(server_ms=1789498336785)
    """
    try:
        return _decode(raw).record()
    except msgspec.ValidationError as error:
        return _decode_by_parts(raw, error)
    except msgspec.DecodeError as error:
        if not isinstance(raw, str) and raw[:2] == _GZIP:
            return decode(_unpacked(raw))
        raise MalformedFrame(f"not JSON: {error}") from None
    except UnicodeError:
        raise MalformedFrame("not UTF-8") from None
    except RecursionError:
        raise MalformedFrame("nested too deeply") from None


_decoder: Final[msgspec.json.Decoder[Push]] = msgspec.json.Decoder(Push, strict=False)
_decode: Final = _decoder.decode

_READ_CHANNELS: Final = frozenset(
    {
        "push.depth",
        "push.depth.full",
        "push.funding.rate",
        "push.index.price",
        "push.fair.price",
        "push.ticker",
        "push.contract",
    }
)


# Everything else: answers, channels that nobody reads, and frames with something wrong in them.


class _Envelope(Struct, gc=False):
    channel: str
    symbol: Any = None
    data: Raw = Raw(b"null")
    ts: Any = None


_decode_envelope: Final = msgspec.json.Decoder(_Envelope, strict=False).decode
_decode_parts: Final = msgspec.json.Decoder(list[Raw]).decode
_decode_deal: Final = msgspec.json.Decoder(WireDeal, strict=False).decode
_decode_ticker: Final = msgspec.json.Decoder(WireTicker, strict=False).decode


def _decode_by_parts(raw: str | bytes | bytearray, error: msgspec.ValidationError) -> Frame:
    try:
        envelope = _decode_envelope(raw)
        return _take_apart(envelope, error)
    except msgspec.ValidationError:
        raise MalformedFrame(f"no frame of the exchange: {error}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as second:
        raise MalformedFrame(f"not JSON: {second}") from None


def _take_apart(envelope: _Envelope, error: msgspec.ValidationError) -> Frame:
    channel = envelope.channel
    if channel == "push.deal":
        return _sound_deals(envelope, error)
    if channel == "push.tickers":
        wires, bad = read_each(_parts(envelope, error), _decode_ticker)
        return Tickers([read_ticker(wire) for wire in wires], _time_of(envelope), bad)
    if channel in _READ_CHANNELS:
        _give_up(envelope, error)
    if channel == "pong":
        return Pong(_time_of(envelope))
    if channel == "rs.error":
        return _notice(_text_of(envelope.data))
    if channel.startswith("rs."):
        return _acknowledgement(channel.removeprefix("rs."), envelope.data)
    return Ignored(channel)


def _sound_deals(envelope: _Envelope, error: msgspec.ValidationError) -> Deals:
    symbol = envelope.symbol
    if not isinstance(symbol, str) or not symbol:
        _give_up(envelope, error)
    parts = [envelope.data] if bytes(envelope.data).startswith(b"{") else _parts(envelope, error)
    wires, bad = read_each(parts, _decode_deal)
    return Deals(symbol, read_deals(wires), _time_of(envelope), bad)


def _parts(envelope: _Envelope, error: msgspec.ValidationError) -> list[Raw]:
    try:
        return _decode_parts(envelope.data)
    except msgspec.ValidationError:
        _give_up(envelope, error)


def _give_up(envelope: _Envelope, error: msgspec.ValidationError) -> NoReturn:
    symbol = envelope.symbol if isinstance(envelope.symbol, str) else None
    raise MalformedFrame(str(error), envelope.channel, symbol) from None


def _time_of(envelope: _Envelope) -> int | None:
    try:
        return msgspec.convert(envelope.ts, Milliseconds | None, strict=False)
    except msgspec.ValidationError:
        return None


def _text_of(data: Raw) -> str:
    value = msgspec.json.decode(data)
    return value if isinstance(value, str) else bytes(data).decode("utf-8", "replace")


def _notice(text: str) -> ErrorNotice:
    """
    >>> _notice("Contract [NOPE_USDT] not exists")
    ErrorNotice(text='Contract [NOPE_USDT] not exists', symbol='NOPE_USDT', closing=False)
    """
    found = _NO_CONTRACT.search(text)
    symbol = found.group(1) if found is not None and found.group(1) != "null" else None
    return ErrorNotice(text, symbol, any(words in text for words in _CLOSING))


def _acknowledgement(method: str, data: Raw) -> Ack:
    """Refused only where the exchange says so: older servers acknowledge without any `data`."""
    value = msgspec.json.decode(data)
    if value is None or value == _SUCCESS:
        return Ack(method, True, value or "")
    if isinstance(value, dict):
        code = value.get("code", 0)
        text = " ".join(str(value[key]) for key in ("code", "msg", "message") if value.get(key) is not None)
        return Ack(method, code in (0, "0") and not text, text)
    return Ack(method, False, _text_of(data))


def _unpacked(raw: bytes | bytearray) -> bytes:
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacking.decompress(raw, LARGEST_UNPACKED_BYTES)
    except zlib.error as error:
        raise MalformedFrame(f"not gzip: {error}") from None
    if not unpacking.eof:
        cut = len(unpacked) < LARGEST_UNPACKED_BYTES
        raise MalformedFrame("gzip cut off" if cut else f"unpacks to more than {LARGEST_UNPACKED_BYTES} bytes")
    if unpacked[:2] == _GZIP:
        raise MalformedFrame("gzip inside gzip")
    return unpacked
