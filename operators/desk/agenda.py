"""What comes next for a symbol, in the total order of `moment`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from operators.desk.lookahead import next_index, next_mark
from operators.desk.market import MarketSlice
from operators.desk.moment import DUE, EVENT, Key
from operators.desk.positions import OpenPosition
from operators.desk.sections import StrategySections


class Item(Enum):
    """What is next: an evaluation, something due, a tape event, or a fair price that liquidates."""

    EVALUATION = "evaluation"
    DUE = "due"
    EVENT = "event"
    MARK = "mark"


class Agenda:
    """Finds the next moment of a symbol at which anything can happen; machines keep what was found for them."""

    def __init__(self, sections: list[StrategySections], positions: Mapping[str, OpenPosition]) -> None:
        self._sections = sections
        self._positions = positions

    def next_of(self, part: MarketSlice, to_ts: int) -> tuple[Key, Item] | None:
        """The next place up to `to_ts` and what is there, None if nothing is left."""
        memory = part.memory
        found: list[tuple[Key, Item]] = []
        index = part.upcoming = self.next_index(part)
        if index < part.length:
            found.append((part.key_of(index), Item.EVALUATION))
        if memory.due and memory.due[0].ts <= to_ts:
            due = memory.due[0]
            found.append(((due.ts, DUE, due.order, memory.symbol), Item.DUE))
        if part.next_event < len(part.events):
            event = part.events[part.next_event]
            found.append(((event.ts, EVENT, event.seq, memory.symbol), Item.EVENT))
        if part.marks:
            place = next_mark(self._positions.get(memory.symbol), part, part.passed)
            if place >= 0:
                mark = part.marks[place]
                found.append(((mark.ts, EVENT, mark.seq, memory.symbol), Item.MARK))
        return min(found, key=lambda one: one[0]) if found else None

    def next_index(self, part: MarketSlice) -> int:
        """The next evaluation instant at which any machine of the symbol may act, or the slice's length."""
        position = self._positions.get(part.memory.symbol)
        first = part.length
        for machine in part.memory.machines:
            if machine.dirty or machine.next_index < part.index:
                machine.next_index = next_index(machine, self._sections[machine.strategy], position, part)
                machine.dirty = False
            first = min(first, machine.next_index)
        return first
