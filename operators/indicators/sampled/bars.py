"""Bars of one length: `[k·bar, (k + 1)·bar)` of tape time, and what is measured over closed ones.

A bar is closed at the first instant at or after its end. A bar without trades carries the close on; there is none
before the first trade, at whose price the first bar opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.indicators.kernels.bars import (
    exponential_average,
    held_values,
    moments,
    observed_share,
    relative_strength,
    return_deviation,
)
from operators.indicators.kernels.layout import RING_TS, TRADE_PRICE
from operators.indicators.plan import BarMeasure
from operators.indicators.ring import Ring
from operators.tape import Float64, Int64

_STATE = 4


@dataclass(frozen=True, slots=True)
class BarSnapshot:
    """Bars up to `last_end`: the newest closes (the first of them the price before), and of each measure what it goes
    on from and its newest value."""

    first_ts: int
    last_end: int
    closes: Float64
    states: tuple[Float64, ...]


class BarSeries:
    """The closed bars of one length of one symbol, and the measures over them."""

    __slots__ = ("_bar_us", "_closes", "_first_ts", "_last_end", "_measures", "_needed", "_states", "_values")

    def __init__(self, bar_us: int, measures: Sequence[BarMeasure]) -> None:
        self._bar_us = bar_us
        self._measures = tuple(measures)
        self._needed = max(_closes_needed(each) for each in self._measures)
        self._states = tuple(np.zeros(_STATE) for _ in self._measures)
        self._values: list[Float64] = [np.empty(0) for _ in self._measures]
        # the price at which the first kept bar began, then the close of each
        self._closes: Float64 = np.empty(0)
        self._first_ts = 0
        self._last_end = 0

    def follow(self, trades: Ring, breaks: Int64, until: int) -> None:
        """Close the bars that end at or before `until`; all trades before then are in the ring."""
        if not len(self._closes) and not self._begin(trades):
            return
        if self._last_end + self._bar_us > until:
            return
        ends = np.arange(self._last_end + self._bar_us, until + 1, self._bar_us, dtype=np.int64)
        slots = np.searchsorted(trades.times[RING_TS, : trades.end], ends, side="left") - 1
        kept = min(self._needed, len(self._closes) - 1)
        self._closes = np.concatenate((self._closes[-1 - kept :], trades.data[TRADE_PRICE, slots]))
        for number, measure in enumerate(self._measures):
            new = self._measured(measure, self._states[number], ends, kept, breaks)
            self._values[number] = np.concatenate((self._values[number][-1:], new))
        self._last_end = int(ends[-1])

    def fill(self, number: int, ts: Int64, out: Float64) -> None:
        """Measure `number` at each of these times, which do not go back behind the last `follow`."""
        measure = self._measures[number]
        if measure.measure == "volatility":
            return_deviation(self._closes, self._last_end, self._bar_us, measure.over, ts, out)
        else:
            nothing = 0.0 if measure.measure == "cover" else np.nan
            held_values(self._values[number], self._last_end, self._bar_us, nothing, ts, out)

    def snapshot(self) -> BarSnapshot:
        """What is kept over a restart."""
        kept = min(self._needed, max(len(self._closes) - 1, 0))
        closes = self._closes[-1 - kept :].copy() if len(self._closes) else self._closes.copy()
        states = tuple(
            np.concatenate((state, values[-1:])) for state, values in zip(self._states, self._values, strict=True)
        )
        return BarSnapshot(self._first_ts, self._last_end, closes, states)

    def restore(self, snapshot: BarSnapshot) -> None:
        """Go on from a snapshot."""
        self._first_ts, self._last_end = snapshot.first_ts, snapshot.last_end
        self._closes = snapshot.closes.copy()
        self._states = tuple(state[:_STATE].copy() for state in snapshot.states)
        self._values = [state[_STATE:].copy() for state in snapshot.states]

    def _begin(self, trades: Ring) -> bool:
        """The bar of the first trade begins, if there is one."""
        first = 1 if np.isnan(trades.data[TRADE_PRICE, 0]) else 0
        if first >= trades.end:
            return False
        self._first_ts = int(trades.times[RING_TS, first])
        self._closes = trades.data[TRADE_PRICE, first : first + 1].copy()
        self._last_end = self._first_ts // self._bar_us * self._bar_us
        return True

    def _measured(self, measure: BarMeasure, state: Float64, ends: Int64, kept: int, breaks: Int64) -> Float64:
        """A measure at the ends of the new bars; none where it is a matter of each instant."""
        if measure.measure == "volatility":
            return np.empty(0)
        closes, out = self._closes[1 + kept :], np.empty(len(ends))
        if measure.measure == "ema":
            exponential_average(closes, measure.over, state, out)
        elif measure.measure == "rsi":
            relative_strength(closes, measure.over, state, out)
        elif measure.measure == "sma":
            moments(self._closes[1:], kept, measure.over, out, np.empty(len(ends)))
        elif measure.measure == "deviation":
            moments(self._closes[1:], kept, measure.over, np.empty(len(ends)), out)
        elif measure.measure == "cover":
            observed_share(breaks, self._first_ts, measure.over * self._bar_us, ends, out)
        return out


def _closes_needed(measure: BarMeasure) -> int:
    """How many closes from before the new bars a measure reads again."""
    if measure.measure == "volatility":
        return measure.over // measure.bar_us + 2
    return measure.over if measure.measure in ("sma", "deviation") else 0
