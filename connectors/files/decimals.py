"""How many decimals numbers have, as their shortest text would show."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from operators.tape import Float64

_CHECKED: Final = 15
"""Up to here k / 10**d is the double nearest to the decimal k·10**-d, so one division tells."""


def most_decimals(values: Float64, at_least: int = 0) -> int:
    """The most decimals of any of the (finite) values, or `at_least` where that is more.

    Trailing zeros do not count, scientific notation is no obstacle: 8.1e-06 has 7 decimals.

    >>> most_decimals(np.array([335.0, 1.36e-06, 8.1e-06]))
    8
    """
    rest = values
    for decimals in range(at_least, _CHECKED + 1):
        rest = rest[~_fits(rest, decimals)]
        if not len(rest):
            return decimals
    return max([at_least, *(_decimals(value) for value in np.unique(rest).tolist())])


def _fits(values: Float64, decimals: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    scale = 10.0**decimals
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.rint(values * scale) / scale == values
    return result


def _decimals(value: float) -> int:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
