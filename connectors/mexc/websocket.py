"""One WebSocket: opening, sending, closing, and the words for why it ended."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType

from connectors.mexc.stream_settings import StreamSettings

Socket: TypeAlias = ClientWebSocketResponse[bool]


class ConnectFailed(Exception):
    """No socket; the text says why, in words from a small stock (they are counted)."""


class ConnectionOver(Exception):
    """This socket is of no more use; the text says why, in words from a small stock (they are counted)."""


async def connect(session: aiohttp.ClientSession, url: str, settings: StreamSettings) -> Socket:
    """Open a socket whose text messages come as bytes. Raises `ConnectFailed`."""
    try:
        async with asyncio.timeout(settings.connect_seconds):
            return await session.ws_connect(
                url,
                compress=0,
                max_msg_size=settings.largest_frame_bytes,
                decode_text=False,
                # the exchange's heartbeat is a message of its own; protocol pings are still answered
                heartbeat=None,
                autoping=True,
            )
    except TimeoutError:
        raise ConnectFailed("no answer in time") from None
    except aiohttp.WSServerHandshakeError as error:
        raise ConnectFailed(f"handshake refused ({error.status})") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectFailed(f"cannot connect ({type(error).__name__})") from error


async def send(socket: Socket, frame: bytes, settings: StreamSettings) -> None:
    """Send one text message. Raises `ConnectionOver` where that is not possible."""
    try:
        async with asyncio.timeout(settings.send_seconds):
            await socket.send_frame(frame, WSMsgType.TEXT)
    except TimeoutError:
        raise ConnectionOver("the exchange takes nothing") from None
    except (aiohttp.ClientError, OSError):
        # what has arrived is still to be handed on; the receiver finds the end by itself, as a rule at once
        await asyncio.sleep(settings.close_seconds)
        raise ConnectionOver("connection lost while sending") from None


async def close(socket: Socket, settings: StreamSettings) -> None:
    """Close politely, but not for long."""
    try:
        async with asyncio.timeout(settings.close_seconds):
            await socket.close()
    except TimeoutError:
        # cancelling the polite close has dropped the transport
        return


def why_over(kind: WSMsgType, data: object) -> str:
    """The words for a message that is no data: why the socket ended."""
    if kind is WSMsgType.CLOSE:
        return f"closed by the exchange (code {data})"
    if kind is WSMsgType.ERROR:
        code = getattr(data, "code", None)
        return f"unreadable WebSocket frame (code {int(code)})" if code is not None else type(data).__name__
    return "connection lost"
