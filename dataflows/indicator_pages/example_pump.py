"""The pump that every indicator is shown on: generated from a fixed seed, so that everybody sees the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from connectors.simulated.market import GeneratedMarket
from connectors.simulated.parameters import MarketParameters
from dataflows.indicator_pages.example_position import position_values
from operators.evaluation import GRID_INSTANT, Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.kind import Kind
from operators.slices import CutterState, SliceCutter
from operators.tape import MICROSECONDS, Float64

MARKET: Final = MarketParameters(
    symbols=1, trades=6_000, hours=1.5, pumps=1, books=True, seed=51, price_low=1.0, price_high=1.0, activity_sigma=0.0
)
"""An hour of calm, so that the longest default window is full, then a rise by a third in about a minute."""

BEFORE_SECONDS: Final = 120
AFTER_SECONDS: Final = 480
"""What is shown: from so long before the onset to so long after it."""
STEP_SECONDS: Final = 2
"""Between two points of a curve."""
_STEP_US: Final = STEP_SECONDS * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Curve:
    """An indicator and the price `[n]` at `seconds` after the onset of the pump; NaN = no value. `marks` are moments
    with a name: (seconds after the onset, name)."""

    seconds: Float64
    price: Float64
    values: Float64
    marks: tuple[tuple[float, str], ...]


def curves(kinds: Sequence[Kind]) -> Mapping[str, Curve]:
    """What each kind makes of the pump with its defaults, by name; without kinds that are unavailable.

    Position values are those of a made-up position in the pump.
    """
    shown = [kind for kind in kinds if kind.unavailable is None]
    market_ids = {kind.name: parse_indicator(kind.name).id for kind in shown if not kind.on_position}
    evaluation = _evaluate(tuple(market_ids.values()))
    ts, price = evaluation.instants.ts, evaluation.last_price
    since_onset = (ts - _onset()) / MICROSECONDS
    on_grid = evaluation.instants.kind == GRID_INSTANT
    visible = on_grid & (since_onset >= -BEFORE_SECONDS) & (since_onset <= AFTER_SECONDS)
    peak = (market().pumps[0].peak - _onset()) / MICROSECONDS
    found = {}
    for kind in shown:
        if kind.on_position:
            values, marks = position_values(kind.name, since_onset, price)
        else:
            values = evaluation.values[evaluation.indicator_ids.index(market_ids[kind.name])]
            marks = ((0.0, "onset"), (peak, "peak"))
        found[kind.name] = Curve(since_onset[visible], price[visible], values[visible], marks)
    return found


@cache
def market() -> GeneratedMarket:
    """The market with the pump."""
    return GeneratedMarket(MARKET)


def _onset() -> int:
    """The onset (µs), on the grid."""
    return round(market().pumps[0].onset / _STEP_US) * _STEP_US


def _evaluate(ids: tuple[str, ...]) -> Evaluation:
    """The values at every instant of the tape."""
    rows = 100 * MARKET.trades
    [piece] = market().pieces(rows)
    start = CutterState(0, piece.page.from_ts, ())
    [[batch]] = SliceCutter(market().symbols, start, slice_rows=rows, grid_us=_STEP_US).cut(piece.page)
    return IndicatorEngine(ids, _STEP_US).on_batch(batch)
