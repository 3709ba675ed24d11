"""The feed: everything that is received of a session's symbols, from the sockets to the inbox.

It runs an event loop in a thread of its own. The parts that talk to the exchange are modules of their own (`stream`,
`seeding`, `backfill`, `evidence`, `listing`, `reference`), `receiver` decides what their words mean; here they are
wired, and looked after.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

import aiohttp
import numpy as np

from connectors.mexc.audit import Audit
from connectors.mexc.backfill import Backfill
from connectors.mexc.book import Level2Book
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail, contracts_of
from connectors.mexc.deals import DealHistory
from connectors.mexc.errors import ExchangeError
from connectors.mexc.evidence import Verdict, judge_book, judge_trades
from connectors.mexc.health import HealthRows
from connectors.mexc.inbox import MOST_ROWS, Inbox, Received
from connectors.mexc.listing import Listing
from connectors.mexc.observation import Observation, OpenGap
from connectors.mexc.receiver import STALLED, Receiver, ReceiverSettings
from connectors.mexc.records import Deal, Rejected, TickerRow
from connectors.mexc.reference import ReferencePrices
from connectors.mexc.rest import MexcRest, RestSettings
from connectors.mexc.seeding import BookSeeder
from connectors.mexc.source import LiveState
from connectors.mexc.stream import MexcStream, StreamSettings, Subscription
from connectors.mexc.symbol_feed import Stall, SymbolFeed
from connectors.mexc.taping import Units
from operators.errors import TapeflowError
from operators.tape import BOOKS_STREAM, TRADES_STREAM

START_SECONDS: Final = 60.0
STREAMS: Final = (TRADES_STREAM, BOOKS_STREAM)
ON_ITS_WAY_US: Final = 500_000
"""What happened longer ago than this has been received, where the stream is well."""
_ESCALATE_SECONDS: Final = 60.0
_LONGEST_PATIENCE_SECONDS: Final = 600.0
_SWEEP_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.1
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 10.0


class FeedFailed(TapeflowError):
    """The feed cannot start, or something has ended it."""

    retryable = True


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What to receive and how often to look. Intervals are wall time.

    `book_interval_us` is the least exchange time between two stored books of a symbol; `full_depth` takes whole best
    levels from the exchange instead of maintaining books from changes; `clock_rate` is how many times as fast as ours
    the exchange's clock runs (1 but for simulated ones).
    """

    session_id: str
    exchange: str
    rest_url: str
    websocket_url: str
    symbols: tuple[str, ...]
    levels: int = 10
    book_interval_us: int = 100_000
    full_depth: bool = False
    clock_rate: float = 1.0
    clock_seconds: float = 20.0
    evidence_seconds: float = 10.0
    audit_seconds: float = 1.0
    """One symbol's trades are compared with the exchange's last ones every so often."""
    listing_seconds: float = 600.0
    reference_seconds: float = 5.0
    health_seconds: float = 60.0
    queue_rows: int = MOST_ROWS
    """Trades and books that may wait for the dataflow; what does not fit is dropped, and a gap."""
    stream: StreamSettings = field(default_factory=StreamSettings)
    rest: RestSettings = field(default_factory=RestSettings)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What a session that goes on knows from before: the streams that were observed then (as gaps that last since),
    and each symbol's newest trades, oldest first, with their quantities in base coins."""

    gaps: Sequence[OpenGap] = ()
    trades: Mapping[str, Sequence[Deal]] = field(default_factory=dict)


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
        count = len(settings.symbols)
        self._units = Units(np.full(count, np.nan), np.zeros(count, np.bool_))
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._stopping = False
        self._connected: _Connected | None = None

    # The dataflow's side

    def start(self, position: LiveState | None) -> None:
        """Begin to receive; returns when the exchange's clock and contracts are known. Raises `FeedFailed`."""
        if position is not None:
            self._goes_on = True
            self._before = self._interrupted(position)
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
        """Everything that was received since the last call. Raises what has ended the feed."""
        self._raise()
        return self.inbox.take()

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
    def connected(self) -> _Connected | None:
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
            reason = _innermost(error)
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
                parts = _Connected(self.settings, self.clock, self.inbox, self.observation, rest, session, self._units)
                self._connected = parts
                await self._until_answered(partial(parts.prepare, self._before))
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


class _Connected:
    """The parts of a feed while it is connected."""

    def __init__(
        self,
        settings: FeedSettings,
        clock: ExchangeClock,
        inbox: Inbox,
        observation: Observation,
        rest: MexcRest,
        session: aiohttp.ClientSession,
        units: Units,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._inbox = inbox
        self._observation = observation
        self._rest = rest
        self._units = units
        self._books: dict[str, Level2Book] = {}
        self._histories: dict[str, DealHistory] = {}
        self._depth = "depth.full" if settings.full_depth else "depth"
        self.receiver = Receiver(
            ReceiverSettings(
                settings.session_id,
                settings.levels,
                settings.book_interval_us,
                settings.full_depth,
                settings.clock_rate,
            ),
            inbox,
            clock,
            observation,
            want_snapshot=lambda symbol: self._seeder.want(symbol),
            want_trades=lambda gap: self._backfill.want(gap),
            want_audit=lambda doubt: self._audit.doubt(doubt),
            on_contract=lambda detail: self._listing.take(detail),
            on_unknown=self._gone,
        )
        self.stream = MexcStream(session, settings.websocket_url, clock, settings.stream, self.receiver, Random())  # noqa: S311
        self._seeder = BookSeeder(rest, self._books, self.receiver.seeded, self._gone)
        self._audit = Audit(rest, self._audited, settings.audit_seconds, self.receiver.audited)
        self._backfill = Backfill(rest, self._histories, self.receiver.recovered)
        self._listing = Listing(
            rest,
            settings.symbols,
            settings.listing_seconds,
            self._contract_changed,
            lambda symbol: self._gone(symbol, "the exchange lists it no longer"),
        )
        self._reference = ReferencePrices(
            rest, settings.symbols, settings.reference_seconds, inbox.add_event, self._cycle_changed
        )
        self._cycles: dict[str, float | None] = {}
        self._health = HealthRows(settings.session_id, inbox)

    async def prepare(self, before: Interrupted) -> None:
        """Contracts, what is known from before, and what to subscribe to."""
        self._cycles = {rate.symbol: rate.cycle_hours for rate in await self._rest.funding_rates()}
        await self._listing.read()
        missing = [symbol for symbol in self._settings.symbols if symbol not in self._listing.details]
        if missing and not self.receiver.symbols:
            raise FeedFailed(f"the exchange lists no contract {', '.join(missing)}")
        for symbol, trades in before.trades.items():
            if (feed := self.receiver.symbols.get(symbol)) is not None:
                for deal in trades:
                    contracts = contracts_of(deal.contracts, deal.price, feed.detail)
                    feed.history.add_recovered(deal._replace(contracts=contracts))
                    feed.evidence.last_trade_us = max(feed.evidence.last_trade_us, deal.ms * 1_000)
        self._observation.interrupted(gap for gap in before.gaps if gap.symbol in self.receiver.symbols)
        for symbol in missing:
            self._observation.removed(symbol, self._clock.now_us(), "the exchange lists it no longer")
        self.stream.want(
            Subscription(channel, symbol) for symbol in self.receiver.symbols for channel in ("deal", self._depth)
        )
        self.stream.want([Subscription("contract", "")])

    def jobs(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Everything that goes on until the feed is stopped."""
        settings = self._settings
        yield self.stream.run()
        yield self._seeder.run()
        yield self._backfill.run()
        yield self._audit.run()
        yield self._listing.run()
        yield self._reference.run()
        yield _every(settings.clock_seconds, self._rest.ping)
        yield _every(settings.evidence_seconds, self._look)
        yield _every(settings.health_seconds, self._report)
        yield _every(_SWEEP_SECONDS, self._sweep)

    def finish(self) -> None:
        """Nothing more is received: gaps close, the last counters are written. Harmless when repeated."""
        if not self.receiver.closed:
            self.receiver.closed = True
            now = self._clock.now_us()
            # what is on its way to us now will not be received any more
            until = now - round(ON_ITS_WAY_US * self._settings.clock_rate)
            self._observation.close_all(until, now, "the session ended")
            self._write_health(now)

    # Listing

    def _contract_changed(self, detail: ContractDetail) -> None:
        settings, now = self._settings, self._clock.now_us()
        contract = detail.specification(self._cycles.get(detail.symbol))
        feed = self.receiver.symbols.get(detail.symbol)
        if feed is None:
            index = settings.symbols.index(detail.symbol)
            feed = SymbolFeed(index, detail.symbol, detail, Level2Book(settings.levels))
            self.receiver.symbols[detail.symbol] = feed
            self._books[detail.symbol], self._histories[detail.symbol] = feed.book, feed.history
        feed.detail = detail
        self._units.size[feed.index] = detail.contract_size
        self._units.inverse[feed.index] = detail.inverse
        payload = contract.to_payload()
        self._inbox.add_event(now, detail.symbol, "contract", payload)
        row = dict(payload) | {"timestamp": now, "exchange": settings.exchange, "symbol": detail.symbol}
        self._inbox.add_row("contracts", row | {"tiers": json.dumps(payload["tiers"])})

    def _gone(self, symbol: str, why: str) -> None:
        """The exchange no longer trades the symbol."""
        feed = self.receiver.symbols.get(symbol)
        if feed is None or feed.removed:
            return
        feed.removed = True
        self._observation.removed(symbol, self._clock.now_us(), why)
        self.stream.drop([Subscription("deal", symbol), Subscription(self._depth, symbol)])
        self._seeder.forget(symbol)
        self._listing.forget(symbol)
        self._reference.forget(symbol)

    def _cycle_changed(self, symbol: str, hours: float | None) -> None:
        """The funding interval belongs to the contract, but comes with the rates."""
        if self._cycles.get(symbol) != hours and symbol in self._listing.details:
            self._cycles[symbol] = hours
            self._contract_changed(self._listing.details[symbol])

    # Looking after

    def _audited(self) -> list[str]:
        return [feed.name for feed in self.receiver.symbols.values() if not feed.removed]

    async def _look(self) -> None:
        """Compare what we have with the exchange's tickers."""
        try:
            rows = {row.symbol: row for row in await self._rest.tickers()}
        except ExchangeError:
            return
        now = self._clock.now_us()
        self.receiver.refresh_thin_books()
        for feed in self.receiver.symbols.values():
            row = rows.get(feed.name)
            if row is not None and not feed.removed:
                await self._look_at(feed, row, now)

    async def _look_at(self, feed: SymbolFeed, row: TickerRow, now: int) -> None:
        deals, depth = Subscription("deal", feed.name), Subscription(self._depth, feed.name)
        verdict = judge_trades(feed.evidence, row, now)
        if verdict is Verdict.QUIET and self.stream.was_asked(deals):
            self.receiver.trades_confirmed(feed, now)
        elif verdict is Verdict.SUSPECT and not self._gave_up(feed, deals, row.ms):
            try:
                reply = await self._rest.deals(feed.name)
            except ExchangeError:
                return
            if self.receiver.trades_missed(feed, feed.history.missing(reply), now):
                self._again(feed, deals, row.ms)
            elif self.stream.was_asked(deals):
                self.receiver.trades_explained(feed, reply)
        quotes = (row.bid, row.ask)
        if not feed.book.synced:
            self._gave_up(feed, depth, quotes)
        elif judge_book(feed.evidence, row, now) is Verdict.SUSPECT:
            self._again(feed, depth, quotes)

    def _again(self, feed: SymbolFeed, subscription: Subscription, known: object) -> None:
        """A stream has stalled: ask for it anew, the second time over a new connection."""
        now = asyncio.get_running_loop().time()
        before = feed.stalls.get(subscription.channel)
        if before is not None and now - before.since < _ESCALATE_SECONDS:
            self.stream.reconnect(subscription, STALLED)
        else:
            self.stream.resubscribe(subscription, STALLED)
        feed.stalls[subscription.channel] = Stall(now, known, self._settings.stream.first_data_seconds)

    def _gave_up(self, feed: SymbolFeed, subscription: Subscription, known: object) -> bool:
        """A stream that was asked for anew stays silent, although the ticker says that it has gone on since: give up
        its connection, and the next one later and later, because it carries other symbols too."""
        stall = feed.stalls.get(subscription.channel)
        if stall is None or self.stream.is_live(subscription) or known == stall.known:
            return False
        now = asyncio.get_running_loop().time()
        if now - stall.since < stall.patience:
            return False
        self.stream.reconnect(subscription, STALLED)
        feed.stalls[subscription.channel] = Stall(now, known, min(2.0 * stall.patience, _LONGEST_PATIENCE_SECONDS))
        return True

    async def _sweep(self) -> None:
        self.receiver.store_waiting_books()

    async def _report(self) -> None:
        self._write_health(self._clock.now_us())

    def _write_health(self, now: int) -> None:
        self._health.write(now, self.receiver, self.stream.counters, self._clock)


async def _every(seconds: float, job: Callable[[], Awaitable[object]]) -> None:
    """Do it again and again; what the exchange refuses now it may give the next time."""
    while True:
        await asyncio.sleep(seconds)
        with contextlib.suppress(ExchangeError):
            await job()


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
