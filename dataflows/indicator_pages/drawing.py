"""Plots as SVG: the price on top, an indicator below it, against the seconds since the onset of the example pump.

The same curve gives the same bytes: coordinates are rounded to a tenth of a pixel, so that the last digits in which
platforms differ do not show. Colours are such that they can be read on a light and on a dark background.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

import numpy as np

from dataflows.indicator_pages.axes import Axis, fitting
from dataflows.indicator_pages.example_pump import AFTER_SECONDS, BEFORE_SECONDS, Curve
from operators.indicators.kind import Kind
from operators.tape import Float64

_WIDTH: Final = 640.0
_LEFT: Final = 58.0
_RIGHT: Final = 624.0
_PRICE: Final = (24.0, 100.0)
_INDICATOR: Final = (140.0, 244.0)
"""Top and bottom of the panels."""
_HEIGHT: Final = 278.0
_TICK_SECONDS: Final = 60

_TEXT: Final = "#6e7781"
_GRID: Final = "#8c959f"
_PRICE_LINE: Final = "#768390"
_INDICATOR_LINE: Final = "#2f81f7"
_THRESHOLD: Final = "#db6d28"


def draw(
    kind: Kind,
    curve: Curve,
    threshold: float | None = None,
    *,
    title: str | None = None,
    ago: str = "seconds since the onset of the pump",
) -> str:
    """The plot of a kind as the text of an SVG file, with a threshold as a dashed line.

    `title` is told to those who point at it (without it that this is the example pump), `ago` stands below.

    On the axis of the price, the price is repeated behind the indicator.
    """
    on_price = kind.chart == "price axis"
    behind = curve.price if on_price else np.empty(0)
    everything = (curve.values, behind, np.array([] if threshold is None else [threshold]))
    prices, values = fitting(curve.price, 3), fitting(np.concatenate(everything))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" width="{_WIDTH:g}" '
        f'font-family="sans-serif" font-size="10" fill="{_TEXT}">',
        f"<title>{escape(title or f'{kind.name} on the example pump')}</title>",
        *_marks(curve),
        *_panel(prices, _PRICE, "price, quote per base"),
        *_panel(values, _INDICATOR, f"{kind.name}, {kind.unit}"),
        *_seconds(ago),
        *_line(curve.seconds, curve.price, prices, _PRICE, _PRICE_LINE, 1.2),
    ]
    if on_price:
        lines += _line(curve.seconds, curve.price, values, _INDICATOR, _PRICE_LINE, 0.6)
    if threshold is not None:
        y = _y(threshold, values, _INDICATOR)
        lines.append(f'<path d="M{_LEFT:g} {y}H{_RIGHT:g}" stroke="{_THRESHOLD}" stroke-dasharray="5 4"/>')
    lines += [*_line(curve.seconds, curve.values, values, _INDICATOR, _INDICATOR_LINE, 1.6), "</svg>"]
    return "\n".join(lines) + "\n"


def _panel(axis: Axis, place: tuple[float, float], title: str) -> Iterator[str]:
    top, bottom = place
    for tick in axis.ticks:
        y = _y(tick, axis, place)
        yield f'<path d="M{_LEFT:g} {y}H{_RIGHT:g}" stroke="{_GRID}" stroke-opacity="0.25"/>'
        yield f'<text x="{_LEFT - 6:g}" y="{y}" dy="3.5" text-anchor="end">{axis.label(tick)}</text>'
    yield f'<path d="M{_LEFT:g} {top:g}V{bottom:g}H{_RIGHT:g}" fill="none" stroke="{_GRID}" stroke-opacity="0.7"/>'
    yield f'<text x="{_LEFT:g}" y="{top - 8:g}" font-weight="bold">{escape(title)}</text>'


def _seconds(ago: str) -> Iterator[str]:
    y = _INDICATOR[1] + 14
    for tick in range(-BEFORE_SECONDS, AFTER_SECONDS + 1, _TICK_SECONDS):
        text = f"{tick}".replace("-", "−")
        yield f'<text x="{_x(tick)}" y="{y:g}" text-anchor="middle">{text}</text>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text x="{middle:g}" y="{y + 14:g}" text-anchor="middle">{escape(ago)}</text>'


def _marks(curve: Curve) -> Iterator[str]:
    """Moments as lines through both panels; the name of the first stands left of its line: the next one is near."""
    for number, (second, name) in enumerate(curve.marks):
        x = _x(second)
        both = "".join(f"M{x} {top:g}V{bottom:g}" for top, bottom in (_PRICE, _INDICATOR))
        yield f'<path d="{both}" stroke="{_GRID}" stroke-dasharray="1 3"/>'
        anchor, aside = ("end", -3) if number == 0 else ("start", 3)
        yield f'<text x="{x}" dx="{aside}" y="{_PRICE[1] + 10:g}" text-anchor="{anchor}">{escape(name)}</text>'


def _line(
    seconds: Float64, values: Float64, axis: Axis, place: tuple[float, float], colour: str, width: float
) -> Iterator[str]:
    """A curve in as many pieces as there are stretches with values."""
    known = np.concatenate(([False], ~np.isnan(values), [False]))
    changes = np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2)
    for first, end in changes.tolist():
        points = " ".join(f"{_x(seconds[at])},{_y(values[at], axis, place)}" for at in range(first, end))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def _x(seconds: float) -> str:
    share = (seconds + BEFORE_SECONDS) / (BEFORE_SECONDS + AFTER_SECONDS)
    return _pixels(_LEFT + (_RIGHT - _LEFT) * share)


def _y(value: float, axis: Axis, place: tuple[float, float]) -> str:
    top, bottom = place
    return _pixels(bottom - (bottom - top) * axis.share(value))


def _pixels(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
