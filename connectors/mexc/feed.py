"""The feed: everything that is received of a session's symbols, from the sockets to the inbox.

It runs an event loop in a thread of its own, in which a `ConnectedFeed` does the work; here it is started, waited for
and stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import aiohttp
import numpy as np

from connectors.mexc.clock import ExchangeClock
from connectors.mexc.connected import ConnectedFeed
from connectors.mexc.errors import ExchangeError, innermost
from connectors.mexc.feed_settings import FeedFailed, FeedSettings, Interrupted
from connectors.mexc.inbox import Inbox, Received
from connectors.mexc.observation import Observation
from connectors.mexc.records import Rejected
from connectors.mexc.rest import MexcRest
from connectors.mexc.source import LiveState
from connectors.mexc.taping import Units
from operators.errors import TapeflowError
from operators.tape import BOOKS_STREAM, TRADES_STREAM

START_SECONDS: Final = 60.0
STREAMS: Final = (TRADES_STREAM, BOOKS_STREAM)
_LOOK_SECONDS: Final = 0.1
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 10.0


class MexcFeed:
    """Receives from `start` to `stop`; `take` gives what has come. See `connectors.mexc.source.Feed`.

    `interrupted` is asked once, when the feed starts in the middle of a session. Then it waits for the exchange for as
    long as it takes, or until `give_up` says so.
    """

    def __init__(
        self,
        settings: FeedSettings,
        interrupted: Callable[[LiveState], Interrupted],
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings = settings
        self.clock = ExchangeClock(settings.clock_rate)
        self.inbox = Inbox(settings.queue_rows)
        self.observation = Observation(self.inbox, settings.session_id, STREAMS)
        self._interrupted = interrupted
        self._give_up = give_up
        self._goes_on = False
        self._before = Interrupted()
        self._interrupted_us: int | None = None
        count = len(settings.symbols)
        self._units = Units(np.full(count, np.nan), np.zeros(count, np.bool_))
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._stopping = False
        self._connected: ConnectedFeed | None = None

    # The dataflow's side

    def start(self, position: LiveState | None) -> None:
        """Begin to receive; returns when the exchange's clock and contracts are known. Raises `FeedFailed`."""
        if position is not None:
            self._goes_on = True
            self._before = self._interrupted(position)
            self._interrupted_us = position.watermark
        self._thread = threading.Thread(target=self._run, name="mexc-feed", daemon=True)
        self._thread.start()
        until = math.inf if self._goes_on else time.monotonic() + START_SECONDS
        while not self._ready.wait(_LOOK_SECONDS):
            waited = time.monotonic() > until
            if waited or self._give_up():
                how = f"within {START_SECONDS:g} s" if waited else "before the stop request"
                raise FeedFailed(f"the exchange at {self.settings.rest_url} has not answered {how}")
        self._raise()

    def take(self) -> Received:
        """Everything that was received since the last call. Raises what has ended the feed, after what came before."""
        error = self._error
        received = self.inbox.take()
        if error is not None and not received.stamped and not received.rows:
            raise error
        return received

    def units(self) -> Units:
        """What a contract of each symbol is now."""
        return self._units

    def now_us(self) -> int:
        """The exchange's clock."""
        return self.clock.now_us()

    def stop(self) -> None:
        """Disconnect and wait for the thread; what was received stays to be taken."""
        self._stopping = True
        if self._thread is not None and self._thread.is_alive() and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join()

    @property
    def connected(self) -> ConnectedFeed | None:
        """The parts at work, for whoever shows how the session is doing; None before they are."""
        return self._connected

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    # The event loop's thread

    def _cancel(self) -> None:
        if self._connected is not None:
            self._connected.finish()
        if self._main is not None:
            self._main.cancel()

    def _on_rejected(self, path: str, rejected: Sequence[Rejected]) -> None:
        if self._connected is not None:
            self._connected.receiver.on_rejected(path, rejected)

    def _run(self) -> None:
        try:
            asyncio.run(self._receive())
        except BaseException as error:  # noqa: BLE001 - raised to the dataflow by `take`
            reason = innermost(error)
            if isinstance(reason, TapeflowError):
                self._error = reason
            else:
                self._error = FeedFailed(f"the feed broke: {type(reason).__name__}: {reason}")
                sys.excepthook(type(reason), reason, reason.__traceback__)
        finally:
            self._ready.set()

    async def _receive(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        try:
            async with aiohttp.ClientSession() as session:
                rest = MexcRest(
                    session,
                    self.settings.rest_url,
                    clock=self.clock,
                    settings=self.settings.rest,
                    on_rejected=self._on_rejected,
                )
                await self._until_answered(rest.ping)
                parts = ConnectedFeed(
                    self.settings, self.clock, self.inbox, self.observation, rest, session, self._units
                )
                self._connected = parts
                await self._until_answered(partial(parts.prepare, self._before, self._interrupted_us))
                self._ready.set()
                async with asyncio.TaskGroup() as tasks:
                    for job in parts.jobs():
                        tasks.create_task(job)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            if self._connected is not None:
                self._connected.finish()

    async def _until_answered(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Ask for what nothing can begin without. A session that goes on does not end because its exchange does not
        answer now."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await ask()
                return
            except ExchangeError:
                if not self._goes_on:
                    raise
            await asyncio.sleep(pause)
            pause = min(2.0 * pause, _LONGEST_PAUSE_SECONDS)
