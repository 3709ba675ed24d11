"""The channels that tell a state: tickers, bars, prices, funding and contracts."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final

from connectors.simulated.exchange import pushes
from connectors.simulated.exchange.kline_stream import current_bar, turned, with_deal
from connectors.simulated.exchange.records import FundingChange, PriceChange, VenueDeal
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.topics import Topic

TICKER_MS: Final = 2_750
TICKERS_MS: Final = 2_000
KLINE_MS: Final = 500


class TimedStreams:
    """The channels ticker and kline: each stream looks at its symbol at its own times."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._klines = stage.topics.of("kline")
        self._due: list[tuple[int, int, Topic]] = []
        self._turn = itertools.count()

    def greeting(self, topic: Topic) -> bytes | None:
        """The state as it is; the stream's clock starts where it does not run yet."""
        stage = self._stage
        if not topic.next_ms:
            self._schedule(topic)
        if topic.channel == "ticker":
            return pushes.ticker_push(stage.venue.ticker(topic.symbol), stage.now, stage.shift)
        if topic.bar is None:
            topic.bar = current_bar(stage.venue, topic.symbol, str(topic.variant))
        if topic.bar is None:
            return None
        return pushes.kline_push(topic.symbol, str(topic.variant), topic.bar, stage.stamp)

    def publish(self, deals: dict[str, list[VenueDeal]]) -> None:
        """What is due now; `deals` go into the bars."""
        stage = self._stage
        for symbol in deals.keys() & self._klines.keys():
            self._collect(symbol, deals[symbol])
        while self._due and self._due[0][0] <= stage.now:
            _, _, topic = heapq.heappop(self._due)
            if topic.subscribers and stage.venue.trades(topic.symbol):
                self._schedule(topic)
                payload = self._payload(topic)
                if payload is not None:
                    stage.delivery.publish(topic, payload)
            else:
                topic.next_ms = 0

    def _schedule(self, topic: Topic) -> None:
        topic.next_ms = self._stage.now + (TICKER_MS if topic.channel == "ticker" else KLINE_MS)
        heapq.heappush(self._due, (topic.next_ms, next(self._turn), topic))

    def _collect(self, symbol: str, deals: Sequence[VenueDeal]) -> None:
        if not self._stage.venue.trades(symbol):
            return
        size = float(self._stage.venue.detail(symbol)[0]["contractSize"])
        for topic in self._klines[symbol].values():
            for deal in deals:
                bar = with_deal(topic.bar, str(topic.variant), deal, size)
                if topic.bar is not None and bar.start_s > topic.bar.start_s:
                    self._finish(topic)
                topic.bar, topic.changed = bar, True

    def _finish(self, topic: Topic) -> None:
        """Tell the bar's last state before the next one begins, if it is not known yet."""
        if topic.bar is not None and topic.changed:
            payload = pushes.kline_push(topic.symbol, str(topic.variant), topic.bar, self._stage.stamp)
            self._stage.delivery.publish(topic, payload)
            topic.changed = False

    def _payload(self, topic: Topic) -> bytes | None:
        """None where there is nothing new: no deal, and still the same bar."""
        stage = self._stage
        if topic.channel == "ticker":
            return pushes.ticker_push(stage.venue.ticker(topic.symbol), stage.now, stage.shift)
        if topic.bar is None:
            return None
        bar = turned(topic.bar, str(topic.variant), stage.now // 1000)
        if bar is topic.bar and not topic.changed:
            return None
        if bar is not topic.bar:
            self._finish(topic)
        topic.bar, topic.changed = bar, False
        return pushes.kline_push(topic.symbol, str(topic.variant), bar, stage.stamp)


class TickersStream:
    """The channel tickers: all symbols for a new subscriber, then every two seconds those that have changed."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._topics = stage.topics.of("tickers")
        self._told: dict[str, dict[str, Any]] = {}
        self._next_ms = 0

    def greeting(self) -> bytes:
        rows = self._rows()
        if not self._told:
            self._tell(rows)
        return self._payload(rows)

    def publish(self) -> None:
        stage = self._stage
        topic = self._topics.get("", {}).get("")
        if topic is None:
            self._told.clear()
            return
        if stage.now < self._next_ms:
            return
        rows = self._rows()
        changed = rows
        if stage.faults.get("huge_frames") is None:
            changed = [row for row in rows if row != self._told.get(row["symbol"])]
        self._tell(rows)
        if changed:
            stage.delivery.publish(topic, self._payload(changed))

    def _rows(self) -> list[dict[str, Any]]:
        stage = self._stage
        return [pushes.tickers_row(stage.venue.ticker(symbol), stage.shift) for symbol in stage.venue.symbols]

    def _tell(self, rows: Sequence[dict[str, Any]]) -> None:
        self._told = {row["symbol"]: row for row in rows}
        self._next_ms = self._stage.now + TICKERS_MS

    def _payload(self, rows: Sequence[dict[str, Any]]) -> bytes:
        payload = pushes.tickers_push(rows, self._stage.stamp)
        huge = self._stage.faults.get("huge_frames")
        if huge is not None and rows:
            once = len(payload) - len(pushes.tickers_push([], self._stage.stamp))
            times = max(-(-huge.count("bytes") // once), 1)
            # a row that comes again changes nothing for whoever reads it
            payload = pushes.tickers_push([*rows] * times, self._stage.stamp)
        return payload


class PriceStreams:
    """The channels index.price, fair.price, funding.rate and contract: on change."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        topics = stage.topics
        self._index, self._fair = topics.of("index.price"), topics.of("fair.price")
        self._funding, self._contract = topics.of("funding.rate"), topics.of("contract")

    def greeting(self, topic: Topic) -> bytes | None:
        """The state as it is; contracts have none."""
        venue, stamp, symbol = self._stage.venue, self._stage.stamp, topic.symbol
        if topic.channel == "index.price":
            return pushes.price_push("index.price", symbol, venue.index_price(symbol), stamp)
        if topic.channel == "fair.price":
            return pushes.price_push("fair.price", symbol, venue.fair_price(symbol), stamp)
        if topic.channel == "funding.rate":
            return self._rate(symbol)
        return None

    def publish(
        self, prices: Iterable[PriceChange], funding: Iterable[FundingChange], contracts: Iterable[str]
    ) -> None:
        """What has changed since the last call."""
        stage = self._stage
        if self._index or self._fair:
            for symbol, _, index, fair in prices:
                self._price(self._index, symbol, index)
                self._price(self._fair, symbol, fair)
        if self._funding:
            for symbol in dict.fromkeys(change.symbol for change in funding):
                topic = self._funding.get(symbol, {}).get("")
                if topic is not None and stage.venue.trades(symbol):
                    stage.delivery.publish(topic, self._rate(symbol))
        topic = self._contract.get("", {}).get("")
        if topic is not None:
            for symbol in contracts:
                if stage.venue.trades(symbol):
                    detail = stage.venue.detail(symbol)[0]
                    stage.delivery.publish(topic, pushes.contract_push(detail, stage.stamp))

    def _price(self, topics: dict[str, dict[Any, Topic]], symbol: str, price: float) -> None:
        topic = topics.get(symbol, {}).get("")
        if topic is not None and topic.last_price != price:
            topic.last_price = price
            self._stage.delivery.publish(topic, pushes.price_push(topic.channel, symbol, price, self._stage.stamp))

    def _rate(self, symbol: str) -> bytes:
        """The predicted rate of the cycle under way."""
        state = self._stage.venue.funding(symbol)
        return pushes.funding_push(symbol, state["fundingRate"], state["nextSettleTime"], self._stage.stamp)
