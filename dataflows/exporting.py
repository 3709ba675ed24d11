"""`tapeflow export`: a session's tape as a file, read and written in pages."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from connectors.questdb.database import Database
from connectors.questdb.literals import instant, text
from dataflows.tapes import TAPE_MODES, EmptyTape, find_session
from operators.errors import TapeflowError, UsageError
from operators.session import SessionRecord, Status

TRADES_PER_PAGE: Final = 500_000
BOOKS_PER_PAGE: Final = 50_000
ENDINGS: Final = (".parquet", ".csv.gz", ".csv")

_TRADES: Final = (
    "timestamp",
    "session_id",
    "symbol",
    "seq",
    "price",
    "volume",
    "quote_volume",
    "side",
    "trade_id",
    "exchange_ts",
    "received_ts",
    "late",
)
_BOOKS: Final = ("timestamp", "session_id", "symbol", "seq", "bids", "asks", "version", "exchange_ts", "received_ts")
_TIMESTAMP: Final = pa.timestamp("us", "UTC")
_TYPES: Final = {
    "timestamp": _TIMESTAMP,
    "exchange_ts": _TIMESTAMP,
    "received_ts": _TIMESTAMP,
    "session_id": pa.utf8(),
    "symbol": pa.utf8(),
    "seq": pa.int64(),
    "side": pa.int8(),
    "trade_id": pa.int64(),
    "version": pa.int64(),
    "late": pa.bool_(),
}
_WIDTHS: Final = ((60, "1m"), (3_600, "1h"), (86_400, "1d"))
_MOST_BUCKETS: Final = 50_000


class CannotWrite(TapeflowError):
    """The file cannot be written where it was wanted."""


def check_target(target: Path, endings: Sequence[str], *, force: bool) -> None:
    """Refuse a file that cannot be meant: another format, a folder, one that exists (unless `force`)."""
    if not target.name.endswith(tuple(endings)):
        raise UsageError(f"{target.name!r} does not say which format to write; allowed: {', '.join(endings)}")
    if target.is_dir():
        raise UsageError(f"{str(target)!r} is a folder; name a file")
    if target.exists() and not force:
        raise UsageError(f"{str(target)!r} exists; --force replaces it")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {str(target.parent)!r}")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export where to; the file's ending chooses its format. No symbols = all."""

    session_id: str
    target: Path
    books: bool = False
    symbols: tuple[str, ...] = ()
    force: bool = False

    def __post_init__(self) -> None:
        check_target(self.target, ENDINGS, force=self.force)


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What was written."""

    session_id: str
    target: Path
    rows: int
    bytes: int
    seconds: float


def export_session(
    database: Database, request: ExportRequest, on_progress: Callable[[int, int], None] | None = None
) -> ExportOutcome:
    """Write a session's trades or books to a file, in tape order; a file is there whole or not at all.

    `on_progress` is told rows written and rows in all. Raises `UsageError` for a session or symbol that there is not,
    `EmptyTape` where there is nothing to write.
    """
    started = time.monotonic()
    record = find_session(database, request.session_id)
    _refuse_without_tape(record)
    table = "tick_orderbook" if request.books else "tick_prices"
    where = f"session_id = {text(record.session_id)}"
    if request.symbols:
        if unknown := sorted(set(request.symbols) - set(record.symbols)):
            raise UsageError(f"{record.session_id} has no symbol {unknown[0]!r}; it has {', '.join(record.symbols)}")
        where += f" AND symbol IN ({', '.join(text(symbol) for symbol in request.symbols)})"
    rows_per_page = BOOKS_PER_PAGE if request.books else TRADES_PER_PAGE
    pages = list(_pages(database, table, where, rows_per_page))
    total = sum(rows for _, _, rows in pages)
    if not total:
        raise EmptyTape(f"{record.session_id} has no {'books' if request.books else 'trades'} to export")
    levels = _levels(database, where) if request.books else (0, 0)
    columns = _BOOKS if request.books else _TRADES
    written = 0
    with whole_file(request.target) as partial, contextlib.ExitStack() as stack:
        write: Callable[[pa.Table], None] | None = None
        for from_ts, to_ts, _ in pages:
            page = database.export(
                f"SELECT {', '.join(columns)} FROM {table} WHERE timestamp >= {instant(from_ts)} "  # noqa: S608
                f"AND timestamp <= {instant(to_ts)} AND {where}"
            )
            rows = _plain(page.sort_by([("timestamp", "ascending"), ("seq", "ascending")]), levels)
            if write is None:
                write = stack.enter_context(_writer(request.target.name, partial, rows.schema))
            write(rows)
            written += rows.num_rows
            if on_progress is not None:
                on_progress(written, total)
    return ExportOutcome(
        record.session_id, request.target, written, request.target.stat().st_size, time.monotonic() - started
    )


def _refuse_without_tape(record: SessionRecord) -> None:
    if record.mode not in TAPE_MODES:
        raise UsageError(
            f"{record.session_id} is a {record.mode} session and has no tape; its source is {record.source_session_id}"
        )
    if record.mode in ("import", "generate") and record.status is not Status.STOPPED:
        why = f": {record.error}" if record.error else ""
        raise UsageError(f"session {record.session_id} is {record.status}{why}; its tape is not whole")


def _pages(database: Database, table: str, where: str, rows_per_page: int) -> Iterator[tuple[int, int, int]]:
    """Closed ranges of time with about `rows_per_page` rows each (a busier minute is one page), and their rows."""
    bounds = database.export(f"SELECT min(timestamp) low, max(timestamp) high FROM {table} WHERE {where}")  # noqa: S608
    if bounds["low"].null_count or not bounds.num_rows:
        return
    low, high = (int(bounds[name].cast(pa.timestamp("us")).cast(pa.int64())[0].as_py()) for name in ("low", "high"))
    width = next((name for seconds, name in _WIDTHS if (high - low) <= seconds * 1_000_000 * _MOST_BUCKETS), "1d")
    counts = database.export(
        f"SELECT timestamp, count() n FROM {table} WHERE {where} SAMPLE BY {width} ALIGN TO CALENDAR"  # noqa: S608
    )
    starts = counts["timestamp"].cast(pa.timestamp("us", counts["timestamp"].type.tz)).cast(pa.int64()).to_pylist()
    begin, rows = low, 0
    for start, count in zip(starts, counts["n"].to_pylist(), strict=True):
        if rows and rows + count > rows_per_page:
            yield begin, start - 1, rows
            begin, rows = start, 0
        rows += count
    yield begin, high, rows


def _levels(database: Database, where: str) -> tuple[int, int]:
    """The most levels of bids and asks."""
    rows = database.query(
        f"SELECT max(dim_length(bids, 2)), max(dim_length(asks, 2)) FROM tick_orderbook WHERE {where}"  # noqa: S608
    )
    return int(rows[0][0] or 0), int(rows[0][1] or 0)


def _plain(page: pa.Table, levels: tuple[int, int]) -> pa.Table:
    """The same columns in types that every reader knows; books as bid_px_1, bid_qty_1 …, absent levels null."""
    columns: dict[str, Any] = {}
    for name in page.column_names:
        if name in ("bids", "asks"):
            columns |= _flat(page[name].combine_chunks(), name[:3], levels[name == "asks"])
        else:
            column = page[name]
            if pa.types.is_dictionary(column.type):
                column = pa.chunked_array(
                    [chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type
                )
            columns[name] = column.cast(_TYPES.get(name, pa.float64()))
    return pa.table(columns)


def _flat(books: pa.Array, side: str, levels: int) -> dict[str, pa.Array]:
    sides = books.flatten()
    widths = np.diff(sides.offsets.to_numpy())
    values = np.full((len(widths), levels), np.nan)
    values[np.arange(levels) < widths[:, None]] = sides.flatten().to_numpy(zero_copy_only=False)
    columns: dict[str, pa.Array] = {}
    for level in range(levels):
        for offset, what in ((0, "px"), (1, "qty")):
            columns[f"{side}_{what}_{level + 1}"] = pa.array(values[offset::2, level], from_pandas=True)
    return columns


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path to write to; moved to `target` when all went well, removed otherwise."""
    partial = target.with_name(target.name + ".part")
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise CannotWrite(f"{str(target)!r} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _writer(name: str, file: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    if name.endswith(".parquet"):
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            yield writer.write_table
        return
    with file.open("wb") as plain, contextlib.ExitStack() as stack:
        packed = stack.enter_context(gzip.GzipFile("", "wb", 6, plain)) if name.endswith(".gz") else plain
        yield stack.enter_context(pa_csv.CSVWriter(packed, schema)).write_table
