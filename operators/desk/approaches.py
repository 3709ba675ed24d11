"""How near sections come to being TRUE while the machines of an account look at them.

A section counts from the instant at which its machine enters the state that looks at it to the one at which the machine
leaves it, both included; the time between two instants counts for what was known at the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from operators.desk.approach import (
    AT_MOST,
    BEST_AT,
    MISSING,
    NEVER,
    NO_STREAM,
    NOW,
    SINCE,
    SPENT,
    WARM_UP,
    Approach,
    see_stretch,
)
from operators.desk.machine import Machine, State
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.positions import OpenPosition
from operators.desk.sections import StrategySections
from operators.results import ClosestApproach, GroupApproach
from operators.strategy.comparison import accepted
from operators.strategy.compiled import E1, O1, S1, SECTIONS, Z1, ZE1, Condition
from operators.strategy.conditions import ALL_STREAMS
from operators.strategy.kernels import NO_ROW, Bool
from operators.strategy.names import streams_of
from operators.strategy.verdict import FALSE, TRUE
from operators.tape import MICROSECONDS, Float64, Int8, Int64

LOOKED_AT: Final[Mapping[State, tuple[str, ...]]] = {
    State.MONITORING: (S1,),
    State.SIGNAL_DETECTED: (O1, Z1),
    State.ENTRY_PENDING: (O1,),
    State.POSITION_ACTIVE: (ZE1, E1),
}
"""The sections whose approach counts in a state."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """One section's conditions `first`..`last` of the document as columns for the kernel."""

    group: int
    first: int
    last: int
    conditions: tuple[Condition, ...]
    lowest: Float64
    highest: Float64
    inside: Bool
    on_position: bool

    @classmethod
    def of(cls, sections: StrategySections, name: str) -> _Columns:
        conditions = tuple(one for one in sections.strategy.conditions if one.section == name)
        ranges = [accepted(one.op, one.low, one.high) for one in conditions]
        return cls(
            group=SECTIONS.index(name),
            first=conditions[0].index,
            last=conditions[-1].index + 1,
            conditions=conditions,
            lowest=np.array([one.lowest for one in ranges]),
            highest=np.array([one.highest for one in ranges]),
            inside=np.array([one.inside for one in ranges]),
            on_position=name in sections.on_position,
        )


@dataclass(slots=True)
class Approaches:
    """Keeps the approaches of an account's machines; `streams` as in `Desk`.

    Sections on market data are seen when their state ends, or the slice; those on position values as the desk walks,
    since a position changes on the way.
    """

    sections: Sequence[StrategySections]
    streams: Mapping[str, frozenset[str]]
    _columns: list[dict[str, _Columns]] = field(init=False)
    _rows: dict[tuple[int, str, tuple[str, ...]], Int64] = field(init=False, default_factory=dict)
    _absent: dict[tuple[int, str, str], Bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._columns = [{name: _Columns.of(one, name) for name in one.present} for one in self.sections]

    # As the desk walks

    def enter(self, machine: Machine, moment: Moment) -> None:
        """The machine is in a new state: its instants count from this moment on."""
        machine.looked_from = moment.index if moment.index >= 0 else moment.instants

    def leave(self, machine: Machine, position: OpenPosition | None, part: MarketSlice, moment: Moment) -> None:
        """The machine leaves its state, which has seen the moment's own instant."""
        self._market(machine, part, moment.instants)
        if moment.index >= 0:
            self.instant(machine, position, part, moment.index)
        for columns in self._looked(machine):
            if machine.approach is not None:
                _close(machine.approach, columns, moment.ts)

    def stretch(
        self, machine: Machine, position: OpenPosition | None, part: MarketSlice, start: int, stop: int
    ) -> None:
        """The instants start..stop, at which nothing happened and whose holds have not moved on."""
        for columns in self._looked(machine, on_position=True):
            name = SECTIONS[columns.group]
            values, verdicts = self.sections[machine.strategy].rows(name, machine, position, part, start, stop)
            self._on_position(machine, columns, part, start, stop, values, verdicts)

    def instant(self, machine: Machine, position: OpenPosition | None, part: MarketSlice, index: int) -> None:
        """An instant at which the machine acted."""
        for columns in self._looked(machine, on_position=True):
            name, sections = SECTIONS[columns.group], self.sections[machine.strategy]
            sections.verdict(name, machine, position, part, index)
            found = sections.values_at(name, machine, position, part, index)
            values = np.array([[value] for _, value, _ in found])
            verdicts = np.array([[verdict] for _, _, verdict in found], np.int8)
            self._on_position(machine, columns, part, index, index + 1, values, verdicts)

    def end_part(self, machine: Machine, part: MarketSlice) -> None:
        """The slice ends; the state goes on."""
        self._market(machine, part, part.length)
        machine.looked_from = 0

    # The rows

    def rows(
        self, machines: Iterable[Machine], session_id: str, account: str, from_ts: int, until: int
    ) -> Iterator[ClosestApproach | GroupApproach]:
        """What all machines have seen from tape time `from_ts` to `until`. Nothing moves on."""
        for machine in machines:
            if machine.approach is None:
                continue
            for name, columns in self._columns[machine.strategy].items():
                key = (from_ts, session_id, account, machine.name, machine.symbol, name)
                yield from _rows(machine.approach, columns, key, until)

    # How

    def _looked(self, machine: Machine, *, on_position: bool | None = None) -> Iterator[_Columns]:
        known = self._columns[machine.strategy]
        for name in LOOKED_AT.get(machine.state, ()):
            if name in known and on_position in (None, known[name].on_position):
                yield known[name]

    def _market(self, machine: Machine, part: MarketSlice, stop: int) -> None:
        start = machine.looked_from
        if start >= stop:
            return
        for columns in self._looked(machine, on_position=False):
            verdicts = part.verdicts[machine.strategy].conditions[columns.first : columns.last]
            rows = self._value_rows(machine.strategy, columns, part.evaluation.indicator_ids)
            self._see(machine, columns, part, start, stop, part.evaluation.values, rows, start, verdicts, start)

    def _on_position(
        self,
        machine: Machine,
        columns: _Columns,
        part: MarketSlice,
        start: int,
        stop: int,
        values: Float64,
        verdicts: Int8,
    ) -> None:
        self._see(machine, columns, part, start, stop, values, np.arange(len(values)), 0, verdicts, 0)

    def _see(
        self,
        machine: Machine,
        columns: _Columns,
        part: MarketSlice,
        start: int,
        stop: int,
        values: Float64,
        value_rows: Int64,
        values_from: int,
        verdicts: Int8,
        verdicts_from: int,
    ) -> None:
        if machine.approach is None:
            machine.approach = Approach.of(len(self.sections[machine.strategy].strategy.conditions))
        seen = machine.approach
        begins = part.begins
        known_from = self._value_rows(machine.strategy, columns, part.evaluation.indicator_ids)
        see_stretch(
            values,
            value_rows,
            values_from,
            verdicts,
            verdicts_from,
            part.evaluation.instants.ts,
            start,
            stop,
            np.where(known_from == NO_ROW, 0, begins[known_from])
            if len(begins)
            else np.zeros(len(known_from), np.int64),
            self._without_stream(machine, columns),
            columns.lowest,
            columns.highest,
            columns.inside,
            seen.best[columns.first : columns.last],
            seen.times[columns.first : columns.last],
            seen.codes[columns.first : columns.last],
            seen.groups[columns.group],
        )

    def _value_rows(self, strategy: int, columns: _Columns, indicator_ids: tuple[str, ...]) -> Int64:
        key = (strategy, SECTIONS[columns.group], indicator_ids)
        rows = self._rows.get(key)
        if rows is None:
            place = {one: row for row, one in enumerate(indicator_ids)}
            found = [NO_ROW if one.on_position else place[one.indicator_id] for one in columns.conditions]
            rows = self._rows[key] = np.array(found, np.int64)
        return rows

    def _without_stream(self, machine: Machine, columns: _Columns) -> Bool:
        key = (machine.strategy, SECTIONS[columns.group], machine.symbol)
        absent = self._absent.get(key)
        if absent is None:
            streams = self.streams.get(machine.symbol, ALL_STREAMS)
            found = [not one.on_position and not streams_of(one.kind) <= streams for one in columns.conditions]
            absent = self._absent[key] = np.array(found)
        return absent


def _close(seen: Approach, columns: _Columns, ts: int) -> None:
    """The time since the newest instant is over."""
    since = int(seen.groups[columns.group, SINCE])
    if since != NEVER:
        for index in range(columns.first, columns.last):
            seen.times[index, SPENT + seen.codes[index, NOW]] += ts - since
        seen.groups[columns.group, SINCE] = NEVER


def _rows(
    seen: Approach, columns: _Columns, key: tuple[int, str, str, str, str, str], until: int
) -> Iterator[ClosestApproach | GroupApproach]:
    max_true, max_true_at, since = seen.groups[columns.group].tolist()
    if max_true == NEVER:
        return
    looked = 0.0
    for condition in columns.conditions:
        spent = seen.times[condition.index, SPENT:].tolist()
        if since != NEVER:
            spent[int(seen.codes[condition.index, NOW])] += until - since
        seconds = [time / MICROSECONDS for time in spent]
        best, best_at = float(seen.best[condition.index]), int(seen.times[condition.index, BEST_AT])
        looked = sum(spent) / MICROSECONDS
        yield ClosestApproach(
            *key,
            condition=condition.path,
            indicator=condition.indicator_id,
            op=condition.op,
            threshold=condition.low,
            threshold_high=condition.high if condition.op in ("between", "outside") else None,
            best_value=None if best_at == NEVER else best,
            best_at=None if best_at == NEVER else best_at,
            true_seconds=seconds[TRUE],
            false_seconds=seconds[FALSE],
            pending_seconds=(spent[MISSING] + spent[WARM_UP] + spent[NO_STREAM]) / MICROSECONDS,
            warmup_seconds=seconds[WARM_UP],
            missing_seconds=seconds[MISSING],
            no_stream_seconds=seconds[NO_STREAM],
            until=until,
        )
    lacking = [one.path for one in columns.conditions if not seen.codes[one.index, AT_MOST]]
    yield GroupApproach(
        *key,
        max_true=max_true,
        at=max_true_at,
        conditions=len(columns.conditions),
        lacking=json.dumps(lacking),
        looked_seconds=looked,
        until=until,
    )
