"""The plot of a kind in a terminal: the price, the indicator below it, and the seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.text import Text

from dataflows.indicator_pages.axes import Axis, fitting
from dataflows.indicator_pages.braille import braille
from dataflows.indicator_pages.example_pump import AFTER_SECONDS, BEFORE_SECONDS, Curve
from operators.indicators.kind import Kind
from operators.tape import Float64

_WIDEST: Final = 100
_PRICE_LINES: Final = 4
_INDICATOR_LINES: Final = 6
_TICK_SECONDS: Final = 120
_LEFT: Final = 10
"""Columns for the numbers at the axes."""


def plot(kind: Kind, curve: Curve, columns: int) -> Iterator[Text]:
    """The lines of the plot, at most `columns` wide."""
    width = max(min(columns, _WIDEST) - _LEFT - 2, 10)
    yield Text("price, quote per base", "dim")
    yield from _panel(curve.price, width, _PRICE_LINES, "dim")
    yield Text(f"{kind.name}, {kind.unit}", "dim")
    yield from _panel(curve.values, width, _INDICATOR_LINES, "cyan")
    yield _seconds(width)
    yield Text(" " * _LEFT + "seconds since the onset of the pump", "dim")
    moments = ", ".join(f"{name} at {second:.0f} s" for second, name in curve.marks)
    yield Text(" " * _LEFT + moments, "dim")


def _panel(values: Float64, width: int, height: int, style: str) -> Iterator[Text]:
    """A curve with the numbers of its axis beside the lines that they belong to."""
    axis = fitting(values, 3)
    labels = {_line_of(tick, axis, height): axis.label(tick) for tick in axis.ticks}
    for number, line in enumerate(braille(values, axis, width, height)):
        label = labels.get(number, "")
        yield Text.assemble((f"{label:>{_LEFT - 1}} ", "dim"), ("┤" if label else "│", "dim"), (line, style))


def _line_of(value: float, axis: Axis, height: int) -> int:
    return min(int((1.0 - axis.share(value)) * height), height - 1)


def _seconds(width: int) -> Text:
    """The axis of time."""
    line = [" "] * (_LEFT + 1 + width)
    for tick in range(-BEFORE_SECONDS, AFTER_SECONDS + 1, _TICK_SECONDS):
        label = f"{tick}".replace("-", "−")
        at = _LEFT + 1 + round((tick + BEFORE_SECONDS) / (BEFORE_SECONDS + AFTER_SECONDS) * (width - 1))
        at = min(at - len(label) // 2, len(line) - len(label))
        line[at : at + len(label)] = label
    return Text("".join(line), "dim")
