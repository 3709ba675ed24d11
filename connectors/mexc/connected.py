"""A feed while it is connected: its parts, wired and looked after.

The parts that talk to the exchange are modules of their own (`stream`, `seeding`, `backfill`, `audit`, `evidence`,
`listing`, `reference`); `receiver` decides what their words mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from random import Random
from typing import Any, Final

import aiohttp

from connectors.mexc.audit import Audit
from connectors.mexc.backfill import Backfill
from connectors.mexc.book import Level2Book
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail, contracts_of
from connectors.mexc.errors import ExchangeError
from connectors.mexc.evidence import Verdict, judge_book, judge_trades
from connectors.mexc.feed_settings import FeedFailed, FeedSettings, Interrupted
from connectors.mexc.health import HealthRows
from connectors.mexc.inbox import Inbox
from connectors.mexc.listing import Listing
from connectors.mexc.observation import Observation
from connectors.mexc.receiver import STALLED, Receiver, ReceiverSettings
from connectors.mexc.records import TickerRow
from connectors.mexc.reference import ReferencePrices
from connectors.mexc.rest import MexcRest
from connectors.mexc.seeding import BookSeeder
from connectors.mexc.stream import MexcStream, Subscription
from connectors.mexc.symbol_feed import Stall, SymbolFeed
from connectors.mexc.taping import Units

ON_ITS_WAY_US: Final = 500_000
"""What happened longer ago than this has been received, where the stream is well."""
_ESCALATE_SECONDS: Final = 60.0
_LONGEST_PATIENCE_SECONDS: Final = 600.0
_SWEEP_SECONDS: Final = 0.02


class ConnectedFeed:
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
        self._seeder = BookSeeder(rest, self.receiver.symbols, self.receiver.seeded, self._gone)
        self._audit = Audit(rest, self._audited, settings.audit_seconds, self.receiver.audited)
        self._backfill = Backfill(rest, self.receiver.symbols, self.receiver.recovered)
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
