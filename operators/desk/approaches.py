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
    ABSENT,
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
from operators.strategy.kernels import NO_ROW
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
    bounds: Float64
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
            bounds=np.array([(one.lowest, one.highest, float(one.inside)) for one in ranges]),
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
    _rows: dict[tuple[str, int, int, tuple[str, ...]], tuple[Int64, Int64]] = field(init=False, default_factory=dict)

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
            rows, begins = self._rows_of(machine, columns, part)
            verdicts = part.verdicts[machine.strategy].conditions
            values = part.evaluation.values
            self._see(machine, columns, part, start, stop, values, rows, verdicts, columns.first, start, begins)

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
        _, begins = self._rows_of(machine, columns, part)
        self._see(machine, columns, part, start, stop, values, np.arange(len(values)), verdicts, 0, 0, begins)

    def _see(
        self,
        machine: Machine,
        columns: _Columns,
        part: MarketSlice,
        start: int,
        stop: int,
        values: Float64,
        value_rows: Int64,
        verdicts: Int8,
        verdicts_first: int,
        offset: int,
        begins: Int64,
    ) -> None:
        if machine.approach is None:
            machine.approach = Approach.of(len(self.sections[machine.strategy].strategy.conditions))
        seen = machine.approach
        see_stretch(
            values,
            value_rows,
            verdicts,
            verdicts_first,
            offset,
            part.evaluation.instants.ts,
            start,
            stop,
            begins,
            columns.bounds,
            seen.best,
            seen.times,
            seen.codes,
            seen.groups,
            columns.first,
            columns.group,
        )

    def _rows_of(self, machine: Machine, columns: _Columns, part: MarketSlice) -> tuple[Int64, Int64]:
        """The rows of the values that the section's conditions read, and the first instant of the slice at which each
        has had a value (`ABSENT`: the tape has no such stream)."""
        indicator_ids = part.evaluation.indicator_ids
        key = (machine.symbol, machine.strategy, columns.group, indicator_ids)
        known = self._rows.get(key)
        if known is None:
            place = {one: row for row, one in enumerate(indicator_ids)}
            streams = self.streams.get(machine.symbol, ALL_STREAMS)
            rows = [NO_ROW if one.on_position else place[one.indicator_id] for one in columns.conditions]
            there = [one.on_position or streams_of(one.kind) <= streams for one in columns.conditions]
            known = (np.array(rows, np.int64), np.where(there, 0, ABSENT))
            self._rows[key] = known
        rows_of, begun = known
        if part.warming:
            first = np.where(rows_of == NO_ROW, 0, part.begins[rows_of])
            return rows_of, np.where(begun == ABSENT, ABSENT, first)
        return rows_of, begun


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
            threshold_high=condition.high if condition.ranged else None,
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
