"""Measures over the best levels of each side of a book, taken when it comes."""

from __future__ import annotations

import numpy as np

from operators.indicators.kernels.layout import MEASURE_IMBALANCE_PCT
from operators.tape import Books, Float64


def measure_levels(code: int, levels: int, books: Books) -> Float64:
    """A measure of `layout` over the best `levels` of each side, one value per book.

    A book with fewer levels counts with those that it has; without a level on one side, or where the tape has fewer
    levels than asked for, there is no value.
    """
    if books.bid_px.shape[1] < levels:
        return np.full(len(books), np.nan)
    bid_px, bid_qty = books.bid_px[:, :levels], books.bid_qty[:, :levels]
    ask_px, ask_qty = books.ask_px[:, :levels], books.ask_qty[:, :levels]
    if code == MEASURE_IMBALANCE_PCT:
        bid, ask = _added(bid_qty), _added(ask_qty)
        whole = bid + ask
        share: Float64 = np.divide(bid - ask, whole, out=np.full(len(books), np.nan), where=whole > 0.0)
        return 100.0 * share
    return _added(bid_px * bid_qty) + _added(ask_px * ask_qty)


def _added(side: Float64) -> Float64:
    """Sums over the levels that are there, added from the best one on; NaN where there is none."""
    total = side[:, 0].copy()
    for level in range(1, side.shape[1]):
        total += np.where(np.isnan(side[:, level]), 0.0, side[:, level])
    return total
