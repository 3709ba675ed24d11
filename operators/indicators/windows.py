"""Windows of tape time before the reference time, and the rules that a window keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from operators.indicators.errors import IndicatorProblem
from operators.indicators.parameters import Parameters, canonical_number, microseconds

Rule = Callable[[Parameters], IndicatorProblem | None]
"""What several parameters of a kind must keep together; None = kept."""


@dataclass(frozen=True, slots=True)
class Window:
    """(ref − since, ref − until] in microseconds ago, since > until >= 0."""

    since: int
    until: int

    @classmethod
    def ago(cls, since: float, until: float = 0.0) -> Window:
        """The window of seconds ago.

        >>> Window.ago(300, 60).length
        240000000
        """
        return cls(microseconds(since), microseconds(until))

    @classmethod
    def baseline(cls, t3: float, d: float) -> Window:
        """The window (t3, t3 − d)."""
        return cls(microseconds(t3), microseconds(t3) - microseconds(d))

    def earlier(self, seconds: float) -> Window:
        """The same window so many seconds ago."""
        return Window(self.since + microseconds(seconds), self.until + microseconds(seconds))

    @property
    def length(self) -> int:
        """Microseconds from its start to its end."""
        return self.since - self.until

    @property
    def centre(self) -> float:
        """Seconds from its middle to the reference time."""
        return (self.since + self.until) / 2e6


def window_rule(since: str, until: str | None = None) -> Rule:
    """The window (since, until) has a length: since > until (or > 0)."""

    def check(parameters: Parameters) -> IndicatorProblem | None:
        start = parameters[since]
        end = parameters[until] if until is not None else 0.0
        if microseconds(start) > microseconds(end):
            return None
        if until is None:
            return IndicatorProblem(f"{since}={canonical_number(start)}", f"{since} > 0")
        found = f"{since}={canonical_number(start)} with {until}={canonical_number(end)}"
        return IndicatorProblem(found, f"{since} > {until} (seconds ago: {since} is the older edge)")

    return check


def baseline_rule(t1: str = "t1", t3: str = "t3", d: str = "d") -> Rule:
    """The baseline (t3, t3 − d) has a length and ends where the current window (t1, 0) starts, or before."""

    def check(parameters: Parameters) -> IndicatorProblem | None:
        current, start, length = parameters[t1], parameters[t3], parameters[d]
        if microseconds(length) == 0:
            return IndicatorProblem(f"{d}={canonical_number(length)}", f"{d} > 0")
        if microseconds(start) - microseconds(length) >= microseconds(current):
            return None
        found = ", ".join(f"{name}={canonical_number(parameters[name])}" for name in (t1, t3, d))
        return IndicatorProblem(found, f"{t3} − {d} >= {t1} (the baseline ends before the current window starts)")

    return check
