"""Stamping: the tape time and the number of what arrives from a live exchange.

Whatever arrives gets its `ts` when it is taken up, in the order of arrival, once and for all: what a decision saw then
is what a replay of the tape shows it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.tape import Int64

LATE_US: Final = 2_000_000
"""What is further behind the watermark than this is stored, but never emitted."""
AHEAD_US: Final = 1_000_000
"""An exchange time further ahead of the exchange's own clock than this is not believed."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """The stamps of a batch, by order of arrival.

    `ts` and `seq` `[n]`; `late[n]` marks what keeps its true time and is not emitted; `order` lists the others in tape
    order (ts, seq); `ahead` counts exchange times that were not believed.
    """

    ts: Int64
    seq: Int64
    late: NDArray[np.bool_]
    order: NDArray[np.intp]
    ahead: int


class Stamper:
    """Gives out tape times after a watermark and numbers from a counter.

    >>> stamper = Stamper(watermark=10_000_000, next_seq=7)
    >>> stamps = stamper.stamp(np.array([10_500_000, 9_000_000, 7_000_000]), exchange_now=10_600_000)
    >>> stamps.ts.tolist(), stamps.late.tolist(), stamps.order.tolist(), stamper.watermark
    ([10500000, 10000001, 7000000], [False, False, True], [1, 0], 10500000)
    """

    def __init__(self, watermark: int, next_seq: int, *, late_us: int = LATE_US, ahead_us: int = AHEAD_US) -> None:
        self.watermark = watermark
        """Everything up to here has been handed out (µs)."""
        self.next_seq = next_seq
        self._late_us = late_us
        self._ahead_us = ahead_us

    def stamp(self, exchange_ts: Int64, exchange_now: int, late: NDArray[np.bool_] | None = None) -> Stamps:
        """Stamp a batch of exchange times (µs, in order of arrival) and move the watermark to the largest stamp.

        An event less than 2 s behind the watermark gets `max(exchange time, watermark + 1)`; an older one, or one that
        `late` marks (fetched afterwards), is late; one more than 1 s ahead of `exchange_now` gets
        `max(exchange_now, watermark + 1)`. Numbers follow the tape's order; late ones come after the others.
        """
        first = self.watermark + 1
        is_late = exchange_ts <= self.watermark - self._late_us
        if late is not None:
            is_late |= late
        is_ahead = ~is_late & (exchange_ts > exchange_now + self._ahead_us)
        ts = np.maximum(np.where(is_ahead, exchange_now, exchange_ts), first)
        on_time = np.flatnonzero(~is_late)
        order = on_time[np.argsort(ts[on_time], kind="stable")]
        seq = np.empty(len(ts), np.int64)
        seq[order] = self.next_seq + np.arange(len(order))
        seq[is_late] = self.next_seq + len(order) + np.arange(len(ts) - len(order))
        self.next_seq += len(ts)
        if len(order):
            self.watermark = int(ts[order[-1]])
        return Stamps(np.where(is_late, exchange_ts, ts), seq, is_late, order, int(is_ahead.sum()))

    def advance(self, to_ts: int) -> None:
        """A heartbeat: nothing has happened up to `to_ts`; the watermark never moves back."""
        self.watermark = max(self.watermark, to_ts)
