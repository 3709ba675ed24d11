"""The receiver: frames in, tape items out. It decides what is new, what is whole, and what has been missed.

All of it runs in the event loop's thread, is called for every frame and never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.files.blocks import LONGEST_RAW_TEXT, hash_63
from connectors.mexc.audit import Doubt
from connectors.mexc.book import BROKEN, BookChange
from connectors.mexc.clock import ExchangeClock
from connectors.mexc.contracts import ContractDetail, base_quantity
from connectors.mexc.deals import Recovered
from connectors.mexc.inbox import Inbox
from connectors.mexc.losses import lost_trades
from connectors.mexc.observation import Observation, OpenGap
from connectors.mexc.records import ContractPush, Deal, Deals, DepthDelta, DepthFull, Frame, Rejected
from connectors.mexc.stream import Subscription
from connectors.mexc.symbol_feed import SymbolFeed
from connectors.questdb.columns import NULL
from operators.stamping import LATE_US
from operators.tape import BOOKS_STREAM, TRADES_STREAM

STALE_BOOK_US: Final = 10_000_000
"""A change of a book that is older than this when it is received is from a burst after a stall. (A trade is late, and
within a gap, from `LATE_US` on: a book that lags a little is still the best that is known, a trade is history.)"""
MILLISECOND_US: Final = 1_000
OVERLAP_US: Final = 2_000_000
"""So much earlier than its last sign of life a stream may have lost what was on its way."""
STALLED: Final = "stalled"
STALE: Final = "stale data"
RESIZED: Final = "book: the contract's size has changed"
QUEUE_FULL: Final = "our queue was full"
UNSURE: Final = "changes of the book were lost, trades perhaps too"
BLIND: Final = "the exchange answered no requests, trades may have been lost unnoticed"


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """`levels` per side of a stored book, the least exchange time between two books of a symbol (µs), whether books
    come whole instead of as changes, and how many times as fast as ours the exchange's clock runs."""

    session_id: str
    levels: int
    book_interval_us: int
    full_depth: bool
    clock_rate: float


class Receiver:
    """Takes what the stream delivers. `want_snapshot` and `want_trades` ask for what only REST can give;
    `on_contract` is told contract details, `on_unknown` symbols that the exchange does not know."""

    def __init__(
        self,
        settings: ReceiverSettings,
        inbox: Inbox,
        clock: ExchangeClock,
        observation: Observation,
        *,
        want_snapshot: Callable[[str], None],
        want_trades: Callable[[OpenGap], None],
        want_audit: Callable[[Doubt], None],
        on_contract: Callable[[ContractDetail], None],
        on_unknown: Callable[[str], None],
    ) -> None:
        self.symbols: dict[str, SymbolFeed] = {}
        self.malformed = 0
        """Frames that belong to no symbol."""
        self.closed = False
        """Whether the session has ended: what the closing connections still tell is of no more interest."""
        self._settings = settings
        self._inbox = inbox
        self._clock = clock
        self._observation = observation
        self._want_snapshot = want_snapshot
        self._want_trades = want_trades
        self._want_audit = want_audit
        self._on_contract = on_contract
        self._on_unknown = on_unknown
        self._overlap_us = round(OVERLAP_US * settings.clock_rate)
        self._late_us = round(LATE_US * settings.clock_rate)
        self._stale_book_us = round(STALE_BOOK_US * settings.clock_rate)
        self._waiting: list[SymbolFeed] = []

    # What the stream tells (see StreamListener)

    def on_frame(self, frame: Frame, received_us: int) -> None:
        """One data frame."""
        if self.closed:
            return
        if type(frame) is ContractPush:
            self._on_contract(frame.detail)
            return
        feed = self.symbols.get(frame.symbol)  # type: ignore[arg-type, union-attr]
        if feed is None or feed.removed:
            return
        received = self._clock.exchange_us(received_us)
        if type(frame) is Deals:
            self._deals(feed, frame, received)
        elif type(frame) is DepthDelta:
            newest, sound = feed.newest_change, None
            if newest is None or frame.last > newest[0]:
                feed.newest_change = (frame.last, frame.ms)
                if newest is not None and frame.first > newest[0] + 1:
                    sound = newest[1] * 1_000
                    self._want_audit(Doubt(feed.name, sound, received, UNSURE))
            self._book_took(feed, feed.book.on_delta(frame), received, sound)
        elif type(frame) is DepthFull:
            self._book_took(feed, feed.book.on_full(frame), received)

    def on_malformed(self, raw: bytes, reason: str, received_us: int) -> None:
        """A frame that nobody can read: kept with its text."""
        self.malformed += 1
        self._dead_letter("websocket", raw, reason, self._clock.exchange_us(received_us), self.malformed)

    def on_rejected(self, path: str, rejected: Sequence[Rejected]) -> None:
        """Elements of a REST reply that nobody can read: kept with their text."""
        for each in rejected:
            self.malformed += 1
            self._dead_letter("rest", f"{path} {each.raw}".encode(), each.reason, self._clock.now_us(), self.malformed)

    def on_live(self, subscription: Subscription, received_us: int) -> None:
        """The first data of a stream: a book that is kept from changes now needs its snapshot."""
        feed = self.symbols.get(subscription.symbol)
        if feed is not None and subscription.channel == "depth":
            feed.book.desync("a new subscription")
            feed.newest_change = None
            self._want_snapshot(feed.name)

    def on_lost(self, subscriptions: Collection[Subscription], cause: str, since_us: int) -> None:
        """Streams that deliver no more."""
        if self.closed:
            return
        since, now = self._clock.exchange_us(since_us), self._clock.now_us()
        words = cause if cause == STALLED else f"disconnected: {cause}"
        for subscription in subscriptions:
            feed = self.symbols.get(subscription.symbol)
            if feed is None:
                continue
            if subscription.channel == "deal":
                feed.history.interrupted()
                # nothing says that it had delivered up to the end, but its trades and the exchange's ticker
                start = max(feed.evidence.last_trade_us, feed.evidence.trades_sure_us)
                self._observation.ended(feed.name, TRADES_STREAM, min(start, since, now), now, words)
            elif subscription.channel.startswith("depth"):
                feed.book.desync(words)
                # where a stream has stalled the others beside it may have, and quotes do not tell of deeper levels
                sure = 0 if cause == STALLED else feed.evidence.book_sure_us
                start = max(feed.evidence.last_book_us, sure)
                self._observation.ended(feed.name, BOOKS_STREAM, min(start, since, now), now, words)

    def on_refused(self, symbol: str, text: str) -> None:
        """The exchange does not know the symbol."""
        if symbol in self.symbols:
            self._on_unknown(symbol)

    # Trades

    def _deals(self, feed: SymbolFeed, frame: Deals, received: int) -> None:
        history, evidence = feed.history, feed.evidence
        observed = self._observation.is_observed(feed.name, TRADES_STREAM)
        counters = feed.counters
        for deal in frame.deals:
            at = deal.ms * 1_000
            if self._inbox.full:
                self._overflow(feed, TRADES_STREAM, at, received)
                observed = False
                continue
            if not history.add(deal):
                counters.duplicates += 1
                continue
            if received - at >= self._late_us:
                self._stale(feed, deal, at, received)
                observed = False
                continue
            if not observed:
                self._trades_began(feed, at, "the first trade")
                observed = True
            self._add(feed, deal, received)
            counters.trades += 1
            if at > evidence.last_trade_us:
                evidence.last_trade_us = at
                feed.lag_us = received - at
            self._check_side(feed, deal)
        for rejected in frame.rejected:
            counters.malformed += 1
            raw = f"{feed.name} {rejected.raw}".encode()
            self._dead_letter("trades", raw, rejected.reason, received, counters.malformed)

    def _stale(self, feed: SymbolFeed, deal: Deal, at: int, received: int) -> None:
        """A trade that comes long after it happened: kept as late, and since then has been a gap."""
        self._observation.ended(feed.name, TRADES_STREAM, at, received, STALE)
        gap = self._observation.open_gap(feed.name, TRADES_STREAM)
        self._add_late(feed, deal, received)
        if gap is not None and gap.start_us <= at:
            gap.recovered = (gap.recovered or 0) + 1
        elif gap is not None and (feed.trades_from_us is None or at >= feed.trades_from_us):
            # from before the gap: that time was thought to be whole
            end = min(at + MILLISECOND_US, gap.start_us)
            self._missed(feed, OpenGap(feed.name, TRADES_STREAM, at, STALE, end, 1))
        feed.evidence.last_trade_us = max(feed.evidence.last_trade_us, at)

    def trades_confirmed(self, feed: SymbolFeed, now: int) -> None:
        """The exchange says that there was nothing to receive: a quiet stream counts as observed."""
        if not self._observation.is_observed(feed.name, TRADES_STREAM) and not self._inbox.full:
            self._trades_began(feed, now, "quiet: the exchange's ticker knows of no trade")

    def trades_missed(self, feed: SymbolFeed, found: Recovered, now: int) -> bool:
        """What the exchange has and we have not: true where that shows that the stream has stalled."""
        margin = now - self._overlap_us
        missed = any(feed.evidence.last_trade_us < deal.ms * 1_000 < margin for deal in found.deals)
        if not missed or not self._observation.is_observed(feed.name, TRADES_STREAM):
            return False
        self._observation.ended(feed.name, TRADES_STREAM, feed.evidence.last_trade_us, now, STALLED)
        return True

    def trades_explained(self, feed: SymbolFeed, reply: Sequence[Deal]) -> None:
        """The trades that the ticker knows of fell into the gap that lasts: whether there have been others since tells
        whether the stream is quiet, or the gap would last until the next trade."""
        if reply and not self._observation.is_observed(feed.name, TRADES_STREAM):
            feed.evidence.last_trade_us = max(feed.evidence.last_trade_us, reply[-1].ms * 1_000)

    def recovered(self, gap: OpenGap, found: Recovered, reply: Sequence[Deal]) -> None:
        """The exchange was asked for the trades of a closed gap; `found` are those of its `reply` that were missed.

        What the reply has from before the gap is looked at too: a process that has been killed had not come to it.
        """
        feed, now = self.symbols[gap.symbol], self._clock.now_us()
        room = not self._inbox.full
        if room:
            for deal in found.deals:
                if feed.history.add_recovered(deal):
                    self._add_late(feed, deal, now)
            gap.recovered = (gap.recovered or 0) + len(found.deals)
            gap.lost = 0 if found.complete else _lost(gap, found.deals, reply)
        else:
            feed.counters.dropped += len(found.deals)
            gap.lost = len(found.deals) if found.complete else None
        self._observation.store(gap)
        if room:
            self._look_for_losses(feed, reply, gap.start_us)

    def audited(self, symbol: str, reply: Sequence[Deal] | None, doubt: Doubt | None) -> None:
        """The exchange's last trades of a symbol, asked for without a gap: what is not among ours was lost unnoticed.
        A doubt that the reply cannot settle, because it does not reach back, is a gap."""
        feed = self.symbols[symbol]
        if self.closed or feed.removed or feed.trades_from_us is None or (doubt is None and self._inbox.full):
            return
        if not self._inbox.full:
            self._look_for_losses(feed, reply or (), feed.evidence.last_trade_us)
        else:
            # nothing can be taken in now: the doubt stays
            reply = None
        if doubt is None or (reply and min(deal.ms for deal in reply) * 1_000 <= doubt.start_us):
            return
        start = max(doubt.start_us, feed.trades_from_us)
        if start < doubt.end_us:
            gap = OpenGap(symbol, TRADES_STREAM, start, doubt.cause, doubt.end_us)
            self._missed(feed, gap)
            self._want_trades(gap)

    def lost_before(self, feed: SymbolFeed, gap: OpenGap) -> None:
        """A gap of the time before this process that nobody has recorded."""
        if gap.stream == TRADES_STREAM:
            self._missed(feed, gap)
            self._want_trades(gap)
        else:
            self._observation.missed(gap)

    def _look_for_losses(self, feed: SymbolFeed, reply: Sequence[Deal], until: int) -> None:
        """Store the trades of a reply that were lost before `until`, and gaps for them."""
        if feed.trades_from_us is None:
            return
        now = self._clock.now_us()
        for gap, deals in lost_trades(feed.history, feed.name, reply, feed.trades_from_us, until):
            for deal in deals:
                feed.history.add_recovered(deal)
                self._add_late(feed, deal, now)
            self._missed(feed, gap)

    def _missed(self, feed: SymbolFeed, gap: OpenGap) -> None:
        """Record a gap that lies behind, unless it is within one that is known."""
        end = gap.start_us if gap.end_us is None else gap.end_us
        lasting = self._observation.open_gap(feed.name, TRADES_STREAM)
        if lasting is not None and lasting.start_us <= gap.start_us:
            return
        if all(gap.start_us < known or end > until for known, until in feed.trade_gaps):
            feed.trade_gaps.append((gap.start_us, end))
            self._observation.missed(gap)

    def _trades_began(self, feed: SymbolFeed, at: int, cause: str) -> None:
        gap = self._observation.began(feed.name, TRADES_STREAM, at, cause)
        if feed.trades_from_us is None:
            feed.trades_from_us = at
        if gap is not None:
            feed.trade_gaps.append((gap.start_us, at if gap.end_us is None else gap.end_us))
            self._want_trades(gap)

    def _add(self, feed: SymbolFeed, deal: Deal, received: int, *, late: bool = False) -> None:
        quantity = base_quantity(deal.contracts, deal.price, feed.detail)
        number = NULL if deal.trade_id is None else deal.trade_id
        self._inbox.add_trade(feed.index, deal.ms * 1_000, received, deal.price, quantity, deal.side, number, late)

    def _add_late(self, feed: SymbolFeed, deal: Deal, received: int) -> None:
        self._add(feed, deal, received, late=True)
        feed.counters.late += 1

    def _check_side(self, feed: SymbolFeed, deal: Deal) -> None:
        """Compare the taker's side with the book it met: where they contradict, sides may be inverted."""
        bid, ask = feed.evidence.best_bid, feed.evidence.best_ask
        if bid is None or ask is None or not feed.book.synced:
            return
        met = 1 if deal.price >= ask else -1 if deal.price <= bid else 0
        if met and met != deal.side:
            feed.counters.contrary_sides += 1

    # Books

    def seeded(self, symbol: str) -> None:
        """A book is whole again."""
        feed = self.symbols[symbol]
        now = self._clock.now_us()
        feed.evidence.last_book_us = feed.seeded_us = now
        self._store_book(feed, now, "snapshot and changes agree")

    def _book_took(self, feed: SymbolFeed, change: BookChange, received: int, sound: int | None = None) -> None:
        """What became of a change or of a whole book. `sound` is the time of the last change before some were lost."""
        if sound is not None and change not in BROKEN:
            self._book_bridged(feed, sound, received)
        if change is BookChange.TOP_CHANGED:
            feed.evidence.last_book_us = received
            if received - feed.book.ms * 1_000 > self._stale_book_us:
                # the book as it was then: what was stored before it has been wrong since
                self._observation.ended(feed.name, BOOKS_STREAM, feed.book.ms * 1_000, received, STALE)
            else:
                self._book_changed(feed, received)
        elif change is BookChange.APPLIED:
            feed.evidence.last_book_us = received
            fresh = received - feed.book.ms * 1_000 <= self._stale_book_us
            if fresh and not self._observation.is_observed(feed.name, BOOKS_STREAM):
                # the best levels are as before the gap, and known again
                self._book_changed(feed, received)
        elif change in BROKEN:
            self._book_broken(feed, change, received, feed.book.ms * 1_000 if sound is None else sound)

    def _book_bridged(self, feed: SymbolFeed, sound: int, received: int) -> None:
        """Changes were lost, and nobody noticed, because a newer snapshot had come between: until then the book was
        not what it should have been."""
        until = min(feed.seeded_us, received)
        self._observation.unsound_until(feed.name, BOOKS_STREAM, sound, until, f"book: {BookChange.GAP.value}")

    def _book_changed(self, feed: SymbolFeed, received: int) -> None:
        if received >= feed.next_book_us:
            self._store_book(feed, received)
        elif not feed.book_waits:
            feed.book_waits = True
            self._waiting.append(feed)

    def store_waiting_books(self) -> None:
        """Store the books whose last change came too soon after the one before, and that are due now."""
        now = self._clock.now_us()
        waiting, self._waiting = self._waiting, []
        for feed in waiting:
            if not feed.book_waits:
                continue
            if now < feed.next_book_us:
                self._waiting.append(feed)
            elif feed.book.synced:
                self._store_book(feed, now)
            else:
                feed.book_waits = False

    def _store_book(self, feed: SymbolFeed, received: int, cause: str = "the first book") -> None:
        feed.book_waits = False
        feed.next_book_us = received + self._settings.book_interval_us
        book, evidence = feed.book, feed.evidence
        if self._inbox.full:
            self._overflow(feed, BOOKS_STREAM, book.ms * 1_000, received)
            return
        if not self._observation.is_observed(feed.name, BOOKS_STREAM):
            self._observation.began(feed.name, BOOKS_STREAM, received, cause)
        evidence.best_bid, evidence.best_ask = book.best_bid, book.best_ask
        self._inbox.add_book(feed.index, book.ms * 1_000, received, book.version, book, self._settings.levels)
        feed.counters.books += 1

    def _book_broken(self, feed: SymbolFeed, change: BookChange, received: int, sound: int) -> None:
        feed.counters.resyncs += 1
        feed.counters.crossed += change is BookChange.CROSSED
        cause = f"book: {change.value}"
        self._observation.invalid_book(feed.name, BOOKS_STREAM, sound, received, cause)
        if not self._settings.full_depth:
            self._want_snapshot(feed.name)

    def resized(self, feed: SymbolFeed) -> None:
        """The contract's size has changed: what is known of the book, or held for it, is in contracts of before."""
        feed.book.desync(RESIZED)
        now = self._clock.now_us()
        self._observation.invalid_book(feed.name, BOOKS_STREAM, now, now, RESIZED)
        if not self._settings.full_depth:
            self._want_snapshot(feed.name)

    def refresh_thin_books(self) -> None:
        """Books whose best levels come near the end of what their snapshot covered get a new one."""
        for feed in self.symbols.values():
            if feed.book.thin and not feed.removed:
                feed.book.refresh()
                self._want_snapshot(feed.name)

    # Both

    def _overflow(self, feed: SymbolFeed, stream: str, at: int, received: int) -> None:
        """There was no room: the stream has a gap until the next item that finds some."""
        feed.counters.dropped += 1
        self._observation.ended(feed.name, stream, at, received, QUEUE_FULL)

    def _dead_letter(self, stream: str, raw: bytes, reason: str, at: int, line: int) -> None:
        """Keep what could not be read; it is counted as malformed even where there is no room for it."""
        if self._inbox.full:
            return
        row = {
            "timestamp": at,
            "session_id": self._settings.session_id,
            "stream": stream,
            "source": "mexc",
            "line": line,
            "raw_hash": hash_63(raw),
            "reason": reason,
            "raw": raw.decode("utf-8", "replace")[:LONGEST_RAW_TEXT],
        }
        self._inbox.add_row("dead_letters", row)


def _lost(gap: OpenGap, recovered: Sequence[Deal], reply: Sequence[Deal]) -> int | None:
    """How many trades of a gap the reply does not reach back to: as many as at the pace of the part that it covers.

    None where nothing tells the pace.
    """
    oldest = min((deal.ms * 1_000 for deal in reply), default=None)
    if oldest is None or gap.end_us is None or not gap.start_us < oldest < gap.end_us:
        return None
    return max(1, round(len(recovered) * (oldest - gap.start_us) / (gap.end_us - oldest)))
