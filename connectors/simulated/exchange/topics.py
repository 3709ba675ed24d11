"""Who has subscribed to what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from connectors.simulated.exchange.records import Bar, LevelChange

if TYPE_CHECKING:
    from connectors.simulated.exchange.connection import Connection

WHOLE_EXCHANGE: Final = ("tickers", "contract", "event.contract")
PER_SYMBOL: Final = (
    "deal",
    "depth",
    "depth.full",
    "depth.step",
    "ticker",
    "kline",
    "funding.rate",
    "index.price",
    "fair.price",
)
UNMERGED: Final = "unmerged"
"""The variant of deal and depth that a client gets with compress: false."""

Variant = str | int | float


@dataclass(slots=True, eq=False)
class Topic:
    """One stream: the same frames for all its subscribers. `variant` is the limit of depth.full, the step of
    depth.step, the interval of a kline, or `UNMERGED`.

    `next_ms` is the earliest exchange time of the next frame; `pending` the changes of a book that it is to tell,
    `bar` and `changed` the bar and whether it is another one than the last that was told, `last_price` the last price
    of index and fair price streams.
    """

    channel: str
    symbol: str
    variant: Variant = ""
    subscribers: list[Connection] = field(default_factory=list)
    next_ms: int = 0
    pending: list[LevelChange] = field(default_factory=list)
    bar: Bar | None = None
    changed: bool = False
    last_price: float | None = None


class Topics:
    """All streams that somebody listens to."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, dict[Variant, Topic]]] = {
            channel: {} for channel in (*WHOLE_EXCHANGE, *PER_SYMBOL)
        }

    def of(self, channel: str) -> dict[str, dict[Variant, Topic]]:
        """The streams of a channel by symbol and variant (one that lives: it changes as clients come and go)."""
        return self._topics[channel]

    def each(self, channel: str) -> Iterator[Topic]:
        """All streams of a channel."""
        for variants in list(self._topics[channel].values()):
            yield from list(variants.values())

    def join(self, connection: Connection, channel: str, symbol: str, variant: Variant, *, doubled: bool) -> Topic:
        """Subscribe. Another limit, step or merging replaces the one before; intervals of klines stand side by side.
        A subscription that is there already is not doubled, unless asked for."""
        key = (channel, symbol, variant if channel == "kline" else "")
        held = connection.subscriptions.get(key)
        if held is not None and held.variant != variant:
            self.leave(connection, key)
            held = None
        variants = self._topics[channel].setdefault(symbol, {})
        topic = variants.setdefault(variant, Topic(channel, symbol, variant))
        if held is None or doubled:
            topic.subscribers.append(connection)
        connection.subscriptions[key] = topic
        connection.subscribed_at[key] = time.monotonic()
        return topic

    def leave(self, connection: Connection, key: tuple[str, str, Variant]) -> None:
        """End a subscription; a stream without subscribers is forgotten."""
        topic = connection.subscriptions.pop(key, None)
        connection.subscribed_at.pop(key, None)
        if topic is None:
            return
        topic.subscribers = [each for each in topic.subscribers if each is not connection]
        if topic.subscribers:
            return
        variants = self._topics[topic.channel].get(topic.symbol, {})
        if variants.get(topic.variant) is topic:
            del variants[topic.variant]
            if not variants:
                del self._topics[topic.channel][topic.symbol]

    def leave_all(self, connection: Connection) -> None:
        """The connection is gone."""
        for key in list(connection.subscriptions):
            self.leave(connection, key)

    def delisted(self, symbol: str) -> None:
        """The symbol's streams are silent for ever."""
        for channel in PER_SYMBOL:
            self._topics[channel].pop(symbol, None)
