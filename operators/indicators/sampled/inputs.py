"""All that is sampled for the indicators of one symbol, as the input rows of their plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.indicators.plan import BarMeasure, PeakMeasure, Sampled
from operators.indicators.ring import Ring
from operators.indicators.sampled.bars import BarSeries, BarSnapshot
from operators.indicators.sampled.peaks import PeakSeries, PeakSnapshot
from operators.tape import Float64, Int64, SliceHeader


@dataclass(frozen=True, slots=True)
class SampledSnapshot:
    """What is kept over a restart, in the order of the series."""

    bars: tuple[BarSnapshot, ...] = ()
    peaks: tuple[PeakSnapshot, ...] = ()


class SampledInputs:
    """The series behind the input rows of a plan."""

    __slots__ = ("_bars", "_peaks", "_rows", "_sources")

    def __init__(self, sampled: Sequence[Sampled]) -> None:
        lengths = dict.fromkeys(each.bar_us for each in sampled if isinstance(each, BarMeasure))
        measures = {
            length: [each for each in sampled if isinstance(each, BarMeasure) and each.bar_us == length]
            for length in lengths
        }
        series = {length: BarSeries(length, measures[length]) for length in lengths}
        self._bars = tuple(series.values())
        self._peaks: tuple[PeakSeries, ...] = ()
        self._sources: list[tuple[BarSeries, int] | PeakSeries] = []
        for each in sampled:
            if isinstance(each, PeakMeasure):
                self._peaks += (PeakSeries(each),)
                self._sources.append(self._peaks[-1])
            else:
                self._sources.append((series[each.bar_us], measures[each.bar_us].index(each)))
        self._rows: Float64 = np.empty((0, 0))

    def follow(
        self, rings: tuple[Ring, ...], breaks: tuple[Int64, ...], header: SliceHeader, newest: int, max_events: int
    ) -> None:
        """Sample everything up to the end of a batch: bars up to the newest event, which may come after the slice's end
        where a batch ends between events of one ts, seconds up to its end."""
        trades, _ = rings
        for bars in self._bars:
            bars.follow(trades, breaks[0], max(header.to_ts, newest))
        for peaks in self._peaks:
            peaks.follow(rings, breaks, header, max_events)

    def rows(self, ts: Int64) -> Float64:
        """The input rows `[k, n]` at the instants of the batch."""
        if not self._sources:
            return self._rows
        rows: Float64 = np.empty((len(self._sources), len(ts)))
        for row, source in zip(rows, self._sources, strict=True):
            if isinstance(source, PeakSeries):
                source.fill(ts, row)
            else:
                bars, number = source
                bars.fill(number, ts, row)
        return rows

    def snapshot(self) -> SampledSnapshot:
        """What is kept over a restart."""
        return SampledSnapshot(
            tuple(bars.snapshot() for bars in self._bars), tuple(peaks.snapshot() for peaks in self._peaks)
        )

    def restore(self, snapshot: SampledSnapshot) -> None:
        """Go on from a snapshot of the same plan."""
        for bars, kept in zip(self._bars, snapshot.bars, strict=True):
            bars.restore(kept)
        for peaks, held in zip(self._peaks, snapshot.peaks, strict=True):
            peaks.restore(held)
