"""The simulated exchange as a server: a market that runs by its own clock, a WebSocket and REST endpoints."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import WSMsgType, web

from connectors.simulated.exchange.channels import Channels
from connectors.simulated.exchange.clock import VenueClock
from connectors.simulated.exchange.connection import LONGEST_PILE_BYTES, Connection
from connectors.simulated.exchange.control import CONTROL, Control, switches_on
from connectors.simulated.exchange.conversation import Conversation
from connectors.simulated.exchange.fault_orders import FaultOrder, in_order
from connectors.simulated.exchange.faults import Faults, Setting
from connectors.simulated.exchange.frame_log import FrameLog
from connectors.simulated.exchange.happenings import Happenings
from connectors.simulated.exchange.rest import Rest
from connectors.simulated.exchange.rest_replies import ACCESS_DENIED, page
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.truth_log import ALL_LEVELS, TruthLog
from connectors.simulated.exchange.venue import Venue
from operators.errors import TapeflowError

HOST: Final = "127.0.0.1"
WEBSOCKET_PATH: Final = "/edge"
TURN_SECONDS: Final = 0.02
LONGEST_TURN_SECONDS: Final = 0.25
"""At most so much wall time's worth of market is played in one turn; what is missing makes the clock slip."""
LEAST_PAUSE_SECONDS: Final = 0.001
"""Between two turns there is always time for clients, however late the next one is."""
PING_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
_FORBIDDEN: Final = 403


class CannotListen(TapeflowError):
    """The port is not to be had."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`port` 0 takes a free one. `ping_seconds` without a ping end a connection. `schedule` holds faults that come by
    themselves; `seed` decides where faults strike only sometimes. `truth` is the folder for the log of what really
    happened, `frames` the file for everything that is sent. `pile_bytes` may wait for a slow client before it is cut
    off."""

    port: int = 0
    ping_seconds: float = PING_SECONDS
    limited: bool = True
    control: bool = False
    schedule: tuple[FaultOrder, ...] = ()
    truth: Path | None = None
    frames: Path | None = None
    pile_bytes: int = LONGEST_PILE_BYTES


def _to_standard_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class ExchangeServer:
    """A venue, played by a clock and open to clients on loopback. Everything runs in one event loop.

    `faults` are shared with the venue's flow where that is to obey them too (`PacedFlow`). `report` is told in a
    sentence what a scheduled fault could not do.
    """

    def __init__(
        self,
        venue: Venue,
        clock: VenueClock,
        settings: ServerSettings = ServerSettings(),
        faults: Faults | None = None,
        report: Callable[[str], None] = _to_standard_error,
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self.stage = Stage(venue, self.faults, clock.now_ms)
        self.clock = clock
        self.settings = settings
        self.connections: dict[int, Connection] = {}
        self.handshakes = 0
        self.cut_off = 0
        """Clients that were too slow."""
        self._report = report
        self._channels = Channels(self.stage)
        self._conversation = Conversation(self.stage, self._channels)
        self._happenings = Happenings(self.stage, self._channels, self.connections)
        self._rest = Rest(self.stage, limited=settings.limited)
        self._numbers = itertools.count(1)
        self._schedule = in_order(settings.schedule)
        self._next_look = 0.0
        self._truth: TruthLog | None = None
        self._frames: FrameLog | None = None
        self._runner: web.AppRunner | None = None
        self._market: asyncio.Task[None] | None = None
        self._port = 0
        self.faults.on_change.append(self._switched)

    @property
    def websocket_url(self) -> str:
        return f"ws://{HOST}:{self._port}{WEBSOCKET_PATH}"

    @property
    def rest_url(self) -> str:
        """Without a path: the endpoints are below `/api/v1/contract`."""
        return f"http://{HOST}:{self._port}"

    @property
    def control_url(self) -> str | None:
        return f"{self.rest_url}{CONTROL}" if self.settings.control else None

    async def start(self) -> None:
        """Open the logs, listen, and let the market run. Raises `CannotListen`, OSError for the logs, and the errors
        of faults that come at the very start."""
        settings = self.settings
        if settings.truth is not None:
            self._truth = TruthLog(settings.truth, self.stage.venue, speed=self.clock.speed)
        if settings.frames is not None:
            self._frames = FrameLog(settings.frames)
        application = web.Application()
        application.router.add_get(WEBSOCKET_PATH, self._open)
        application.add_routes(self._rest.routes())
        if settings.control:
            application.add_routes(Control(self, self.faults).routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, settings.port)
        while self._schedule and self._schedule[0].at <= 0.0:
            self.carry_out(self._schedule.pop(0))
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(f"port {settings.port} of {HOST}: {error.strerror or error}") from None
        self._port = self._runner.addresses[0][1]
        self._market = asyncio.create_task(self._run())

    async def wait(self) -> None:
        """Until the market ends, which it does only with an error; that is raised."""
        if self._market is None:
            raise RuntimeError("the exchange has not been started")
        await asyncio.shield(self._market)

    def check(self) -> None:
        """Raise the error with which the market has ended, if it has."""
        if self._market is not None and self._market.done() and not self._market.cancelled():
            self._market.result()

    async def close(self) -> None:
        """End the market, say good-bye to all clients, close the logs."""
        if self._market is not None:
            self._market.cancel()
            await asyncio.gather(self._market, return_exceptions=True)
        for connection in list(self.connections.values()):
            connection.close()
        if self._runner is not None:
            await self._runner.cleanup()
        for log in (self._truth, self._frames):
            if log is not None:
                log.close()
        self.stage.venue.close()

    def carry_out(self, order: FaultOrder) -> None:
        """Turn a switch on or make a happening happen. Raises `InvalidFault`, `UnknownSymbol`, `InvalidContract`."""
        if not order.is_happening:
            self.faults.set(order.name, order.values, order.seconds)
            return
        self._happenings.make(order.name, order.values)
        if self._truth is not None:
            self._truth.tell("happening", name=order.name, parameters=order.values)

    def state(self) -> dict[str, Any]:
        """How the exchange is."""
        return {
            "exchange_ms": self.stage.clock,
            "speed": self.clock.speed,
            "wall_seconds": self.clock.wall_seconds(),
            "slipped_ms": self.clock.slipped_ms,
            "symbols": len(self.stage.venue.symbols),
            "handshakes": self.handshakes,
            "requests": self._rest.requests,
            "cut_off": self.cut_off,
            "faults": switches_on(self.faults),
            "connections": [
                {
                    "number": connection.number,
                    "subscriptions": len(connection.subscriptions),
                    "frames": connection.frames,
                    "waiting_bytes": connection.waiting_bytes,
                }
                for connection in self.connections.values()
            ],
        }

    # The market

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            self._turn()
            now = time.monotonic()
            due = max(due + TURN_SECONDS, now + LEAST_PAUSE_SECONDS)
            await asyncio.sleep(due - now)

    def _turn(self) -> None:
        """Play the market up to now and send what came of it."""
        self._keep_rules()
        venue, clock = self.stage.venue, self.clock
        now = clock.now_ms()
        latest = venue.now_ms + int(LONGEST_TURN_SECONDS * 1000.0 * clock.speed) + 1
        if now > latest:
            clock.slip(now - latest)
            now = latest
        events = venue.advance(now)
        if self._truth is not None:
            self._truth.write(events)
        self._rest.lagging.note(events.changes)
        self._channels.publish(events)
        for connection in list(self.connections.values()):
            if not connection.flush():
                self.cut_off += 1

    def _keep_rules(self) -> None:
        """What depends on wall time: the schedule, faults that are over, pings, subscriptions to forget."""
        self.faults.expire()
        seconds = self.clock.wall_seconds()
        while self._schedule and self._schedule[0].at <= seconds:
            order = self._schedule.pop(0)
            try:
                self.carry_out(order)
            except TapeflowError as error:
                self._report(f"scheduled fault {order.name}: {error}")
        offset = self.faults.get("clock_offset")
        if offset is not None:
            minutes = (time.monotonic() - offset.since) / 60.0
            self.stage.set_shift(round(offset.number("ms") + offset.number("drift") * minutes))
        if seconds < self._next_look:
            return
        self._next_look = seconds + LOOK_SECONDS
        rule = self.faults.get("ping_rule")
        limit = self.settings.ping_seconds if rule is None else rule.number("seconds")
        forgetting = self.faults.get("forgotten_subscriptions")
        for connection in list(self.connections.values()):
            self._conversation.keep_silence_rule(connection, limit, notice=rule is None or rule.flag("notice"))
            if forgetting is not None:
                self._forget(connection, forgetting)

    def _forget(self, connection: Connection, setting: Setting) -> None:
        oldest = time.monotonic() - setting.number("seconds")
        for key, since in list(connection.subscribed_at.items()):
            if since <= oldest and setting.picks(key[1], key[0]):
                self.stage.topics.leave(connection, key)

    def _switched(self, setting: Setting, is_on: bool) -> None:
        name, venue = setting.kind.name, self.stage.venue
        if self._truth is not None:
            self._truth.tell("fault_on" if is_on else "fault_off", name=name, parameters=setting.values)
        if name == "stale_depth":
            self._rest.lagging.end()
            if is_on:
                picked = [symbol for symbol in venue.symbols if setting.picks(symbol)]
                self._rest.lagging.begin(setting, [venue.depth(symbol, ALL_LEVELS) for symbol in picked])
        elif name == "clock_offset" and not is_on:
            self.stage.set_shift(0)
        elif name == "held_streams" and not is_on:
            self._happenings.release_held()

    # The clients

    async def _open(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if self.faults.strikes("refused_handshakes"):
            refused = self.faults.get("refused_handshakes")
            status = _FORBIDDEN if refused is None else refused.count("status")
            return page(status, ACCESS_DENIED if status == _FORBIDDEN else "<html><body>Try again later</body></html>")
        socket = web.WebSocketResponse(compress=False, timeout=1.0)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        sent = None if self._frames is None else self._frames.write
        connection = Connection(next(self._numbers), transport, sent, self.settings.pile_bytes)
        self.connections[connection.number] = connection
        self._tell_truth("connected", connection)
        try:
            while not connection.is_gone:
                message = await socket.receive()
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                self._conversation.hear(connection, message.data)
        finally:
            del self.connections[connection.number]
            self.stage.topics.leave_all(connection)
            self._tell_truth("disconnected", connection)
        return socket

    def _tell_truth(self, event: str, connection: Connection) -> None:
        if self._truth is not None:
            self._truth.tell(event, connection=connection.number)
