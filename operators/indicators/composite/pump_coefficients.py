"""The coefficients of PUMP_PROBABILITY. A new fit is a new version; without one the kind has no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PumpCoefficients:
    """Weights of the logistic score, and the period of tape (µs) they were fitted on: what overlaps it is in-sample."""

    version: int
    fitted_from: int
    fitted_to: int
    intercept: float
    magnitude_pct: float
    volume_surge: float
    velocity: float
    frequency_surge: float
    order_flow_imbalance: float


COEFFICIENTS: Final[PumpCoefficients | None] = None
