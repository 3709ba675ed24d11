"""A curve in a few lines of braille characters: two columns and four rows of dots in each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dataflows.indicator_pages.axes import Axis
from operators.tape import Float64

_BLANK: Final = 0x2800
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot: two columns, four rows from the top."""


def braille(values: Float64, axis: Axis, width: int, height: int) -> list[str]:
    """`height` lines of `width` characters, the first at the top. NaN leaves a gap; jumps are joined.

    >>> from dataflows.indicator_pages.axes import Axis
    >>> braille(np.array([0.0, 1.0, 2.0, 3.0]), Axis(0.0, 3.0, (), 0), 2, 1)
    ['⡠⠊']
    """
    columns, rows = 2 * width, 4 * height
    dots = np.zeros((rows, columns), bool)
    at = np.linspace(0, len(values) - 1, columns).round().astype(int)
    before: int | None = None
    for column, value in enumerate(values[at].tolist()):
        if np.isnan(value):
            before = None
            continue
        row = round((1.0 - axis.share(value)) * (rows - 1))
        row = min(max(row, 0), rows - 1)
        low, high = (row, row) if before is None or before == row else _joining(before, row)
        dots[low : high + 1, column] = True
        before = row
    return [
        "".join(_character(dots[4 * line : 4 * line + 4, 2 * place : 2 * place + 2]) for place in range(width))
        for line in range(height)
    ]


def _joining(before: int, row: int) -> tuple[int, int]:
    """The dots that lead from the row of the column before to this one."""
    return (before + 1, row) if before < row else (row, before - 1)


def _character(dots: NDArray[np.bool_]) -> str:
    bits = sum(_DOTS[column][row] for column in range(2) for row in range(4) if dots[row, column])
    return chr(_BLANK + bits)
