"""`tapeflow import`: files become the tape of a finished session."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

from connectors.files.blocks import Rejected
from connectors.files.containers import file_hash, parts_of
from connectors.files.errors import NothingUsable, SymbolNeeded
from connectors.files.format import AUTO, PartReader, ReadOptions
from connectors.files.formats import open_part
from connectors.files.tape_rows import TapeRows, TapeStep
from connectors.files.tape_writer import TapeWriter
from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from dataflows.sessions.recorded import recorded_session
from operators.contracts import ContractSpecification
from operators.errors import UsageError
from operators.session import SessionRecord, Status, session_id
from operators.tape import BOOKS_STREAM, MICROSECONDS, TRADES_STREAM

SHOWN_REJECTIONS: Final = 20
_MOST_LEADING_REJECTIONS: Final = 100_000
"""So many rows in a row that cannot be read mean that the file is something else."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import. Times are µs UTC, both ends included; `columns` maps roles to column names (format generic)."""

    files: Sequence[Path]
    format: str = AUTO
    symbol: str | None = None
    from_ts: int | None = None
    to_ts: int | None = None
    sort: bool = False
    contract_size: float = 1.0
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = AUTO

    def __post_init__(self) -> None:
        if not self.files:
            raise UsageError("name at least one file to import")
        if not (math.isfinite(self.contract_size) and self.contract_size > 0):
            raise UsageError(f"the contract size is {self.contract_size}; it must be a number above zero")
        if self.from_ts is not None and self.to_ts is not None and self.from_ts > self.to_ts:
            raise UsageError("--from lies after --to")
        if self.symbol is not None and (not self.symbol or not self.symbol.isprintable() or " " in self.symbol):
            raise SymbolNeeded(f"{self.symbol!r} is no name of a symbol: printable characters without spaces")


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is: `bytes_read` of `bytes_total` on disk, `checking` while the files are only hashed."""

    checking: bool
    bytes_read: int
    bytes_total: int
    rows: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was left out, as it is shown to people."""

    source: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did, or with `already_imported` what it had done when it ran. `rejections` are the first few."""

    session_id: str
    already_imported: bool
    format: str
    symbols: tuple[str, ...]
    tape_from: int
    tape_to: int
    trades: int
    books: int
    rejected: int
    duplicates: int
    stepped_back: int
    seconds: float
    contracts: Mapping[str, ContractSpecification]
    rejections: tuple[RejectedRow, ...] = ()

    @property
    def rows(self) -> int:
        """Trades and books on the tape."""
        return self.trades + self.books

    @property
    def rows_per_second(self) -> float:
        """Rows on the tape per second of the whole import."""
        return self.rows / self.seconds if self.seconds else math.nan


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """Files whose format and columns are known: what needs no database has been checked."""

    format: str
    readers: tuple[PartReader, ...]


def open_files(request: ImportRequest) -> OpenedFiles:
    """Recognise the files. Raises `UsageError` where one is missing or lacks something, `FileError` where one is empty
    or damaged."""
    for path in request.files:
        if not path.exists():
            raise UsageError(f"there is no file {str(path)!r}")
        if path.is_dir():
            raise UsageError(f"{str(path)!r} is a folder; name its files")
    options = ReadOptions(request.symbol, request.columns, request.time_unit)
    opened = [open_part(part, request.format, options) for path in request.files for part in parts_of(path)]
    return OpenedFiles("+".join(dict.fromkeys(name for name, _ in opened)), tuple(reader for _, reader in opened))


def import_files(
    database: Database,
    request: ImportRequest,
    on_progress: Callable[[ImportProgress], None] | None = None,
    *,
    opened: OpenedFiles | None = None,
    alone: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext(),
) -> ImportOutcome:
    """Import the files as one session, named after their content: importing the same again finds the finished session
    and writes nothing. Raises `TapeflowError`; once rows may have been written, the session is FAILED with the reason.

    `alone` makes a process wait for another one that writes the same session, whose id it is given.
    """
    started = time.monotonic()
    opened = opened or open_files(request)
    readers, format_name = opened.readers, opened.format
    progress = _Progress(on_progress, sum(path.stat().st_size for path in request.files if path.is_file()))
    hashes = [file_hash(path, progress.on_bytes) for path in request.files]
    progress.start_reading()
    tape = TapeRows(readers, symbol=request.symbol, from_ts=request.from_ts, to_ts=request.to_ts, sort=request.sort)
    head, rest = _until_first_row(tape.steps(progress.on_bytes), request)
    first_ts = int(head[-1].block.ts[0])
    name = session_id("import", _instant(first_ts), _suffix(request, hashes, format_name))
    with alone(name):
        stored = SessionStore(database).latest(name)
        if stored is not None and stored.status is Status.STOPPED:
            return _outcome_of(stored)
        facts: dict[str, Any] = {
            "files": [
                {"name": path.name, "sha256": digest} for path, digest in zip(request.files, hashes, strict=True)
            ],
            "format": format_name,
            "symbol": request.symbol,
            "columns": dict(request.columns),
            "time_unit": request.time_unit,
            "from": request.from_ts,
            "to": request.to_ts,
            "sort": request.sort,
            "contract_size": request.contract_size,
        }
        symbols = _foreseen_symbols(readers, request.symbol)
        streams = tuple(dict.fromkeys(stream for reader in readers for stream in reader.streams))
        head_ts = first_ts if request.from_ts is None else request.from_ts
        record = SessionRecord(name, "import", symbols=symbols or (), data_types=streams, config=json.dumps(facts))
        with recorded_session(database, record) as session:
            rejections: list[RejectedRow] = []
            with BulkInserter(database) as inserter:
                writer = TapeWriter(
                    name,
                    inserter.insert,
                    head_ts=head_ts,
                    contract_size=request.contract_size,
                    streams=streams,
                    symbols=symbols,
                )
                for step in chain(head, rest):
                    writer.add(step)
                    rejections += _shown(step)[: SHOWN_REJECTIONS - len(rejections)]
                    progress.rows(writer.trades + writer.books, writer.rejected)
                contracts = writer.finish()
            outcome = ImportOutcome(
                session_id=name,
                already_imported=False,
                format=format_name,
                symbols=tuple(contracts),
                tape_from=head_ts - 1,
                tape_to=writer.last_ts if request.to_ts is None else request.to_ts,
                trades=writer.trades,
                books=writer.books,
                rejected=writer.rejected,
                duplicates=tape.duplicates,
                stepped_back=tape.stepped_back,
                seconds=time.monotonic() - started,
                contracts=contracts,
                rejections=tuple(rejections),
            )
            session.update(**_final_fields(outcome, facts))
        return outcome


class _Progress:
    """Collects what the readers and the writer tell into one report."""

    def __init__(self, on_progress: Callable[[ImportProgress], None] | None, total: int) -> None:
        self._report = on_progress
        self._now = ImportProgress(True, 0, total)

    def on_bytes(self, count: int) -> None:
        self._tell(bytes_read=min(self._now.bytes_read + count, self._now.bytes_total))

    def start_reading(self) -> None:
        self._tell(checking=False, bytes_read=0)

    def rows(self, rows: int, rejected: int) -> None:
        self._tell(rows=rows, rejected=rejected)

    def _tell(self, **changes: Any) -> None:
        self._now = ImportProgress(**{**asdict(self._now), **changes})
        if self._report is not None:
            self._report(self._now)


def _until_first_row(steps: Iterator[TapeStep], request: ImportRequest) -> tuple[list[TapeStep], Iterator[TapeStep]]:
    """The steps up to the first that has a row, and the others; raises `NothingUsable` where there is none."""
    head: list[TapeStep] = []
    rejected = 0
    for step in steps:
        head.append(step)
        if len(step.block):
            return head, steps
        rejected += len(step.rejected)
        # sorted, all rejections come first
        if rejected >= _MOST_LEADING_REJECTIONS and not request.sort:
            break
    names = ", ".join(path.name for path in request.files)
    first = next((row for step in head for row in _shown(step)), None)
    if first is None:
        period = " in the period" if request.from_ts is not None or request.to_ts is not None else ""
        raise NothingUsable(f"there is no row{period} in {names}")
    stopped = rejected >= _MOST_LEADING_REJECTIONS and not request.sort
    raise NothingUsable(
        f"none of the {'first ' if stopped else ''}{rejected:,} rows of {names} can be "
        f"imported; {first.source} line {first.line}: {first.reason}"
    )


def _suffix(request: ImportRequest, hashes: Sequence[str], format_name: str) -> str:
    """8 hex digits of everything that decides what the tape will be."""
    decisive = [
        list(hashes),
        request.symbol,
        format_name,
        [sorted(request.columns.items()), request.time_unit],
        request.from_ts,
        request.to_ts,
        request.sort,
        float(request.contract_size),
    ]
    return hashlib.blake2b(json.dumps(decisive).encode(), digest_size=4).hexdigest()


def _foreseen_symbols(readers: Sequence[PartReader], symbol: str | None) -> tuple[str, ...] | None:
    if symbol is not None:
        return (symbol,)
    names: dict[str, None] = {}
    for reader in readers:
        if reader.symbols is None:
            return None
        names.update(dict.fromkeys(reader.symbols))
    return tuple(names)


def _final_fields(outcome: ImportOutcome, facts: Mapping[str, Any]) -> dict[str, Any]:
    config = {
        **facts,
        "symbols": list(outcome.symbols),
        "rows": outcome.rows,
        "rejected": outcome.rejected,
        "duplicates": outcome.duplicates,
        "stepped_back": outcome.stepped_back,
        "seconds": round(outcome.seconds, 6),
        "assumed_contracts": {symbol: contract.to_payload() for symbol, contract in outcome.contracts.items()},
    }
    found = ((TRADES_STREAM, outcome.trades), (BOOKS_STREAM, outcome.books))
    return {
        "config": json.dumps(config),
        "symbols": outcome.symbols,
        "data_types": tuple(stream for stream, rows in found if rows),
        "tape_from": outcome.tape_from,
        "tape_to": outcome.tape_to,
        "records_collected": outcome.rows,
        "prices_count": outcome.trades,
        "orderbook_count": outcome.books,
        "errors_count": outcome.rejected,
    }


def _outcome_of(record: SessionRecord) -> ImportOutcome:
    config = json.loads(record.config)
    return ImportOutcome(
        session_id=record.session_id,
        already_imported=True,
        format=config["format"],
        symbols=record.symbols,
        tape_from=record.tape_from or 0,
        tape_to=record.tape_to or 0,
        trades=record.prices_count,
        books=record.orderbook_count,
        rejected=config["rejected"],
        duplicates=config["duplicates"],
        stepped_back=config["stepped_back"],
        seconds=config["seconds"],
        contracts={
            symbol: ContractSpecification.from_payload(payload)
            for symbol, payload in config["assumed_contracts"].items()
        },
    )


def _shown(step: TapeStep) -> list[RejectedRow]:
    return [_row(step.source, entry) for entry in step.rejected[:SHOWN_REJECTIONS]]


def _row(source: str, entry: Rejected) -> RejectedRow:
    return RejectedRow(source, entry.line, entry.reason, entry.raw)


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us // MICROSECONDS, UTC)
