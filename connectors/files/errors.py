"""What can be wrong with a file that somebody wants imported."""

from __future__ import annotations

from operators.errors import TapeflowError, UsageError


class FileError(TapeflowError):
    """The root of everything that a file's content or container refuses."""


class UnreadableFile(FileError):
    """A file that is missing, cut off or damaged."""


class NothingUsable(FileError):
    """Files without a single row that can be imported."""


class BackwardStep(FileError):
    """Time goes back further than a tape allows."""


class UnknownFormat(UsageError):
    """A file in none of the known formats, or a format nobody has heard of."""


class MissingColumns(UsageError):
    """A table without a column that its format needs; names what was found and what is needed."""


class SymbolNeeded(UsageError):
    """Neither the file nor its name tells which market it is about."""


class MixedSymbols(UsageError):
    """Several markets under one name."""
