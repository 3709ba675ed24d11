"""What a worker process tells its supervisor: one small file per process, and the table of a collector's symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dataflows.sessions.folder import SessionFolder


class CollectProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a collector has come: counts of the whole session, also over restarts and resumptions. Times in µs.

    `tape_from` and `tape_ts` bound the tape recorded so far (None before its first slice). `gaps` are stretches
    without data, `dropped` what found the queue full. `journal_rows` and `journal_bytes` wait for the database, which
    takes no rows where `database_away`. Lags are from the exchange's time to ours, of the last few seconds;
    `stored_ms` is how long rows took from their arrival to the database's acknowledgement, of the newest records (upper
    bounds).
    """

    tape_from: int | None = None
    tape_ts: int | None = None
    trades: int = 0
    books: int = 0
    gaps: int = 0
    duplicates: int = 0
    late: int = 0
    malformed: int = 0
    dropped: int = 0
    reconnects: int = 0
    journal_rows: int = 0
    journal_bytes: int = 0
    database_away: bool = False
    lag_ms_p50: float | None = None
    lag_ms_p99: float | None = None
    stored_ms_p50: float | None = None
    stored_ms_p99: float | None = None


class Measures(msgspec.Struct, kw_only=True):
    """How far a session has come, in one of its processes or in all: counts of the whole session, also over restarts.

    `tape_ts` (µs) is how far the tape has been read or recorded, None where there is no source of it. Of a collector
    `collected` has more, of others it is None.
    """

    tape_ts: int | None = None
    trades: int = 0
    books: int = 0
    signals: int = 0
    orders: int = 0
    fills: int = 0
    equity: float | None = None
    collected: CollectProgress | None = None
    seconds: float = 0.0
    peak_bytes: int = 0


class WorkerReport(Measures, kw_only=True):
    """What one worker process has done; `seconds` since it was started.

    `ended` is `tape` (all of it was replayed), `complete` (a collector's time is over) or `stopped` once it is over,
    `error` the reason where it failed and `retryable` whether another try may help.
    """

    ended: str | None = None
    error: str | None = None
    retryable: bool = False


def worker_file(process: int) -> str:
    """The file a worker process reports in."""
    return f"worker-{process}.json"


def symbols_file(process: int) -> str:
    """The file a worker process keeps its table of symbols in: `symbols.json` for the first one."""
    return f"symbols-{process}.json" if process else "symbols.json"


def read_report(folder: SessionFolder, process: int) -> WorkerReport | None:
    """The last report of a worker process, None before the first."""
    content = folder.read(worker_file(process))
    return msgspec.json.decode(content, type=WorkerReport) if content else None


def read_symbols(folder: SessionFolder, processes: int = 1) -> Sequence[Mapping[str, Any]]:
    """The collector's table of symbols as it is now, of all processes; empty before the first."""
    rows: list[Mapping[str, Any]] = []
    for process in range(processes):
        if content := folder.read(symbols_file(process)):
            rows += msgspec.json.decode(content, type=list[dict[str, Any]])
    return rows
