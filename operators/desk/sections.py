"""Verdicts of a strategy's sections: market sections as they come, the others worked out from position values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.desk.evidence import Value
from operators.desk.machine import Machine, State
from operators.desk.market import MarketSlice
from operators.desk.position_values import Stretch, position_value, position_values
from operators.desk.positions import OpenPosition
from operators.desk.scan import next_true
from operators.evaluation import TRADE_INSTANT
from operators.strategy.comparison import Accepted, accepted
from operators.strategy.compiled import E1, O1, SECTIONS, Z1, ZE1, CompiledStrategy, Condition, Tree
from operators.strategy.kernels import ASK_THE_VALUE, NOT_HELD, condition_verdicts
from operators.strategy.verdict import FALSE, PENDING, TRUE
from operators.tape import Float64, Int8, Int64

FIRST_CHUNK: Final = 256
LARGEST_CHUNK: Final = 16_384

_RANKS: Final = (0, 2, 1)
"""FALSE < PENDING < TRUE: "all" is the smallest, "any" the largest. The table is its own inverse."""
_RANK: Final = np.array(_RANKS, np.int8)


@dataclass(frozen=True, slots=True)
class PositionConditions:
    """The conditions of one section that depend on a signal or position, as columns for the kernel. `held`: some must
    hold for a time. `looks_back`: what came before an instant matters for its values or verdicts."""

    conditions: tuple[Condition, ...]
    rows: Int64
    lowest: Float64
    highest: Float64
    inside: NDArray[np.bool_]
    for_us: Int64
    given: Int8
    ranges: tuple[Accepted, ...]
    held: bool
    looks_back: bool


class StrategySections:
    """What the desk needs to know of one strategy's five sections."""

    def __init__(self, strategy: CompiledStrategy) -> None:
        self.strategy = strategy
        self.present = frozenset(name for name in SECTIONS if strategy.trees.get(name) is not None)
        self.on_position = {
            name: _columns([c for c in strategy.conditions if c.section == name and c.on_position])
            for name in self.present
            if name not in strategy.market_sections
        }
        self.any_held = any(columns.held for columns in self.on_position.values())

    def needed(self, machine: Machine) -> tuple[str, ...]:
        """The sections that can move the machine in its state."""
        match machine.state:
            case State.SIGNAL_DETECTED:
                names: tuple[str, ...] = (O1, Z1)
            case State.ENTRY_PENDING:
                names = (O1,) if machine.entry_cancel is None else ()
            case State.POSITION_ACTIVE:
                names = (E1, ZE1)
            case State.CLOSE_PENDING:
                close = machine.working_close
                names = (E1,) if close is not None and close.rests and machine.deactivating is None else ()
            case _:
                names = ()
        return tuple(name for name in names if name in self.present)

    def verdict(self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, index: int) -> int:
        """The section's verdict at an instant (FALSE where it never fires); holds move on with it, once."""
        if name not in self.present:
            return FALSE
        known = machine.verdicts.get(name)
        if known is None:
            if name in self.on_position:
                known = self._verdict_at(name, machine, position, part, index)
            else:
                known = int(part.verdicts[machine.strategy].sections[name][index])
            machine.verdicts[name] = known
        return known

    def commit(self, machine: Machine, position: OpenPosition | None, part: MarketSlice, start: int, stop: int) -> None:
        """Let holds on position values see the instants start..stop, at which nothing happened."""
        if not self.any_held:
            return
        for name in self.needed(machine):
            columns = self.on_position.get(name)
            if columns is not None and columns.held:
                _, _, holds = self._condition_rows(columns, machine, position, part, start, stop)
                for condition, hold in zip(columns.conditions, holds.tolist(), strict=True):
                    machine.holds[condition.index] = hold

    def next_true(
        self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, start: int, stop: int
    ) -> int:
        """The first instant in start..stop at which the section is TRUE, or `stop`. Nothing moves on.

        `start` must be the first instant that the holds and the position have not seen.
        """
        if name not in self.on_position:
            return min(stop, int(next_true(part.verdicts[machine.strategy].sections[name], start)))
        columns = self.on_position[name]
        if columns.looks_back:  # the stretch is one piece
            found = self._stretch(name, machine, position, part, start, stop)
            return start + int(next_true(found, 0))
        size = FIRST_CHUNK
        while start < stop:
            end = min(stop, start + size)
            found = self._stretch(name, machine, position, part, start, end)
            first = int(next_true(found, 0))
            if first < len(found):
                return start + first
            start, size = end, min(4 * size, LARGEST_CHUNK)
        return stop

    def rows(
        self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, start: int, stop: int
    ) -> tuple[Float64, Int8]:
        """Values and verdicts `[conditions, stop − start]` of a section on position values. Nothing moves on.

        `start` must be the first instant that the holds and the position have not seen.
        """
        columns = self.on_position[name]
        own, own_values, _ = self._condition_rows(columns, machine, position, part, start, stop)
        place = {condition.index: row for row, condition in enumerate(columns.conditions)}
        market, evaluation = part.verdicts[machine.strategy].conditions, part.evaluation
        values, verdicts = [], []
        for condition in self.strategy.conditions:
            if condition.section != name:
                continue
            if condition.on_position:
                values.append(own_values[place[condition.index]])
                verdicts.append(own[place[condition.index]])
            else:
                values.append(evaluation.values[evaluation.indicator_ids.index(condition.indicator_id), start:stop])
                verdicts.append(market[condition.index, start:stop])
        return np.array(values), np.array(verdicts)

    def values_at(
        self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, index: int
    ) -> list[Value]:
        """(condition, value, verdict) of every condition of the section at an instant, after `verdict` there."""
        result = []
        verdicts = part.verdicts[machine.strategy].conditions
        for condition in self.strategy.conditions:
            if condition.section != name:
                continue
            if condition.on_position:
                value = self._value_at(condition, machine, position, part, index)
                ts = int(part.evaluation.instants.ts[index])
                range_ = accepted(condition.op, condition.low, condition.high)
                verdict = _held_verdict(condition, range_, value, ts, machine.holds.get(condition.index, NOT_HELD))
            else:
                value = part.value(condition.indicator_id, index)
                verdict = int(verdicts[condition.index, index])
            result.append((condition, value, verdict))
        return result

    def _verdict_at(
        self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, index: int
    ) -> int:
        """The verdict of a section with position values at one instant; its holds move on."""
        columns = self.on_position[name]
        ts = int(part.evaluation.instants.ts[index])
        own: dict[int, int] = {}
        for condition, range_ in zip(columns.conditions, columns.ranges, strict=True):
            value = self._value_at(condition, machine, position, part, index)
            if condition.for_us > 0:
                if value not in range_:
                    machine.holds[condition.index] = NOT_HELD
                elif machine.holds.get(condition.index, NOT_HELD) == NOT_HELD:
                    machine.holds[condition.index] = ts
            hold = machine.holds.get(condition.index, NOT_HELD)
            own[condition.index] = _held_verdict(condition, range_, value, ts, hold)
        market = part.verdicts[machine.strategy].conditions

        def rank(tree: Tree) -> int:
            kind, inner = tree
            if kind == "condition":
                return _RANKS[own[inner] if inner in own else int(market[inner, index])]
            if kind == "not":
                return 2 - rank(inner)
            ranks = [rank(part_) for part_ in inner]
            return min(ranks) if kind == "all" else max(ranks)

        tree = self.strategy.trees[name]
        assert tree is not None  # noqa: S101 - only present sections come here
        return _RANKS[rank(tree)]

    def _stretch(
        self, name: str, machine: Machine, position: OpenPosition | None, part: MarketSlice, start: int, stop: int
    ) -> Int8:
        """The section's verdicts over start..stop; nothing moves on."""
        columns = self.on_position[name]
        own, _, _ = self._condition_rows(columns, machine, position, part, start, stop)
        place = {condition.index: row for row, condition in enumerate(columns.conditions)}
        market = part.verdicts[machine.strategy].conditions

        def row(index: int) -> Int8:
            return own[place[index]] if index in place else market[index, start:stop]

        tree = self.strategy.trees[name]
        assert tree is not None  # noqa: S101 - only present sections come here
        return _RANK[_combined(tree, row)]

    def _condition_rows(
        self,
        columns: PositionConditions,
        machine: Machine,
        position: OpenPosition | None,
        part: MarketSlice,
        start: int,
        stop: int,
    ) -> tuple[Int8, Float64, Int64]:
        """Verdicts and values `[conditions, stop − start]`, and where the holds stand after them."""
        stretch = _stretch_of(part, start, stop)
        values = np.empty((len(columns.conditions), stop - start))
        for row, condition in enumerate(columns.conditions):
            values[row] = position_values(condition.kind, stretch, _detected(machine), position)
        holds = np.array([machine.holds.get(c.index, NOT_HELD) for c in columns.conditions], np.int64)
        verdicts = np.empty(values.shape, np.int8)
        condition_verdicts(
            values,
            stretch.ts,
            columns.rows,
            columns.lowest,
            columns.highest,
            columns.inside,
            columns.for_us,
            columns.given,
            holds,
            verdicts,
        )
        return verdicts, values, holds

    @staticmethod
    def _value_at(
        condition: Condition, machine: Machine, position: OpenPosition | None, part: MarketSlice, index: int
    ) -> float:
        evaluation = part.evaluation
        ts, price = int(evaluation.instants.ts[index]), float(evaluation.last_price[index])
        return position_value(condition.kind, ts, price, _detected(machine), position)

    def forget_holds(self, machine: Machine, names: tuple[str, ...]) -> None:
        """A new signal or position begins: its holds start anew."""
        for name in names:
            machine.verdicts.pop(name, None)
            columns = self.on_position.get(name)
            if columns is not None:
                for condition in columns.conditions:
                    machine.holds.pop(condition.index, None)


def _columns(conditions: list[Condition]) -> PositionConditions:
    ranges = [accepted(condition.op, condition.low, condition.high) for condition in conditions]
    held = any(condition.for_us > 0 for condition in conditions)
    return PositionConditions(
        tuple(conditions),
        np.arange(len(conditions), dtype=np.int64),
        np.array([one.lowest for one in ranges], np.float64),
        np.array([one.highest for one in ranges], np.float64),
        np.array([one.inside for one in ranges], np.bool_),
        np.array([condition.for_us for condition in conditions], np.int64),
        np.full(len(conditions), ASK_THE_VALUE, np.int8),
        tuple(ranges),
        held,
        held or any(condition.kind == "RETRACEMENT_FROM_PEAK_PCT" for condition in conditions),
    )


def _stretch_of(part: MarketSlice, start: int, stop: int) -> Stretch:
    instants = part.evaluation.instants
    price = part.evaluation.last_price[start:stop]
    return Stretch(instants.ts[start:stop], price, np.where(instants.kind[start:stop] == TRADE_INSTANT, price, np.nan))


def _combined(tree: Tree, row: Callable[[int], Int8]) -> Int8:
    kind, inner = tree
    if kind == "condition":
        return _RANK[row(inner)]
    if kind == "not":
        return np.subtract(2, _combined(inner, row), dtype=np.int8)
    rows = [_combined(part, row) for part in inner]
    return np.minimum.reduce(rows) if kind == "all" else np.maximum.reduce(rows)


def _detected(machine: Machine) -> int | None:
    """When the signal in hand was detected."""
    return machine.signal_ts if machine.state in (State.SIGNAL_DETECTED, State.ENTRY_PENDING) else None


def _held_verdict(condition: Condition, range_: Accepted, value: float, ts: int, hold: int) -> int:
    """The verdict at an instant whose hold has already moved on."""
    if math.isnan(value):
        return PENDING
    if value not in range_:
        return FALSE
    if condition.for_us > 0 and (hold == NOT_HELD or ts - hold < condition.for_us):
        return FALSE
    return TRUE
