"""What clients ask over the WebSocket, and what the exchange answers.

Login and the private channels do not exist here: like every unknown method they get no answer at all.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Final

import msgspec

from connectors.simulated.exchange.channels import Channels
from connectors.simulated.exchange.connection import Connection
from connectors.simulated.exchange.delivery import is_zombie
from connectors.simulated.exchange.intervals import SECONDS
from connectors.simulated.exchange.pushes import control_reply
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.topics import PER_SYMBOL, UNMERGED, WHOLE_EXCHANGE, Variant

FULL_LIMITS: Final = (5, 10, 20, 50)
DEFAULT_LIMIT: Final = 20

INVALID_MESSAGE: Final = "invalid message"
INVALID_PARAM: Final = "invalid param"
BAD_LIMIT: Final = "Not support limit"
SILENCE_NOTICE: Final = "more than {:g} seconds no response, close the channel"

_CHANNELS: Final = frozenset((*WHOLE_EXCHANGE, *PER_SYMBOL))
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Refused(Exception):
    """A request that gets an rs.error; the text is the exchange's."""


class Conversation:
    """Answers requests of all connections."""

    def __init__(self, stage: Stage, channels: Channels) -> None:
        self._stage = stage
        self._channels = channels

    def hear(self, connection: Connection, text: str | bytes) -> None:
        """One request of a client."""
        try:
            request = _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            self._say(connection, "rs.error", INVALID_MESSAGE)
            return
        method = request.get("method")
        if method == "ping":
            self._ping(connection)
        elif isinstance(method, str):
            verb, _, channel = method.partition(".")
            if verb in ("sub", "unsub") and channel in _CHANNELS:
                param = request.get("param")
                self._subscription(connection, verb, channel, param if isinstance(param, dict) else {})

    def _ping(self, connection: Connection) -> None:
        faults = self._stage.faults
        connection.last_ping = time.monotonic()
        swallowed = faults.get("swallowed_pings")
        if swallowed is not None and is_zombie(swallowed, connection):
            return
        if faults.strikes("reset_on_ping"):
            connection.reset()
            return
        doubled = faults.get("doubled_pongs")
        for _ in range(1 if doubled is None else doubled.count("copies")):
            self._say(connection, "pong", self._stage.clock)

    def _subscription(self, connection: Connection, verb: str, channel: str, param: dict[str, Any]) -> None:
        try:
            symbol = self._symbol(channel, param)
            if verb == "sub":
                self._subscribe(connection, channel, symbol, _variant(channel, param))
            else:
                self._unsubscribe(connection, channel, symbol, param)
        except Refused as refusal:
            self._say(connection, "rs.error", str(refusal))

    def _symbol(self, channel: str, param: dict[str, Any]) -> str:
        """The symbol that is meant; in the wrong case it is taken, but there are no data for it."""
        if channel in WHOLE_EXCHANGE:
            return ""
        symbol = param.get("symbol")
        if not isinstance(symbol, str):
            raise Refused("Contract [null] not exists")
        if not self._stage.venue.trades(symbol.upper()):
            raise Refused(f"Contract [{symbol}] not exists")
        return symbol

    def _subscribe(self, connection: Connection, channel: str, symbol: str, variant: Variant) -> None:
        faults = self._stage.faults
        if faults.strikes("lost_subscriptions", symbol, channel):
            lost = faults.get("lost_subscriptions")
            if lost is not None and lost.flag("acked"):
                self._acknowledge(connection, f"sub.{channel}")
            return
        self._acknowledge(connection, f"sub.{channel}")
        if symbol != symbol.upper() or faults.of("muted", symbol, channel) is not None:
            return
        doubled = faults.get("doubled_streams") is not None
        topic = self._stage.topics.join(connection, channel, symbol, variant, doubled=doubled)
        self._channels.greet(connection, topic)

    def _unsubscribe(self, connection: Connection, channel: str, symbol: str, param: dict[str, Any]) -> None:
        interval = param.get("interval")
        for key in list(connection.subscriptions):
            if key[:2] == (channel, symbol) and (interval is None or channel != "kline" or key[2] == interval):
                self._stage.topics.leave(connection, key)
        if self._stage.faults.get("silent_unsubscribe") is None:
            self._acknowledge(connection, f"unsub.{channel}")

    def _acknowledge(self, connection: Connection, method: str) -> None:
        faults = self._stage.faults
        odd = faults.get("odd_acknowledgements")
        if odd is None:
            self._say(connection, f"rs.{method}", "success")
            return
        loop = asyncio.get_running_loop()
        for _ in range(odd.count("copies")):
            delay = faults.random.random() * odd.number("delay")
            loop.call_later(delay, self._say, connection, f"rs.{method}", "success")

    def _say(self, connection: Connection, channel: str, data: Any) -> None:
        if not connection.is_gone:
            connection.reply(control_reply(channel, data, self._stage.clock))

    def keep_silence_rule(self, connection: Connection, seconds: float, *, notice: bool) -> None:
        """Close a connection that has sent no ping for so long: one with subscriptions is told first."""
        if time.monotonic() - connection.last_ping < seconds or connection.is_gone:
            return
        if not connection.subscriptions:
            connection.abort()
            return
        if notice:
            self._say(connection, "rs.error", SILENCE_NOTICE.format(seconds))
        connection.close(code=False)


def _variant(channel: str, param: dict[str, Any]) -> Variant:
    """Which of a channel's streams for a symbol is meant. Raises `Refused`."""
    if channel in ("deal", "depth"):
        return UNMERGED if param.get("compress") is False else ""
    if channel == "depth.full":
        limit = param.get("limit", DEFAULT_LIMIT)
        if limit not in FULL_LIMITS:
            raise Refused(BAD_LIMIT)
        return int(limit)
    if channel == "depth.step":
        try:
            step = float(param.get("step", "none"))
        except (TypeError, ValueError):
            raise Refused(INVALID_PARAM) from None
        if not 0.0 < step < math.inf:
            raise Refused(INVALID_PARAM)
        return step
    if channel == "kline":
        interval = param.get("interval")
        if not isinstance(interval, str) or interval not in SECONDS:
            raise Refused(INVALID_PARAM)
        return interval
    return ""
