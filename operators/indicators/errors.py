"""What can be wrong with an indicator's name, its parameters or its stored state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operators.errors import TapeflowError, UsageError


@dataclass(frozen=True, slots=True)
class IndicatorProblem:
    """One thing to change in the text of an indicator."""

    found: str
    allowed: str

    def __str__(self) -> str:
        asks = self.allowed.startswith("did you mean")
        return f"found {self.found}; {'' if asks else 'allowed: '}{self.allowed}"


class InvalidIndicator(UsageError):
    """An indicator that cannot be meant; `problems` has everything that is wrong with its text."""

    def __init__(self, text: str, problems: Sequence[IndicatorProblem]) -> None:
        self.text = text
        self.problems = tuple(problems)
        super().__init__(f"indicator {text!r}: " + " | ".join(map(str, problems)))


class SnapshotMismatch(TapeflowError):
    """A stored state that belongs to other indicators, other settings or another version of the program."""


class WarmUpIncomplete(TapeflowError):
    """After a restart the tape went on before the stretch that the rings need had been sent again."""
