"""What the simulated exchange refuses."""

from __future__ import annotations

from operators.errors import TapeflowError, UsageError


class UnknownSymbol(TapeflowError):
    """A symbol that is not listed."""


class InvalidFlow(UsageError):
    """Names, tapes or settings from which no market can be made."""


class InvalidContract(UsageError):
    """A change of a contract that no contract could have."""
