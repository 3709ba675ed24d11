"""What can go wrong with a journal. None of it loses what has been journalled."""

from __future__ import annotations

from operators.errors import TapeflowError


class JournalError(TapeflowError):
    """The root of everything that a journal refuses."""


class JournalFull(JournalError):
    """No more fits: the bound is reached or the disk is full. What was journalled before is kept."""


class JournalInUse(JournalError):
    """Another process, or another part of this one, has the journal open."""

    retryable = True


class JournalDamaged(JournalError):
    """A record that was complete once cannot be read any more, or a file is no journal of this program.

    `offset` is the byte of the segment at which reading failed.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class RowsNotStorable(JournalError):
    """Values that no table could take were to be journalled; nothing of the entry was written."""
