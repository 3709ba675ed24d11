"""The channel deal: what was traded, symbol by symbol, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from connectors.simulated.exchange import pushes
from connectors.simulated.exchange.connection import Connection
from connectors.simulated.exchange.odd_pushes import ODD_DEALS
from connectors.simulated.exchange.records import VenueDeal
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.topics import UNMERGED, Topic


def by_symbol(deals: Iterable[VenueDeal]) -> dict[str, list[VenueDeal]]:
    """The deals of each symbol, in their order."""
    result: defaultdict[str, list[VenueDeal]] = defaultdict(list)
    for deal in deals:
        result[deal[0]].append(deal)
    return result


class DealStreams:
    """One message per symbol and turn; with compress: false one per deal."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._topics = stage.topics.of("deal")

    def publish(self, deals: dict[str, list[VenueDeal]]) -> None:
        """What has been traded since the last call."""
        stage, topics = self._stage, self._topics
        for symbol in deals.keys() & topics.keys():
            kept = stage.odd.deals_kept(symbol, deals[symbol]) if stage.faults else deals[symbol]
            newest_first = kept[::-1]
            for topic in topics[symbol].values():
                for payload in self._payloads(topic, newest_first):
                    stage.delivery.publish(topic, payload)

    def resend(self, symbol: str, count: int, connections: Sequence[Connection] | None = None) -> None:
        """Push a symbol's last deals again, to those connections or to all subscribers."""
        deals = self._stage.venue.deals(symbol, count)
        for topic in self._topics.get(symbol, {}).values():
            receivers = topic.subscribers
            if connections is not None:
                receivers = [connection for connection in connections if connection in topic.subscribers]
            for payload in self._payloads(topic, deals):
                self._stage.delivery.send(topic, payload, receivers)

    def _payloads(self, topic: Topic, newest_first: Sequence[VenueDeal]) -> list[bytes]:
        stage, symbol = self._stage, topic.symbol
        now, shift = stage.now, stage.shift
        groups: Sequence[Sequence[VenueDeal]] = [newest_first] if newest_first else []
        if topic.variant == UNMERGED:
            groups = [[deal] for deal in reversed(newest_first)]
        if stage.faults.any_of(ODD_DEALS):
            return [frame for group in groups for frame in stage.odd.deal_frames(symbol, group, now, shift)]
        return [pushes.deal_push(symbol, group, now, shift) for group in groups]
