"""A curve in one line of block characters."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.tape import Float64, Int64

BLOCKS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Float64, low: float | None = None) -> str:
    """One block per value between `low` (the smallest value if not given) and the largest; NaN is a blank.

    A curve that does not move is a line in the middle, or at the bottom where `low` is given.

    >>> sparkline(np.array([1.0, 2.0, 3.0, 8.0]))
    '▁▂▃█'
    >>> sparkline(np.array([5.0, 5.0])), sparkline(np.array([0.0, 0.0]), low=0.0)
    ('▄▄', '▁▁')
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return " " * len(values)
    bottom = float(np.min(known)) if low is None else low
    span = float(np.max(known)) - bottom
    if span <= 0:
        heights = np.full(len(values), 0 if low is not None else 3)
    else:
        heights = np.clip(np.nan_to_num((values - bottom) / span) * len(BLOCKS), 0, len(BLOCKS) - 1).astype(int)
    return "".join(
        " " if missing else BLOCKS[height] for height, missing in zip(heights, np.isnan(values), strict=True)
    )


def resample(ts: Int64, values: Float64, start: int, end: int, points: int) -> Float64:
    """The newest value at each of `points` equal steps of (start, end]; NaN before the first.

    >>> resample(np.array([0, 10]), np.array([1.0, 2.0]), 0, 20, 4).tolist()
    [1.0, 2.0, 2.0, 2.0]
    """
    edges = start + (np.arange(1, points + 1, dtype=np.float64) / points) * (end - start)
    index = np.searchsorted(ts, edges, side="right") - 1
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def deepest(ts: Int64, values: Float64, start: int, end: int, points: int) -> Float64:
    """The largest value within each of `points` equal steps of (start, end], or the newest before it."""
    result = resample(ts, values, start, end, points)
    step = np.clip(np.ceil((ts - start) / max(end - start, 1) * points).astype(np.int64) - 1, 0, points - 1)
    inside = np.full(points, -np.inf)
    np.maximum.at(inside, step, values)
    return np.where(np.isfinite(inside), np.fmax(inside, result), result)
