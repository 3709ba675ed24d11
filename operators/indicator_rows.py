"""Indicator values on their way to the table `indicators`, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from operators.tape import Float64, Int64


@dataclass(frozen=True, slots=True)
class IndicatorRows:
    """Values of one symbol, in tape order; all columns have the same length.

    `seq` is `operators.evaluation.NO_SEQ` on grid instants, `which[i]` the place of row i's indicator in
    `indicator_ids`, `value[i]` NaN where there is none, `cover[i]` the observed share of its window (0..1).
    """

    TABLE: ClassVar[str] = "indicators"
    symbol: str
    indicator_ids: tuple[str, ...]
    ts: Int64
    seq: Int64
    which: NDArray[np.int32]
    value: Float64
    cover: Float64

    def __len__(self) -> int:
        return len(self.ts)
