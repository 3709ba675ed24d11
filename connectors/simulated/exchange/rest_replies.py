"""REST replies: envelope, error messages, compression."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec
from aiohttp import web

TOO_FREQUENT: Final = 510
PARAMETER_ERROR: Final = 600
NO_CONTRACT: Final = 1001
LEAST_COMPRESSED: Final = 1_000
"""Shorter replies are never compressed unless somebody insists."""

ACCESS_DENIED: Final = (
    "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n"
    "You don't have permission to access this server.\n</BODY>\n</HTML>\n"
)
GARBLED: Final = "<html><body>upstream connect error or disconnect/reset before headers</body></html>"

_MESSAGES: Final = {
    TOO_FREQUENT: ("请求频率过快，请稍后再试", "Requests are too frequent, please try again later"),
    PARAMETER_ERROR: ("参数错误", "Parameter error"),
    NO_CONTRACT: ("合约不存在", "Contract does not exist"),
}
_GZIP: Final = 31
_encode: Final = msgspec.json.Encoder().encode


class Rejected(Exception):
    """A request that gets an error code instead of data."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def message_of(code: int, language: str | None) -> str:
    """Chinese where the client names no language; the other languages are answered in English.

    >>> message_of(510, "en"), message_of(1001, None)
    ('Requests are too frequent, please try again later', '合约不存在')
    """
    chinese, english = _MESSAGES[code]
    return chinese if not language or language.lower().startswith("zh") else english


def succeeded(data: Any) -> bytes:
    """
    >>> succeeded(1789455551670)
    b'{"success":true,"code":0,"data":1789455551670}'
    """
    return succeeded_with(_encode(data))


def succeeded_with(data: bytes) -> bytes:
    """The same for data that are JSON already."""
    return b'{"success":true,"code":0,"data":' + data + b"}"


def failed(code: int, language: str | None) -> bytes:
    return _encode({"success": False, "code": code, "message": message_of(code, language)})


def response(body: bytes, *, accepted: str = "", insisted: str | None = None) -> web.Response:
    """The answer with HTTP 200; gzipped where that is `accepted` and worth it, or as `insisted` on."""
    encoding = insisted
    if encoding is None and "gzip" in accepted and len(body) >= LEAST_COMPRESSED:
        encoding = "gzip"
    headers = {"Vary": "Accept-Encoding"}
    if encoding is not None:
        headers["Content-Encoding"] = encoding
        packing = zlib.compressobj(level=1, wbits=_GZIP if encoding == "gzip" else zlib.MAX_WBITS)
        body = packing.compress(body) + packing.flush()
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)


def page(status: int, text: str) -> web.Response:
    """What is no answer of the exchange's own but of something in front of it."""
    return web.Response(status=status, text=text, content_type="text/html")
