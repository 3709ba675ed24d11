"""What the references share: windows of a view, means over time, and when a value may be shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from operators.indicators.registry import CATALOGUE
from tests.reference.tape import NAN, Trade, View

Parameters = Mapping[str, float | str]
Reference = Callable[[View, Parameters], "Answer"]

PRICE_CHANGE_THAT_IS_NONE = 1e-11


DIFFERENCES = {"VELOCITY_CASCADE", "VELOCITY_STABILIZATION_INDEX", "BOLLINGER_PERCENT_B", "ORDER_FLOW_IMBALANCE"}
"""Kinds that are made of differences, though their unit does not say so."""


def agree(kind: str, found: float, expected: float) -> bool:
    """Sums and means to 1e-9 of themselves, percent changes and differences to 1e-9 of what enters."""
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    entering = 100.0 if CATALOGUE[kind].unit.startswith("%") or kind in DIFFERENCES else 0.0
    return abs(found - expected) <= 1e-9 * (entering + abs(expected))


class Answer(NamedTuple):
    """A value before it is known whether it may be shown, the covers of its windows, the streams that must be fresh,
    and what else lowers the confidence."""

    value: float
    covers: list[float]
    streams: list[str]
    doubt: float = 1.0


class NotReached(Exception):
    """A window reaches further back than the evaluation sees."""


def us(seconds: float | str) -> int:
    """Seconds as tape time."""
    return round(float(seconds) * 1_000_000)


# --- windows, in microseconds ago -------------------------------------------------------------------------------------


def trades_in(view: View, t1: int, t2: int) -> tuple[list[Trade], float]:
    """The trades in a window and its cover."""
    if view.reaches_too_far("trades", t1, in_force=False):
        raise NotReached
    return view.trades_in(t1, t2), observed(view, t1, t2) / (t1 - t2)


def observed(view: View, t1: int, t2: int) -> int:
    """Microseconds of the window in which trades were observed."""
    return view.observed("trades", view.ref - t1, view.ref - t2)


def pieces_in(view: View, stream: str, values: list[float], t1: int, t2: int) -> tuple[list[tuple[float, int]], float]:
    """The pieces of a step function in a window and its cover."""
    if view.reaches_too_far(stream, t1, in_force=True):
        raise NotReached
    pieces = view.pieces(stream, values, t1, t2)
    return pieces, sum(held for _, held in pieces) / (t1 - t2)


def time_mean(pieces: list[tuple[float, int]]) -> float:
    """Mean over time of a step function; NaN where it never had a value."""
    held = sum(time for _, time in pieces)
    return math.fsum(value * time for value, time in pieces) / held if held else NAN


def average_price(view: View, t1: int, t2: int) -> tuple[float, float]:
    """TWPA and its cover."""
    pieces, cover = pieces_in(view, "trades", [trade.price for trade in view.trades], t1, t2)
    return time_mean(pieces), cover


# --- arithmetic -------------------------------------------------------------------------------------------------------


def over(numerator: float, denominator: float) -> float:
    """The quotient; a zero denominator gives no value."""
    return numerator / denominator if denominator != 0 else NAN


def change_pct(current: float, baseline: float) -> float:
    """The relative change in percent; what is rounding only is exactly none."""
    if abs(current - baseline) <= PRICE_CHANGE_THAT_IS_NONE * abs(baseline):
        return 0.0
    return 100 * over(current - baseline, baseline)
