"""Parameters of indicators: what is accepted, and how a value is written in a canonical id."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from operators.indicators.errors import IndicatorProblem
from operators.tape import MICROSECONDS

ParameterValue = float | str
"""A number, or the canonical text of a parameter that is none."""

LONGEST_WINDOW_SECONDS: Final = 86_400.0
LONGEST_STALENESS_SECONDS: Final = 2_592_000.0
LARGEST: Final = sys.float_info.max
MOST_LEVELS: Final = 10.0

_EDGES: Final = {
    "t1": "the window begins so many seconds ago",
    "t2": "the window ends so many seconds ago",
    "t3": "the baseline begins so many seconds ago",
    "t4": "the baseline ends so many seconds ago",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its range, both ends included. `unit` is "s" for seconds of tape time, "" for a plain number."""

    name: str
    default: float
    minimum: float
    maximum: float
    unit: str
    meaning: str
    whole: bool = False

    @property
    def type(self) -> str:
        """The type in words."""
        return "seconds" if self.unit == "s" else "whole number" if self.whole else "number"

    @property
    def range(self) -> str:
        """The range in words.

        >>> seconds_ago("t1", 300).range, threshold("x", 1.0, "").range
        ('0 to 86400 s', 'any finite number')
        """
        if self.maximum == LARGEST:
            return "any finite number"
        text = f"{canonical_number(self.minimum)} to {canonical_number(self.maximum)}"
        return f"{text} s" if self.unit == "s" else text

    def read(self, text: str) -> float | IndicatorProblem:
        """The value that `text` means, or what is wrong with it.

        >>> str(seconds_ago("t1", 300).read("-5"))
        'found t1=-5; allowed: t1 from 0 to 86400 s'
        """
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if self.minimum <= value <= self.maximum and (not self.whole or value.is_integer()):
            return value + 0.0
        allowed = self.range if self.maximum == LARGEST else f"from {self.range}"
        kind = "a whole number " if self.whole else ""
        return IndicatorProblem(f"{self.name}={text.strip()}", f"{self.name} {kind}{allowed}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    name: str
    default: str
    options: tuple[str, ...]
    meaning: str
    type: str = "word"

    @property
    def range(self) -> str:
        """The words."""
        return " or ".join(self.options)

    def read(self, text: str) -> str | IndicatorProblem:
        """The word, or what is wrong with it."""
        if text.strip() in self.options:
            return text.strip()
        return IndicatorProblem(f"{self.name}={text.strip()}", f"{self.name} {self.range}")


@dataclass(frozen=True, slots=True)
class VelocityWindows:
    """Several velocities as `t1/t3/d` (s), each as PRICE_VELOCITY has them, the shortest first; between them ";"."""

    name: str
    default: str
    least: int
    most: int
    meaning: str
    type: str = "list of t1/t3/d"

    @property
    def range(self) -> str:
        """What is allowed in words."""
        longest = canonical_number(LONGEST_WINDOW_SECONDS)
        return (
            f"{self.least} to {self.most} of t1/t3/d separated by ';', 0 < t1 <= t3 − d, d > 0, all up to {longest} s, "
            "distances between the windows' centres growing"
        )

    def read(self, text: str) -> str | IndicatorProblem:
        """The canonical text of the list, or what is wrong with it.

        >>> VelocityWindows("windows", "", 2, 8, "").read("5.0/15/5; 10/40/10")
        '5/15/5;10/40/10'
        >>> str(VelocityWindows("windows", "", 2, 8, "").read("10/40/10;5/15/5"))[:36]
        'found windows=10/40/10;5/15/5; allow'
        """
        wrong = IndicatorProblem(f"{self.name}={text.strip()}", f"{self.name} {self.range}")
        try:
            found = read_velocities(text)
        except ValueError:
            return wrong
        if not self.least <= len(found) <= self.most:
            return wrong
        distances = [t3 - d / 2 - t1 / 2 for t1, t3, d in found]
        growing = all(earlier < later for earlier, later in pairwise(distances))
        if not growing or any(not self._is_valid(*one) for one in found):
            return wrong
        return ";".join("/".join(map(canonical_number, one)) for one in found)

    def _is_valid(self, t1: float, t3: float, d: float) -> bool:
        # comparisons with NaN are false
        return microseconds(min(t1, d)) > 0 and max(t1, t3, d) <= LONGEST_WINDOW_SECONDS and t3 - d >= t1


Parameter = Number | Choice | VelocityWindows


class Parameters:
    """The values of all parameters of one kind: numbers by `[name]`, others by `text(name)`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, ParameterValue]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> float:
        """A number."""
        value = self._values[name]
        if isinstance(value, str):
            raise TypeError(f"{name} is the text {value!r}")
        return value

    def text(self, name: str) -> str:
        """A parameter that is no number."""
        return str(self._values[name])


def read_velocities(text: str) -> list[tuple[float, float, float]]:
    """The (t1, t3, d) of a list of velocities. Raises `ValueError`.

    >>> read_velocities("5/15/5;10/40/10")
    [(5.0, 15.0, 5.0), (10.0, 40.0, 10.0)]
    """
    found = []
    for part in text.split(";"):
        t1, t3, d = map(float, part.split("/"))
        if not math.isfinite(t1 + t3 + d):
            raise ValueError(part)
        found.append((t1, t3, d))
    return found


def seconds_ago(
    name: str,
    default: float,
    minimum: float = 0.0,
    maximum: float = LONGEST_WINDOW_SECONDS,
    meaning: str | None = None,
) -> Number:
    """An edge of a window: so many seconds before the reference time. The usual names need no `meaning`."""
    return Number(name, default, minimum, maximum, "s", _EDGES[name] if meaning is None else meaning)


def duration(
    name: str,
    default: float,
    minimum: float = 0.0,
    maximum: float = LONGEST_WINDOW_SECONDS,
    meaning: str = "length of the baseline",
) -> Number:
    """How long a window is."""
    return Number(name, default, minimum, maximum, "s", meaning)


def threshold(name: str, default: float, meaning: str) -> Number:
    """A number that a measure is compared with."""
    return Number(name, default, -LARGEST, LARGEST, "", meaning)


def whole_number(name: str, default: int, minimum: int, maximum: int, meaning: str) -> Number:
    """A count."""
    return Number(name, float(default), float(minimum), float(maximum), "", meaning, whole=True)


def book_levels(default: int) -> Number:
    """How many levels of each side of the book are looked at."""
    return whole_number("levels", default, 1, int(MOST_LEVELS), "best levels of each side of the book")


MIN_COVERAGE: Final = Number(
    "min_coverage", 0.95, 0.0, 1.0, "", "least observed share of each window; under it there is no value"
)
MAX_STALENESS: Final = Number(
    "max_staleness", 3600.0, 0.0, LONGEST_STALENESS_SECONDS, "s", "longest time since the last event of a stream used"
)
COMMON: Final = (MIN_COVERAGE, MAX_STALENESS)
"""What every kind computed from trades or books takes as well; in an id only where it is not the default."""


def canonical_number(value: float) -> str:
    """A number as canonical ids have it: integers without ".0", others as their shortest repr.

    >>> canonical_number(300.0), canonical_number(2.5), canonical_number(-0.0)
    ('300', '2.5', '0')
    """
    return str(int(value)) if value == int(value) else repr(float(value))


def canonical(value: ParameterValue) -> str:
    """A value as canonical ids have it."""
    return value if isinstance(value, str) else canonical_number(value)


def microseconds(seconds: float) -> int:
    """Seconds as tape time."""
    return round(seconds * MICROSECONDS)
