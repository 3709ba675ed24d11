"""From what happens on the venue to what is pushed.

All cadences are exchange time. A stream that tells a state (all but deal, depth and contract) begins with the state as
it is; deals and changes of books begin with the next one, as on the real exchange.
"""

from __future__ import annotations

from connectors.simulated.exchange.book_streams import BookStreams
from connectors.simulated.exchange.connection import Connection
from connectors.simulated.exchange.deal_streams import DealStreams, by_symbol
from connectors.simulated.exchange.records import VenueEvents
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.state_streams import PriceStreams, TickersStream, TimedStreams
from connectors.simulated.exchange.topics import Topic


class Channels:
    """All channels of the exchange."""

    def __init__(self, stage: Stage) -> None:
        self.deals = DealStreams(stage)
        self._stage = stage
        self._books = BookStreams(stage)
        self._timed = TimedStreams(stage)
        self._tickers = TickersStream(stage)
        self._prices = PriceStreams(stage)

    def publish(self, events: VenueEvents) -> None:
        """Push what the venue's last advance brought, and what is due by now."""
        for symbol in events.delisted:
            self._stage.topics.delisted(symbol)
            self._books.forget(symbol)
        deals = by_symbol(events.deals)
        self.deals.publish(deals)
        self._books.publish(events.changes)
        self._prices.publish(events.prices, events.funding, events.contracts)
        self._timed.publish(deals)
        self._tickers.publish()

    def greet(self, connection: Connection, topic: Topic) -> None:
        """What a new subscriber gets first."""
        resent = self._stage.faults.get("resent_deals") if topic.channel == "deal" else None
        if resent is not None:
            self.deals.resend(topic.symbol, resent.count("count"), (connection,))
        payload = self._greeting(topic)
        if payload is not None:
            self._stage.delivery.send(topic, payload, (connection,))

    def _greeting(self, topic: Topic) -> bytes | None:
        match topic.channel:
            case "depth.full" | "depth.step":
                return self._books.book_payload(topic)
            case "ticker" | "kline":
                return self._timed.greeting(topic)
            case "tickers":
                return self._tickers.greeting()
            case _:
                return self._prices.greeting(topic)
