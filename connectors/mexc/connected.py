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

from connectors.mexc.audit import Audit, Doubt
from connectors.mexc.backfill import Backfill
from connectors.mexc.book import Level2Book
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail, contracts_of
from connectors.mexc.errors import ExchangeError
from connectors.mexc.evidence import TICKER_LAG_US, Verdict, judge_book, judge_trades
from connectors.mexc.feed_settings import FeedFailed, FeedSettings, Interrupted
from connectors.mexc.health import HealthRows
from connectors.mexc.inbox import Inbox
from connectors.mexc.listing import Listing
from connectors.mexc.observation import Observation
from connectors.mexc.receiver import BLIND, STALLED, Receiver, ReceiverSettings
from connectors.mexc.records import TickerRow
from connectors.mexc.reference import ReferencePrices
from connectors.mexc.rest import MexcRest
from connectors.mexc.seeding import BookSeeder
from connectors.mexc.stream import MexcStream, Subscription
from connectors.mexc.symbol_feed import Stall, SymbolFeed
from connectors.mexc.taping import Units

ON_ITS_WAY_US: Final = 500_000
"""What happened longer ago than this has been received, where the stream is well."""
UNLISTED: Final = "the exchange lists it no longer"
REFUSED: Final = "refused by mistake"
SETTLEMENT_LAG_US: Final = 60_000_000
_BLIND_LOOKS: Final = 2.5
"""After so many looks without an answer, what a stream may have lost meanwhile is looked into."""
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
            on_unknown=lambda symbol: self._listing.suspect(symbol),
        )
        self.stream = MexcStream(session, settings.websocket_url, clock, settings.stream, self.receiver, Random())  # noqa: S311
        self._seeder = BookSeeder(
            rest, self.receiver.symbols, self.receiver.seeded, lambda symbol: self._listing.suspect(symbol)
        )
        self._audit = Audit(rest, self._audited, settings.audit_seconds, self.receiver.audited)
        self._backfill = Backfill(rest, self.receiver.symbols, self.receiver.recovered)
        self._listing = Listing(
            rest,
            settings.symbols,
            settings.listing_seconds,
            self._contract_changed,
            lambda symbol: self._gone(symbol, UNLISTED),
            self._listed_after_all,
        )
        self._reference = ReferencePrices(
            rest, settings.symbols, settings.reference_seconds, inbox.add_event, self._cycle_changed
        )
        self._cycles: dict[str, float | None] = {}
        self._answered: tuple[float, int] | None = None
        self._health = HealthRows(settings.session_id, inbox)

    async def prepare(self, before: Interrupted, interrupted_us: int | None = None) -> None:
        """Contracts, what is known from before, and what to subscribe to. `interrupted_us` is where a session that goes
        on was interrupted (exchange time, µs)."""
        if interrupted_us is not None:
            # one that had passed just then may not have been known yet; telling it twice does no harm
            self._reference.go_on(interrupted_us - round(SETTLEMENT_LAG_US * self._settings.clock_rate))
        self._cycles = {rate.symbol: rate.cycle_hours for rate in await self._rest.funding_rates()}
        await self._listing.read()
        if not all(symbol in self._listing.details for symbol in self._settings.symbols):
            # one reply may be incomplete
            await self._listing.read()
        missing = [symbol for symbol in self._settings.symbols if symbol not in self._listing.details]
        if missing and not self.receiver.symbols:
            raise FeedFailed(f"the exchange lists no contract {', '.join(missing)}")
        for feed in self.receiver.symbols.values():
            feed.history.forget_until(before.known_from_us // 1_000)
            for deal in before.trades.get(feed.name, ()):
                contracts = contracts_of(deal.contracts, deal.price, feed.detail)
                feed.history.add_recovered(deal._replace(contracts=contracts))
                feed.evidence.last_trade_us = max(feed.evidence.last_trade_us, deal.ms * 1_000)
            feed.trades_from_us = before.trades_from_us.get(feed.name)
            feed.trade_gaps.extend(before.trade_gaps.get(feed.name, ()))
        self._observation.interrupted(gap for gap in before.gaps if gap.symbol not in before.removed)
        for gap in before.holes:
            if (holed := self.receiver.symbols.get(gap.symbol)) is not None:
                self.receiver.lost_before(holed, gap)
        for symbol in missing:
            self._listing.forget(symbol)
            self._reference.forget(symbol)
            if symbol not in before.removed:
                self._observation.removed(symbol, self._clock.now_us(), UNLISTED)
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
        resized = (detail.contract_size, detail.inverse) != (feed.detail.contract_size, feed.detail.inverse)
        feed.detail = detail
        self._units.size[feed.index] = detail.contract_size
        self._units.inverse[feed.index] = detail.inverse
        if resized:
            self.receiver.resized(feed)
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

    def _listed_after_all(self, symbol: str) -> None:
        """The exchange has refused a symbol that it lists: ask for what has not come."""
        for channel in ("deal", self._depth):
            subscription = Subscription(channel, symbol)
            if not self.stream.is_live(subscription):
                self.stream.resubscribe(subscription, REFUSED)

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
        # what comes while the reply is on its way is not in it
        now, asked = self._clock.now_us(), asyncio.get_running_loop().time()
        try:
            rows = {row.symbol: row for row in await self._rest.tickers()}
        except ExchangeError:
            return
        since = asyncio.get_running_loop().time() - asked
        self._doubt_blind_time(asked, now)
        self.receiver.refresh_thin_books()
        # all at once, before anything else is waited for: a row is about the moment in which it was asked for
        suspects = [
            (feed, row)
            for feed in self.receiver.symbols.values()
            if (row := rows.get(feed.name)) is not None and not feed.removed and self._judge(feed, row, now, since)
        ]
        for feed, row in suspects:
            await self._look_into(feed, row)

    def _doubt_blind_time(self, asked: float, now: int) -> None:
        """A stream that lost something while the exchange answered nothing went on unnoticed, and audits failed too."""
        before, self._answered = self._answered, (asked, now)
        if before is None or asked - before[0] < _BLIND_LOOKS * self._settings.evidence_seconds:
            return
        since = before[1] - round(TICKER_LAG_US * self._settings.clock_rate)
        for feed in self.receiver.symbols.values():
            if not feed.removed:
                self._audit.doubt(Doubt(feed.name, since, now, BLIND))

    def _judge(self, feed: SymbolFeed, row: TickerRow, now: int, since: float) -> bool:
        """What a row that was asked for `since` seconds ago says; True where trades seem to be missing."""
        rate = self._settings.clock_rate
        deals, depth = Subscription("deal", feed.name), Subscription(self._depth, feed.name)
        verdict = judge_trades(feed.evidence, row, now, rate)
        if verdict is Verdict.QUIET and self._asked_before(deals, since):
            self.receiver.trades_confirmed(feed, now)
        quotes = (row.bid, row.ask)
        if not feed.book.synced:
            self._gave_up(feed, depth, quotes)
        elif judge_book(feed.evidence, row, now, rate) is Verdict.SUSPECT:
            self._again(feed, depth, quotes)
        return verdict is Verdict.SUSPECT and not self._gave_up(feed, deals, row.ms)

    def _asked_before(self, subscription: Subscription, since: float) -> bool:
        """Whether a stream had been asked for when what the exchange said `since` seconds ago became true: what it
        said may be as old as its tickers are."""
        asked = self.stream.asked_seconds(subscription)
        return asked is not None and asked > since + TICKER_LAG_US / 1e6

    async def _look_into(self, feed: SymbolFeed, row: TickerRow) -> None:
        """A trade that the ticker knows of has not come: ask which ones there have been."""
        deals = Subscription("deal", feed.name)
        now, asked = self._clock.now_us(), asyncio.get_running_loop().time()
        try:
            reply = await self._rest.deals(feed.name)
        except ExchangeError:
            return
        if feed.removed or self.receiver.closed:
            return
        if self.receiver.trades_missed(feed, feed.history.missing(reply), now):
            self._again(feed, deals, row.ms)
        elif self._asked_before(deals, asyncio.get_running_loop().time() - asked):
            self.receiver.trades_explained(feed, reply)

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
