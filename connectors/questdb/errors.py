"""What can go wrong with the database, and whether waiting helps."""

from __future__ import annotations

from operators.errors import TapeflowError, UsageError


class StorageError(TapeflowError):
    """The root of everything that QuestDB or the way to it refuses."""


class StorageUnavailable(StorageError):
    """The database cannot be reached or cannot write (no server, disk full, a suspended table); it may come back."""

    retryable = True


class StorageRejected(StorageError):
    """The database understood and said no: bad SQL, an unknown table or column, a value of the wrong type."""


class AccessRefused(StorageRejected):
    """It refuses the user or the password: the wrong ones, or another server has taken the port meanwhile."""


class TableSuspended(StorageUnavailable):
    """A table takes no more rows until somebody has removed the cause and resumed it."""

    retryable = False


class SchemaTooNew(StorageError):
    """The database was made by a newer program than this one."""


class ServerNotStarted(StorageUnavailable):
    """The managed server does not run and cannot be started; the message says what stands in the way."""

    retryable = False


class JavaMissing(ServerNotStarted):
    """There is no Java to run the server with."""


class JarUnavailable(ServerNotStarted):
    """The server's jar cannot be fetched, read or trusted."""


class PortTaken(ServerNotStarted):
    """A port that was asked for belongs to somebody else."""


class DiskTooFull(ServerNotStarted):
    """Too little space is left to start a database on."""


class BadConfiguration(UsageError):
    """The configuration string of an external database cannot be meant."""
