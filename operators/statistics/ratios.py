"""Return compared with risk. A ratio that cannot be computed is None, never 0."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from operators.tape import Float64

_ROUNDING: Final = 1e-12
"""Returns whose spread is below this share of their size are equal but for rounding."""


def sharpe(returns: Float64, periods_per_year: int) -> float | None:
    """mean(r) / std(r, ddof 1) · √periods; None under two returns or where they do not vary. No risk-free rate.

    W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994.

    >>> equity = np.array([10000.0, 10100.0, 10050.0, 10150.0])
    >>> round(sharpe(equity[1:] / equity[:-1] - 1, 365), 4)
    11.085
    """
    if len(returns) < 2:
        return None
    deviation = float(np.std(returns, ddof=1))
    if deviation <= _ROUNDING * float(np.max(np.abs(returns))):
        return None
    return float(np.mean(returns)) / deviation * math.sqrt(periods_per_year)


def sortino(returns: Float64, periods_per_year: int) -> float | None:
    """mean(r) / √(Σ min(r, 0)² / n) · √periods, n counting all returns; None under two returns or without a loss.

    F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework", 1994 (target return 0).

    >>> equity = np.array([10000.0, 10100.0, 10050.0, 10150.0])
    >>> round(sortino(equity[1:] / equity[:-1] - 1, 365), 4)
    33.4211
    """
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside == 0.0:
        return None
    return float(np.mean(returns)) / downside * math.sqrt(periods_per_year)


def calmar(growth_pct: float | None, drawdown_pct: float | None) -> float | None:
    """Annual growth over the deepest drawdown; None where growth is not known (under 30 days) or nothing was lost.

    T. W. Young, "Calmar Ratio: A Smoother Tool", Futures, 1991 (over the whole session instead of 36 months).
    """
    if growth_pct is None or not drawdown_pct:
        return None
    return growth_pct / drawdown_pct
