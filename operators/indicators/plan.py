"""From indicators to instructions: what all of them need is computed once per symbol.

A kind describes itself with the methods of `PlanBuilder`, which return `Value`s; asking twice for the same thing gives
the same value. `Plan` holds the result as plain tables for the kernels: edges, ring rows, and instructions
(operation, out, a, b, c, d, stream) with one constant each. What an instruction means is in `kernels.evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from operators.indicators.kernels import layout
from operators.indicators.kernels.layout import BOOKS, NOTHING, TRADES
from operators.indicators.parameters import microseconds
from operators.indicators.series import RAW_ROWS, StepSeries, SumSeries
from operators.indicators.windows import Window
from operators.tape import Float64, Int64


@dataclass(frozen=True, slots=True)
class Value:
    """A scratch row with what decides whether it may be shown: rows of cover (0..1) and the streams it is made of."""

    row: int
    covers: frozenset[int] = frozenset()
    streams: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class StreamTables:
    """The ring of one stream: number of `data` rows, columns to derive, step functions and sums to keep up."""

    rows: int
    derived: Int64
    steps: Int64
    sums: Int64


@dataclass(frozen=True, slots=True)
class DequeSpecification:
    """A monotonic queue: the stream it runs over and the edges of its window."""

    stream: int
    from_edge: int
    to_edge: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Tables for the kernels; `edges[e]` = (stream, offset µs), the first two are "now" of trades and of books."""

    streams: tuple[StreamTables, StreamTables]
    edges: Int64
    deques: tuple[DequeSpecification, ...]
    program: Int64
    constants: Float64
    rows: int

    @property
    def longest_us(self) -> int:
        """How far back the oldest edge lies."""
        return int(self.edges[:, 1].max())


@dataclass(slots=True)
class _StreamRows:
    """The ring rows of one stream as they are asked for."""

    rows: int
    derived: dict[int, int] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)

    def take(self, count: int) -> int:
        first = self.rows
        self.rows += count
        return first

    def value_row(self, series: StepSeries) -> int:
        if not series.derived:
            return series.code
        if series.code not in self.derived:
            self.derived[series.code] = self.take(1)
        return self.derived[series.code]

    def step_rows(self, series: StepSeries) -> tuple[int, int]:
        value = self.value_row(series)
        if value not in self.steps:
            self.steps[value] = self.take(3)
        return value, self.steps[value]

    def sum_row(self, series: SumSeries) -> int:
        if series.term not in self.sums:
            self.sums[series.term] = self.take(2)
        return self.sums[series.term]

    def tables(self) -> StreamTables:
        return StreamTables(
            self.rows,
            _table(list(self.derived.items()), 2),
            _table(list(self.steps.items()), 2),
            _table(list(self.sums.items()), 2),
        )


class PlanBuilder:
    """What kinds describe themselves with. Every method returns the same value for the same request."""

    def __init__(self) -> None:
        self._streams = tuple(_StreamRows(raw) for raw in RAW_ROWS)
        self._edges: dict[tuple[int, int], int] = {(TRADES, 0): 0, (BOOKS, 0): 1}
        self._deques: list[DequeSpecification] = []
        self._program: list[tuple[int, ...]] = []
        self._constants: list[float] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._rows = 0
        self._outputs = 0

    # --- measures of one window ---------------------------------------------------------------------------------------

    def time_mean(self, series: StepSeries, window: Window) -> Value:
        """Mean over the observed time in which the step function has a value; the value at the start counts too."""
        area, held, covers = self._step_window(series, window)
        mean = self._row(layout.OP_QUOTIENT, area, held)
        return Value(mean, covers, frozenset((series.stream,)))

    def time_deviation(self, series: StepSeries, window: Window) -> Value:
        """Population standard deviation over the observed time in which the step function has a value."""
        _, held, covers = self._step_window(series, window)
        since, until = self._window_edges(series.stream, window)
        row = self._streams[series.stream].value_row(series)
        deviation = self._row(layout.OP_DEVIATION, since, until, row, held, stream=series.stream)
        return Value(deviation, covers, frozenset((series.stream,)))

    def total(self, series: SumSeries, window: Window) -> Value:
        """What the events of the window add up to; 0 without any."""
        sum_row = self._streams[series.stream].sum_row(series)
        since, until = (
            self._row(layout.OP_EDGE_SUM, edge, sum_row, stream=series.stream, width=2)
            for edge in self._window_edges(series.stream, window)
        )
        difference = self._row(layout.OP_DIFFERENCE, since, until)
        return self._observed_value(difference, series.stream, window)

    def count(self, stream: int, window: Window) -> Value:
        """How many events the window holds."""
        row = self._row(layout.OP_COUNT, *self._window_edges(stream, window), stream=stream)
        return self._observed_value(row, stream, window)

    def per_second(self, total: Value, stream: int, window: Window) -> Value:
        """A total of the window per observed second."""
        rate = self._row(layout.OP_PER_SECOND, total.row, self._observed(stream, window))
        return Value(rate, total.covers, total.streams)

    def first(self, series: StepSeries, window: Window) -> Value:
        """The value of the first event in the window."""
        return self._event_value(layout.OP_FIRST, series, window)

    def last(self, series: StepSeries, window: Window) -> Value:
        """The value of the last event in the window."""
        return self._event_value(layout.OP_LAST, series, window)

    def largest(self, series: StepSeries, window: Window) -> Value:
        """The largest value among the events in the window."""
        return self._extreme(series, window, 1.0)

    def smallest(self, series: StepSeries, window: Window) -> Value:
        """The smallest value among the events in the window."""
        return self._extreme(series, window, -1.0)

    # --- measures of now ----------------------------------------------------------------------------------------------

    def newest(self, series: StepSeries) -> Value:
        """The value of the newest event, whenever it was."""
        row = self._streams[series.stream].value_row(series)
        newest = self._row(layout.OP_NEWEST, series.stream, NOTHING, row, stream=series.stream)
        return Value(newest, frozenset(), frozenset((series.stream,)))

    def newest_observed(self, series: StepSeries) -> Value:
        """The value of the newest event where the stream is observed now (cover 1, else 0)."""
        running = self._row(layout.OP_RUNNING, stream=series.stream)
        newest = self.newest(series)
        return Value(newest.row, frozenset((running,)), newest.streams)

    # --- arithmetic; a zero denominator gives no value ----------------------------------------------------------------

    def quotient(self, numerator: Value, denominator: Value) -> Value:
        """numerator / denominator."""
        return self._combined(layout.OP_QUOTIENT, numerator, denominator)

    def ratio(self, current: Value, baseline: Value) -> Value:
        """current / baseline; exactly 1 where they differ by rounding only."""
        return self._combined(layout.OP_RATIO, current, baseline)

    def change_pct(self, current: Value, baseline: Value) -> Value:
        """100·(current − baseline) / baseline; exactly 0 where they differ by rounding only."""
        return self._combined(layout.OP_CHANGE_PCT, current, baseline)

    def decline_pct(self, current: Value, peak: Value) -> Value:
        """100·(peak − current) / peak; exactly 0 where they differ by rounding only."""
        return self._combined(layout.OP_DECLINE_PCT, current, peak)

    def imbalance(self, signed: Value, whole: Value) -> Value:
        """signed / whole, kept within −1..1."""
        return self._combined(layout.OP_IMBALANCE, signed, whole)

    def divided(self, value: Value, by: float) -> Value:
        """value / constant."""
        return Value(self._row(layout.OP_DIVIDED, value.row, constant=by), value.covers, value.streams)

    def multiplied(self, value: Value, by: float) -> Value:
        """value · constant."""
        return Value(self._row(layout.OP_MULTIPLIED, value.row, constant=by), value.covers, value.streams)

    # --- the end ------------------------------------------------------------------------------------------------------

    def output(self, value: Value, min_coverage: float, max_staleness: float) -> None:
        """The next indicator: the value where every window is covered and every stream fresh enough, else NaN."""
        admitted = NOTHING
        for cover in sorted(value.covers):
            admitted = self._row(layout.OP_ADMIT_COVER, admitted, cover, constant=min_coverage)
        for stream in sorted(value.streams):
            age = self._row(layout.OP_AGE, stream, stream=stream)
            admitted = self._row(layout.OP_ADMIT_AGE, admitted, age, constant=float(microseconds(max_staleness)))
        self._emit(layout.OP_OUTPUT, self._outputs, value.row, admitted)
        for number, cover in enumerate(sorted(value.covers)):
            self._emit(layout.OP_OUTPUT_COVER, self._outputs, cover, number)
        self._outputs += 1

    def build(self) -> Plan:
        """The tables."""
        return Plan(
            (self._streams[TRADES].tables(), self._streams[BOOKS].tables()),
            _table(list(self._edges), 2),
            tuple(self._deques),
            _table(self._program, 7),
            np.array(self._constants, np.float64),
            max(1, self._rows),
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _window_edges(self, stream: int, window: Window) -> tuple[int, int]:
        since = self._edges.setdefault((stream, window.since), len(self._edges))
        until = self._edges.setdefault((stream, window.until), len(self._edges))
        return since, until

    def _step_window(self, series: StepSeries, window: Window) -> tuple[int, int, frozenset[int]]:
        """Rows of ∫ value d(time) and of the time with a value (µs) over the window, and its cover."""
        stream = series.stream
        value, held = self._streams[stream].step_rows(series)
        since, until = self._window_edges(stream, window)
        integral = self._row(layout.OP_STEP, since, until, value, held, stream=stream, width=2)
        time_held = integral + 1
        return integral, time_held, frozenset((self._cover(time_held, window),))

    def _observed(self, stream: int, window: Window) -> int:
        return self._row(layout.OP_OBSERVED, *self._window_edges(stream, window), stream=stream)

    def _observed_value(self, row: int, stream: int, window: Window) -> Value:
        cover = self._cover(self._observed(stream, window), window)
        return Value(row, frozenset((cover,)), frozenset((stream,)))

    def _event_value(self, op: int, series: StepSeries, window: Window) -> Value:
        row = self._streams[series.stream].value_row(series)
        value = self._row(op, *self._window_edges(series.stream, window), row, stream=series.stream)
        return self._observed_value(value, series.stream, window)

    def _extreme(self, series: StepSeries, window: Window, sign: float) -> Value:
        row = self._streams[series.stream].value_row(series)
        since, until = self._window_edges(series.stream, window)
        key = ("extreme", row, since, until, series.stream, sign)
        if key not in self._known:
            self._known[key] = self._rows
            operands = (since, until, row, len(self._deques), series.stream)
            self._emit(layout.OP_EXTREME, self._rows, *operands, constant=sign)
            self._deques.append(DequeSpecification(series.stream, since, until))
            self._rows += 1
        return self._observed_value(self._known[key], series.stream, window)

    def _combined(self, op: int, a: Value, b: Value) -> Value:
        return Value(self._row(op, a.row, b.row), a.covers | b.covers, a.streams | b.streams)

    def _cover(self, row: int, window: Window) -> int:
        return self._row(layout.OP_COVER, row, constant=float(window.length))

    def _row(self, op: int, *operands: int, stream: int = TRADES, constant: float = 0.0, width: int = 1) -> int:
        """The scratch row of an instruction: a known one, or `width` new ones."""
        key = (op, operands, stream, constant)
        if key not in self._known:
            self._known[key] = self._rows
            padding = (0,) * (4 - len(operands))
            self._emit(op, self._rows, *operands, *padding, stream, constant=constant)
            self._rows += width
        return self._known[key]

    def _emit(self, op: int, out: int, *operands: int, constant: float = 0.0) -> None:
        self._program.append((op, out, *operands, *(0,) * (5 - len(operands))))
        self._constants.append(constant)


def _table(rows: Iterable[tuple[int, ...]], width: int) -> Int64:
    return np.array(list(rows), np.int64).reshape(-1, width)
