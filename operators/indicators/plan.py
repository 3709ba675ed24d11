"""From indicators to instructions: what all of them need is computed once per symbol.

A kind describes itself with the methods of `PlanBuilder`, which return `Value`s; asking twice for the same thing gives
the same value. `Plan` holds the result as plain tables for the kernels: edges, ring rows, and instructions
(operation, out, a, b, c, d, stream) with one constant each. What an instruction means is in `kernels.evaluate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from operators.indicators.arithmetic import Arithmetic, Value
from operators.indicators.kernels import layout
from operators.indicators.kernels.layout import BOOKS, NOTHING, TRADES
from operators.indicators.parameters import microseconds
from operators.indicators.series import PRICE, RAW_ROWS, StepSeries, SumSeries
from operators.indicators.windows import Window
from operators.tape import Float64, Int64

BarMeasureName = Literal["ema", "sma", "rsi", "deviation", "cover", "volatility"]


@dataclass(frozen=True, slots=True)
class StreamTables:
    """The ring of one stream: number of `data` rows, columns to measure over levels of the book (code, levels, row) and
    to derive (code, row), step functions and sums to keep up."""

    rows: int
    measured: tuple[tuple[int, int, int], ...]
    derived: Int64
    steps: Int64
    sums: Int64


@dataclass(frozen=True, slots=True)
class ExtremeWindow:
    """An extreme: the stream it runs over and the edges of its window."""

    stream: int
    from_edge: int
    to_edge: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Tables for the kernels; `edges[e]` = (stream, offset µs), the first two are "now" of trades and of books.
    `sampled` is what is not computed from windows of the instant but sampled at times of its own."""

    streams: tuple[StreamTables, StreamTables]
    edges: Int64
    extremes: tuple[ExtremeWindow, ...]
    program: Int64
    constants: Float64
    rows: int
    sampled: tuple[Sampled, ...] = ()

    @property
    def longest_us(self) -> int:
        """How much tape before an instant is read."""
        return max(int(self.edges[:, 1].max()), *(each.reach_us for each in self.sampled), 0)


@dataclass(frozen=True, slots=True)
class BarMeasure:
    """A value over closed bars. `over` is so many bars, or for "volatility" microseconds."""

    measure: BarMeasureName
    bar_us: int
    over: int

    @property
    def reach_us(self) -> int:
        """How much tape it needs for its first value: the bars, the one before them, and the one that goes on."""
        return self.over + 2 * self.bar_us if self.measure == "volatility" else (self.over + 2) * self.bar_us


@dataclass(frozen=True, slots=True)
class PeakMeasure:
    """The largest (`sign` +1) or smallest (−1) of a value at the whole tape seconds in (ref − lookback, ref). `key`
    tells values apart within their plan: the row of it and its least cover."""

    key: tuple[int, float]
    lookback_us: int
    sign: int
    value: Plan = field(compare=False)

    @property
    def reach_us(self) -> int:
        """How much tape the oldest of the seconds reads."""
        return self.lookback_us + self.value.longest_us


Sampled: TypeAlias = BarMeasure | PeakMeasure


@dataclass(slots=True)
class _StreamRows:
    """The ring rows of one stream as they are asked for."""

    rows: int
    measured: dict[tuple[int, int], int] = field(default_factory=dict)
    derived: dict[int, int] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)

    def take(self, count: int) -> int:
        first = self.rows
        self.rows += count
        return first

    def value_row(self, series: StepSeries) -> int:
        if series.levels:
            key = (series.code, series.levels)
            if key not in self.measured:
                self.measured[key] = self.take(1)
            return self.measured[key]
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
            tuple((code, levels, row) for (code, levels), row in self.measured.items()),
            _table(list(self.derived.items()), 2),
            _table(list(self.steps.items()), 2),
            _table(list(self.sums.items()), 2),
        )


class PlanBuilder(Arithmetic):
    """What kinds describe themselves with. Every method returns the same value for the same request."""

    def __init__(self, rings_of: PlanBuilder | None = None) -> None:
        """With `rings_of`, a plan that reads the rings of another one."""
        self._streams: tuple[_StreamRows, ...] = (
            tuple(_StreamRows(raw) for raw in RAW_ROWS) if rings_of is None else rings_of._streams
        )
        self._sampled: dict[Sampled, int] = {}
        self._edges: dict[tuple[int, int], int] = {(TRADES, 0): 0, (BOOKS, 0): 1}
        self._extremes: list[ExtremeWindow] = []
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
        return Value(rate).made_of(total)

    def first(self, series: StepSeries, window: Window) -> Value:
        """The value of the first event in the window."""
        return self._event_value(layout.OP_FIRST, series, window)

    def last(self, series: StepSeries, window: Window) -> Value:
        """The value of the last event in the window."""
        return self._event_value(layout.OP_LAST, series, window)

    def mean_gap(self, stream: int, window: Window) -> Value:
        """Mean time between the events in the window (µs, at least a millisecond); no value for fewer than three."""
        row = self._row(layout.OP_MEAN_GAP, *self._window_edges(stream, window), stream=stream)
        return self._observed_value(row, stream, window)

    def largest_held(self, series: StepSeries, window: Window) -> Value:
        """The largest value of the step function over the window: the value in force at its start counts too."""
        _, _, covers = self._step_window(series, window)
        since, _ = self._window_edges(series.stream, window)
        value = self._streams[series.stream].value_row(series)
        at_start = self._row(layout.OP_NEWEST, since, NOTHING, value, stream=series.stream)
        largest = self._row(layout.OP_LARGER, self._extreme(series, window, 1.0).row, at_start)
        return Value(largest, covers, frozenset((series.stream,)))

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

    def ever_observed(self, stream: int) -> Value:
        """1 where the stream has been observed at any time up to now, else 0."""
        return Value(self._row(layout.OP_EVER, stream, stream=stream))

    def with_stream(self, stream: int, with_it: Value, without: Value, confidence: float) -> Value:
        """One value where the symbol has the stream, another, of less confidence, where it has never had it."""
        ever, one = self.ever_observed(stream), self.constant(1.0)
        added = (
            self._row(layout.OP_WHERE, ever.row, cover, one.row) for cover in sorted(with_it.covers - without.covers)
        )
        doubt = self._row(layout.OP_WHERE, ever.row, one.row, self.constant(confidence).row)
        row = self._row(layout.OP_WHERE, ever.row, with_it.row, without.row)
        optional = (with_it.streams | with_it.optional) - without.streams
        return Value(row, without.covers | set(added), without.streams, optional, without.doubts | {doubt})

    # --- measures sampled at times of their own -----------------------------------------------------------------------

    def bars(self, measure: BarMeasureName, bar_us: int, over: int, cover_bars: int) -> Value:
        """A value over closed bars of the price; it is covered as far as the last `cover_bars` bars are."""
        cover = self._sample(BarMeasure("cover", bar_us, cover_bars))
        row = self._sample(BarMeasure(measure, bar_us, over))
        return Value(row, frozenset((cover,)), frozenset((TRADES,)))

    def bar_volatility(self, bar_us: int, window: Window) -> Value:
        """Sample standard deviation of the returns of the bars that closed in (ref − length, ref], percent."""
        _, _, covers = self._step_window(PRICE, window)
        row = self._sample(BarMeasure("volatility", bar_us, window.length))
        return Value(row, covers, frozenset((TRADES,)))

    def peak(self, describe: Callable[[PlanBuilder], Value], lookback: Window, sign: int, min_coverage: float) -> Value:
        """The extreme of a value of trades over the whole tape seconds in (ref − lookback, ref) and `ref` itself;
        seconds at which it has no value are left out."""
        inner = PlanBuilder(rings_of=self)
        inner.output(describe(inner), min_coverage, None)
        value, now = inner.build(), describe(self)
        before = self._sample(PeakMeasure((now.row, min_coverage), lookback.since, sign, value))
        op = layout.OP_LARGER if sign > 0 else layout.OP_SMALLER
        reach = Window(lookback.since + value.longest_us, 0)
        cover = self._cover(self._observed(TRADES, reach), reach)
        return Value(self._row(op, before, now.row), frozenset((cover,))).made_of(now)

    # --- the end ------------------------------------------------------------------------------------------------------

    def output(self, value: Value, min_coverage: float, max_staleness: float | None) -> None:
        """The next indicator: the value where every window is covered and every stream fresh enough, else NaN. Without
        `max_staleness` a stream is never too old."""
        admitted = NOTHING
        for cover in sorted(value.covers):
            admitted = self._row(layout.OP_ADMIT_COVER, admitted, cover, constant=min_coverage)
        oldest = math.inf if max_staleness is None else float(microseconds(max_staleness))
        for stream in sorted(value.streams | value.optional):
            age = self._row(layout.OP_AGE, stream, stream=stream)
            if stream in value.optional:
                age = self._row(layout.OP_WHERE, self.ever_observed(stream).row, age, self.constant(0.0).row)
            admitted = self._row(layout.OP_ADMIT_AGE, admitted, age, constant=oldest)
        self._emit(layout.OP_OUTPUT, self._outputs, value.row, admitted)
        for number, cover in enumerate(sorted(value.covers | value.doubts)):
            self._emit(layout.OP_OUTPUT_COVER, self._outputs, cover, number)
        self._outputs += 1

    def build(self) -> Plan:
        """The tables."""
        return Plan(
            (self._streams[TRADES].tables(), self._streams[BOOKS].tables()),
            _table(list(self._edges), 2),
            tuple(self._extremes),
            _table(self._program, 7),
            np.array(self._constants, np.float64),
            max(1, self._rows),
            tuple(self._sampled),
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
            operands = (since, until, row, len(self._extremes), series.stream)
            self._emit(layout.OP_EXTREME, self._rows, *operands, constant=sign)
            self._extremes.append(ExtremeWindow(series.stream, since, until))
            self._rows += 1
        return self._observed_value(self._known[key], series.stream, window)

    def _sample(self, sampled: Sampled) -> int:
        """The scratch row of what is sampled at times of its own."""
        return self._row(layout.OP_INPUT, self._sampled.setdefault(sampled, len(self._sampled)))

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
