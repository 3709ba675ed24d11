"""The times of a file: which unit they are in, and the same in microseconds UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.files.blocks import NULL, Bool
from connectors.files.rows import read_texts
from operators.tape import Int64

EARLIEST: Final = 1_230_768_000_000_000
"""2009-01-01 in microseconds: no coin was traded before."""
LATEST: Final = 4_133_980_800_000_000
"""2101-01-01: times from here on are no times."""

PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""The units of numbers. The years 2009 to 2100 are different numbers in each, so a number tells its unit."""
UNITS: Final = (*PER_SECOND, "iso")

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ZONED: Final = pa.timestamp("ns", "UTC")
_NAIVE: Final = pa.timestamp("ns")


@dataclass(frozen=True, slots=True)
class TimeReading:
    """How a time column is read: its type, and for numbers the units in which its times may be."""

    kind: pa.DataType
    units: tuple[str, ...] = ()

    def microseconds(self, values: pa.Array) -> tuple[Int64, Bool]:
        """Times in µs and which of them are times of the years 2009 to 2100 (the others are 0).

        >>> TimeReading(pa.int64(), ("ms", "us")).microseconds(pa.array([1590681658618, 1735689600000001, 12]))[0]
        array([1590681658618000, 1735689600000001,                0])
        """
        if pa.types.is_timestamp(self.kind):
            whole = values.cast(pa.timestamp("us", self.kind.tz), safe=False).view(pa.int64()).fill_null(0)
            return _within(whole.to_numpy(zero_copy_only=False))
        if pa.types.is_integer(self.kind):
            return self._from_whole(values.fill_null(0).to_numpy(zero_copy_only=False))
        return self._from_float(values.to_numpy(zero_copy_only=False))

    def describe(self) -> str:
        """What a text must be, for messages."""
        if pa.types.is_timestamp(self.kind):
            return f"a date and time {'with' if self.kind.tz else 'without'} a time zone (ISO 8601)"
        return "a whole number" if pa.types.is_integer(self.kind) else "a number"

    def _from_whole(self, numbers: Int64) -> tuple[Int64, Bool]:
        times = np.zeros(len(numbers), np.int64)
        valid = np.zeros(len(numbers), np.bool_)
        for unit in self.units:
            per_second = PER_SECOND[unit]
            chosen = (numbers >= _scaled(EARLIEST, per_second)) & (numbers < _scaled(LATEST, per_second))
            if chosen.all():
                return _times(numbers, per_second), chosen
            if chosen.any():
                times[chosen] = _times(numbers[chosen], per_second)
                valid |= chosen
        return times, valid

    def _from_float(self, numbers: np.ndarray) -> tuple[Int64, Bool]:
        times = np.zeros(len(numbers), np.int64)
        valid = np.zeros(len(numbers), np.bool_)
        for unit in self.units:
            per_second = PER_SECOND[unit]
            chosen = (numbers >= _scaled(EARLIEST, per_second)) & (numbers < _scaled(LATEST, per_second))
            times[chosen] = np.rint(numbers[chosen] * (1_000_000 / per_second)).astype(np.int64)
            valid |= chosen
        return times, valid


def time_reading(samples: Iterable[str], units: Sequence[str], *, mixed: bool = False) -> TimeReading | None:
    """The reading that fits the first of the texts that is a time; None where none is.

    `units` are the allowed ones (of `UNITS`). Numbers keep to the unit of that first time, or with `mixed` each may be
    in any of the allowed units. They are whole unless one of the texts has a fraction.

    >>> time_reading(["", "1590681658.618"], UNITS)
    TimeReading(kind=DataType(double), units=('s',))
    """
    texts = [text for text in samples if text]
    numbers = tuple(unit for unit in units if unit in PER_SECOND)
    whole = all(_WHOLE.fullmatch(text.strip()) or not _NUMBER.fullmatch(text.strip()) for text in texts)
    for text in texts:
        if _NUMBER.fullmatch(text.strip()):
            for unit in numbers:
                reading = TimeReading(pa.int64() if whole else pa.float64(), (unit,))
                if _reads(reading, text):
                    return TimeReading(reading.kind, numbers) if mixed else reading
        elif "iso" in units:
            for kind in (_ZONED, _NAIVE):
                if _reads(TimeReading(kind), text):
                    return TimeReading(kind)
    return None


def optional_times(reading: TimeReading, values: pa.Array) -> tuple[Int64, Bool]:
    """As `microseconds`, but absent times are valid and `NULL`."""
    times, valid = reading.microseconds(values)
    absent = values.is_null().to_numpy(zero_copy_only=False)
    if absent.any():
        times = np.where(absent, NULL, times)
        valid = valid | absent
    return times, valid


def _reads(reading: TimeReading, text: str) -> bool:
    values, unreadable = read_texts([text], reading.kind)
    return not unreadable[0] and bool(reading.microseconds(values)[1][0])


def _within(times: Int64) -> tuple[Int64, Bool]:
    valid = (times >= EARLIEST) & (times < LATEST)
    return (times if valid.all() else np.where(valid, times, 0)), valid


def _scaled(us: int, per_second: int) -> int:
    return us * per_second // 1_000_000


def _times(numbers: Int64, per_second: int) -> Int64:
    if per_second > 1_000_000:
        return numbers // (per_second // 1_000_000)
    return numbers * (1_000_000 // per_second) if per_second < 1_000_000 else numbers
