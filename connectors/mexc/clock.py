"""What time it is at the exchange, from its own answers."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

_STEP_US: Final = 1_000_000
_SLEW: Final = 50e-6
_DRIFT: Final = 100e-6
_TOLERANCE_US: Final = 2_000
_KEPT_SAMPLES: Final = 64
_KEPT_OFFSETS: Final = 65_536
_MILLISECOND_US: Final = 1_000


class LocalClock:
    """Microseconds since 1970 that never run backwards, whatever is done to the machine's clock.

    They are the wall clock at the start plus a monotonic counter. `follow_wall()`, called now and then, brings them
    back to the wall clock: small differences by at most 50 µs per second, a wall clock that is more than a second
    ahead (the machine slept, and the counter slept too) at once; it tells how far it stepped.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        # perf_counter: on Windows the monotonic clock ticks only every 15 ms
        counter_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._counter_ns = counter_ns
        self._counter_start = counter_ns()
        self._followed_us = 0
        self._base_us = wall_ns() // 1_000

    def now_us(self) -> int:
        """The time now."""
        return self._base_us + (self._counter_ns() - self._counter_start) // 1_000

    def follow_wall(self) -> int:
        """Correct towards the wall clock; returns the µs stepped forward at once (0 nearly always)."""
        counted = (self._counter_ns() - self._counter_start) // 1_000
        ahead = self._wall_ns() // 1_000 - (self._base_us + counted)
        most = int((counted - self._followed_us) * _SLEW)
        self._followed_us = counted
        if ahead > _STEP_US:
            self._base_us += ahead
            return ahead
        self._base_us += max(-most, min(most, ahead))
        return 0


class OffsetSummary(NamedTuple):
    """Measured differences exchange − local in µs: how many, their median, and the 99th percentile of their size."""

    measured: int
    median_us: float
    p99_us: float


class _Sample(NamedTuple):
    local_us: int
    offset_us: int
    half_width_us: float


class ExchangeClock:
    """Exchange time from local receive times, by ping exchanges.

    The server's time in an answer was taken between sending and receiving, so each exchange bounds the offset to an
    interval as wide as its round trip. The estimate is the middle of the narrowest recent interval, where age
    widens an interval by 100 µs per second for drift (after D. Mills, RFC 5905 §10, clock filter). Two answers in a
    row whose intervals exclude the estimate mean that a clock was set: what was known before is forgotten.

    `rate` is how fast exchange time runs against local time: 1.0, or the speed-up of a simulated exchange. All
    times in µs since 1970. Until the first answer exchange time is taken to be local time.
    """

    def __init__(self, rate: float = 1.0, local: LocalClock | None = None) -> None:
        self.rate = rate
        self._local = local if local is not None else LocalClock()
        self._origin_us = self._local.now_us()
        self._samples: deque[_Sample] = deque(maxlen=_KEPT_SAMPLES)
        self._offsets = array("q")
        self._next_offset = 0
        self._offset_us = 0
        self._contradictions = 0
        self.local_us: Callable[[], int] = self._local.now_us
        """The local receive clock (never runs backwards)."""

    @property
    def offset_us(self) -> int:
        """Exchange minus local time (for a rate other than 1: minus local time run at that rate since the start)."""
        return self._offset_us

    @property
    def synchronised(self) -> bool:
        """Whether any answer has been seen."""
        return bool(self._samples)

    @property
    def uncertainty_us(self) -> float:
        """Half the width of the interval that holds the offset; infinite before the first answer."""
        if not self._samples:
            return float("inf")
        now = self.local_us()
        return min(_aged(sample, now) for sample in self._samples)

    def now_us(self) -> int:
        """Exchange time now. It follows the estimate, so it may step back by as much as the estimate is corrected."""
        return self.exchange_us(self.local_us())

    def exchange_us(self, local_us: int) -> int:
        """Exchange time at a local time."""
        return self._reference_us(local_us) + self._offset_us

    def observe(self, sent_us: int, server_ms: int, received_us: int) -> None:
        """One ping exchange: local times of sending and receiving, and the server's time in between (ms)."""
        if received_us < sent_us:
            return
        stepped = self._local.follow_wall()
        if stepped:
            self._samples.clear()
            sent_us += stepped
            received_us += stepped
        earliest, latest = self._reference_us(sent_us), self._reference_us(received_us)
        # the server's milliseconds are cut off, so on average it was half of one later
        middle = server_ms * _MILLISECOND_US + _MILLISECOND_US // 2
        offset = middle - (earliest + latest) // 2
        half_width = (latest - earliest) / 2 + _MILLISECOND_US / 2
        self._remember(offset)
        sample = _Sample(received_us, offset, half_width)
        if self._samples and abs(offset - self._offset_us) > half_width + self._slack_us(received_us):
            self._contradictions += 1
            if self._contradictions < 2:
                # one strange answer (a late duplicate) does not move the clock; the next one decides
                return
            self._samples.clear()
        self._contradictions = 0
        self._samples.append(sample)
        self._offset_us = min(self._samples, key=lambda kept: _aged(kept, received_us)).offset_us

    def summary(self) -> OffsetSummary:
        """The measured offsets (the last 65 536) for the quality report; NaN where there are none."""
        if not self._offsets:
            return OffsetSummary(0, float("nan"), float("nan"))
        offsets = np.asarray(self._offsets, np.float64)
        return OffsetSummary(len(offsets), float(np.median(offsets)), float(np.percentile(np.abs(offsets), 99.0)))

    def _reference_us(self, local_us: int) -> int:
        if self.rate == 1.0:
            return local_us
        return self._origin_us + int((local_us - self._origin_us) * self.rate)

    def _slack_us(self, now_us: int) -> float:
        return min(_aged(sample, now_us) for sample in self._samples) + _TOLERANCE_US

    def _remember(self, offset: int) -> None:
        if len(self._offsets) < _KEPT_OFFSETS:
            self._offsets.append(offset)
        else:
            self._offsets[self._next_offset] = offset
            self._next_offset = (self._next_offset + 1) % _KEPT_OFFSETS


def _aged(sample: _Sample, now_us: int) -> float:
    return sample.half_width_us + (now_us - sample.local_us) * _DRIFT
