"""Numbers and WebSocket frames as they go over the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
_CONTINUATION: Final = 0x0
_FINAL: Final = 0x80
_TEXTS_KEPT: Final = 200_000

_texts: dict[float, str] = {}


def number_text(value: float) -> str:
    """A price as the exchange writes it: plain decimals, whole numbers without a point.

    >>> number_text(77526.0), number_text(5.7e-06), number_text(80468.7)
    ('77526', '0.0000057', '80468.7')
    """
    text = _texts.get(value)
    if text is None:
        if len(_texts) >= _TEXTS_KEPT:
            _texts.clear()
        whole = value == int(value)
        text = _texts[value] = str(int(value)) if whole else format(Decimal(repr(value)), "f")
    return text


def frame_of(payload: bytes, kind: int = TEXT) -> bytes:
    """One unmasked WebSocket frame, as servers send them (RFC 6455, section 5.2).

    >>> frame_of(b"{}")
    b'\\x81\\x02{}'
    """
    return _header(_FINAL | kind, len(payload)) + payload


def fragments_of(payload: bytes, pieces: int, kind: int = TEXT) -> bytes:
    """The same message in several frames (RFC 6455, section 5.4).

    >>> fragments_of(b"abc", 2)
    b'\\x01\\x02ab\\x80\\x01c'
    """
    size = max(-(-len(payload) // max(pieces, 1)), 1)
    parts = [payload[begin : begin + size] for begin in range(0, len(payload), size)]
    last = len(parts) - 1
    return b"".join(
        _header((kind if position == 0 else _CONTINUATION) | (_FINAL if position == last else 0), len(part)) + part
        for position, part in enumerate(parts)
    )


def _header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 65_536:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")
