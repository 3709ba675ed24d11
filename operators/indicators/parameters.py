"""Parameters of indicators: what is accepted, and how a value is written in a canonical id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operators.indicators.errors import IndicatorProblem
from operators.tape import MICROSECONDS

Parameters = Mapping[str, float]
"""The values of all parameters of one kind by name."""

LONGEST_WINDOW_SECONDS: Final = 86_400.0
LONGEST_STALENESS_SECONDS: Final = 2_592_000.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number with its range, both ends included. `unit` is "s" for seconds of tape time, "" for a plain number."""

    name: str
    default: float
    minimum: float
    maximum: float
    unit: str
    meaning: str

    @property
    def type(self) -> str:
        """The type in words."""
        return "seconds" if self.unit == "s" else "number"

    @property
    def range(self) -> str:
        """The range in words.

        >>> seconds_ago("t1", 300).range
        '0 to 86400 s'
        """
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
        if self.minimum <= value <= self.maximum:
            return value + 0.0
        return IndicatorProblem(f"{self.name}={text.strip()}", f"{self.name} from {self.range}")


def seconds_ago(name: str, default: float, minimum: float = 0.0, maximum: float = LONGEST_WINDOW_SECONDS) -> Parameter:
    """An edge of a window: so many seconds before the reference time."""
    return Parameter(name, default, minimum, maximum, "s", "seconds before the reference time")


def duration(name: str, default: float, minimum: float = 0.0, maximum: float = LONGEST_WINDOW_SECONDS) -> Parameter:
    """How long a window is."""
    return Parameter(name, default, minimum, maximum, "s", "length of the window")


MIN_COVERAGE: Final = Parameter(
    "min_coverage", 0.95, 0.0, 1.0, "", "least observed share of each window; under it there is no value"
)
MAX_STALENESS: Final = Parameter(
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


def microseconds(seconds: float) -> int:
    """Seconds as tape time."""
    return round(seconds * MICROSECONDS)
