"""The deepest fall of equity from a peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from operators.statistics.returns import EquityCurve
from operators.tape import MICROSECONDS, Float64


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall: `depth_pct` of the peak, times in µs. `recovered_at` None = the peak was not reached again.

    `seconds` lasts from the last moment at the peak to the recovery, or to the end of the tape without one.
    """

    depth_pct: float
    peak_at: int
    trough_at: int
    recovered_at: int | None
    seconds: float


def drawdown_pct(equity: Float64) -> Float64:
    """How far below its peak so far equity is at each point, in percent of the peak `[n]` (0 = at the peak).

    NaN where there has been no positive equity.

    >>> drawdown_pct(np.array([10000.0, 12000.0, 6000.0])).tolist()
    [0.0, 0.0, 50.0]
    """
    peak = np.maximum.accumulate(equity)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(peak > 0, (peak - equity) / peak * 100.0, np.nan)


def max_drawdown(curve: EquityCurve) -> Drawdown | None:
    """The deepest fall of the curve, the first one of equal depth; None under two points.

    A curve that never falls has a drawdown of depth 0 and duration 0 at its start.
    """
    depths = drawdown_pct(curve.equity)
    if len(curve) < 2 or np.all(np.isnan(depths)):
        return None
    trough = int(np.nanargmax(depths))
    depth = float(depths[trough])
    if depth <= 0.0:
        return Drawdown(0.0, curve.tape_from, curve.tape_from, curve.tape_from, 0.0)
    height = np.max(curve.equity[: trough + 1])
    peak = int(np.nonzero(curve.equity[: trough + 1] == height)[0][-1])
    later = np.nonzero(curve.equity[trough:] >= height)[0]
    recovered_at = int(curve.ts[trough + later[0]]) if len(later) else None
    end = recovered_at if recovered_at is not None else max(curve.tape_to, int(curve.ts[-1]))
    peak_at = int(curve.ts[peak])
    return Drawdown(depth, peak_at, int(curve.ts[trough]), recovered_at, (end - peak_at) / MICROSECONDS)
