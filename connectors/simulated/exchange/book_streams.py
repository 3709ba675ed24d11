"""The channels of the books: depth (merged and unmerged), depth.full and depth.step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.simulated.exchange import pushes
from connectors.simulated.exchange.odd_pushes import ODD_DEPTH
from connectors.simulated.exchange.records import Depth, LevelChange
from connectors.simulated.exchange.stage import Stage
from connectors.simulated.exchange.topics import UNMERGED, Topic

DEPTH_MS: Final = 200
"""Least exchange time between two frames of a stream (but for unmerged changes, which come at once)."""
TOP_LEVELS: Final = 3

_REMEMBERED: Final = 2


class BookStreams:
    """A change comes at once where the stream's last frame is old enough, otherwise with the others that wait."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._depth, self._full, self._step = map(stage.topics.of, ("depth", "depth.full", "depth.step"))
        self._waiting: dict[Topic, None] = {}
        self._earlier: dict[Topic, list[bytes]] = {}

    def publish(self, changes: Sequence[LevelChange]) -> None:
        """What has changed since the last call, and what is due."""
        if changes and self._depth:
            self._collect(changes)
        if changes and (self._full or self._step):
            for symbol in {change[0] for change in changes}:
                for topics in (self._full.get(symbol), self._step.get(symbol)):
                    if topics:
                        self._waiting |= dict.fromkeys(topics.values())
        if self._waiting:
            self._publish_due()

    def forget(self, symbol: str) -> None:
        """The symbol is gone."""
        for topic in [topic for topic in self._waiting if topic.symbol == symbol]:
            del self._waiting[topic]

    def book_payload(self, topic: Topic) -> bytes:
        """The whole book as a stream of depth.full or depth.step has it."""
        stage = self._stage
        if topic.channel == "depth.step":
            return pushes.step_push(stage.venue.depth(topic.symbol), float(topic.variant), stage.now, stage.shift)
        depth = stage.venue.depth(topic.symbol, int(topic.variant))
        if stage.faults.of("mixed_numbers", topic.symbol) is not None:
            return stage.odd.full_frame(depth, stage.now, stage.shift)
        return pushes.full_push(depth, stage.now, stage.shift)

    def _collect(self, changes: Sequence[LevelChange]) -> None:
        merged = {symbol: topics[""] for symbol, topics in self._depth.items() if "" in topics}
        single = {symbol: topics[UNMERGED] for symbol, topics in self._depth.items() if UNMERGED in topics}
        waiting = self._waiting
        for change in changes:
            topic = merged.get(change[0])
            if topic is not None:
                topic.pending.append(change)
                waiting[topic] = None
        if single:
            for change in changes:
                topic = single.get(change[0])
                if topic is not None:
                    self._publish_change(topic, change)

    def _publish_change(self, topic: Topic, change: LevelChange) -> None:
        stage = self._stage
        if self._is_odd():
            payload = stage.odd.depth_frame([change], None, change, self._top(topic), stage.now, stage.shift)
        else:
            payload = pushes.change_push(change, stage.now, stage.shift)
        stage.delivery.publish(topic, payload)

    def _publish_due(self) -> None:
        now = self._stage.now
        for topic in [topic for topic in self._waiting if topic.next_ms <= now]:
            del self._waiting[topic]
            if not topic.subscribers:
                topic.pending.clear()
            elif topic.channel == "depth":
                self._publish_merged(topic)
            else:
                topic.next_ms = now + DEPTH_MS
                self._publish_book(topic)

    def _publish_merged(self, topic: Topic) -> None:
        stage = self._stage
        changes, topic.pending = topic.pending, []
        # the newest change of each level; the order is that in which they were first touched
        levels = {(change[3], change[4]): change for change in changes}.values()
        wide = stage.faults.of("wide_merge", topic.symbol)
        topic.next_ms = stage.now + (DEPTH_MS if wide is None else wide.count("ms"))
        begin, last = changes[0].version, changes[-1]
        if self._is_odd():
            payload = stage.odd.depth_frame(levels, begin, last, self._top(topic), stage.now, stage.shift)
        else:
            payload = pushes.depth_push(levels, begin, last, stage.now, stage.shift)
        stage.delivery.publish(topic, payload)

    def _publish_book(self, topic: Topic) -> None:
        stage = self._stage
        payload = self.book_payload(topic)
        stage.delivery.publish(topic, payload)
        odd = stage.faults.of("odd_full_depth", topic.symbol) if topic.channel == "depth.full" else None
        if odd is None:
            self._earlier.pop(topic, None)
            return
        earlier = self._earlier.setdefault(topic, [])
        if stage.faults.random.random() < odd.number("repeat"):
            stage.delivery.publish(topic, payload)
        if earlier and stage.faults.random.random() < odd.number("regress"):
            stage.delivery.publish(topic, earlier[0])
        earlier.append(payload)
        del earlier[:-_REMEMBERED]

    def _is_odd(self) -> bool:
        return self._stage.faults.any_of(ODD_DEPTH) or bool(self._stage.odd.cross_next)

    def _top(self, topic: Topic) -> Depth:
        return self._stage.venue.depth(topic.symbol, TOP_LEVELS)
