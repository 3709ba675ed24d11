"""The journal: what must reach the database, on disk until the database has acknowledged it."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from connectors.journal.cursor import Cursor, read_cursor, write_cursor
from connectors.journal.entries import Entry, Tables, decode, encode
from connectors.journal.errors import JournalError, JournalFull, JournalInUse
from connectors.journal.segments import (
    MAGIC,
    Header,
    Position,
    Record,
    SegmentFile,
    check_segment,
    read_records,
    segment_numbers,
    segment_path,
)
from connectors.questdb.errors import StorageUnavailable
from connectors.questdb.lock import exclusive

__all__ = ["Entry", "Journal"]

SEGMENT_BYTES: Final = 16 << 20
BOUND_BYTES: Final = 2 << 30
KEPT_DELAYS: Final = 1_000
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Journal:
    """A folder of segment files that grows at one end and is emptied at the other; one process has it open at a time.

    An entry is in the files when `append` returns: it survives the death of the process, though not always a power
    cut (`sync` forces each segment to the disk when it is finished). A record that was being written when the process
    died is dropped on opening and counted in `torn_bytes`; nobody has been told that it was there. A power cut may
    leave several segments without their ends: what is lost between two of them is a hole.

    Any thread may append and read, one (the drainer) acknowledges. Raises `JournalInUse` where somebody else has the
    folder open, `JournalDamaged` where a complete record has changed; files are never deleted for that.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        bound_bytes: int = BOUND_BYTES,
        sync: bool = False,
    ) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._bound = bound_bytes
        self._sync = sync
        self._lock = contextlib.ExitStack()
        try:
            self._lock.enter_context(exclusive(folder / "lock", timeout=0))
        except StorageUnavailable as error:
            raise JournalInUse(f"the journal {folder} is in use by another process") from error
        # Guarded by the condition: the files' valid ends, the one being written, and what waits.
        self._changed = threading.Condition()
        self._cursor = read_cursor(folder)
        self._ends: dict[int, int] = {}
        self._file: SegmentFile | None = None
        self._closed = False
        self.bytes = 0
        """Bytes of the records that are not acknowledged."""
        self.rows = 0
        """Rows in them."""
        self.acknowledged_rows = 0
        """Rows acknowledged since opening."""
        self.last_ts = self._cursor.last_ts
        """Where the last slice ever appended ended, in µs; None where there has been none."""
        self.last_seq = self._cursor.last_seq
        """The largest number given until then."""
        self.torn_bytes = 0
        """Bytes of incomplete records that opening found at the ends of segments and dropped."""
        self.holes: list[tuple[int, int]] = []
        """Stretches of the tape, from and to in µs, that opening found missing between two segments."""
        self._delays: deque[float] = deque(maxlen=KEPT_DELAYS)
        # no more than delays are kept, however long the database is away
        self._since: deque[tuple[Position, float]] = deque(maxlen=KEPT_DELAYS)
        try:
            self._find_records()
        except BaseException:
            self._lock.close()
            raise

    def append(self, entry: Entry, since: float | None = None) -> None:
        """Keep a slice. Raises `JournalFull` where the bound or the disk does not allow it, and keeps none of it.

        `since` is when its oldest row came (`time.monotonic`), now where it is left out: for `recent_delays`.
        """
        payload, rows = encode(entry.tables)
        header = Header(len(payload), rows, True, entry.first_ts, entry.last_ts, entry.last_seq)
        self._append(header, payload, since)

    def append_rows(self, tables: Tables) -> None:
        """Keep rows beside the tape, such as results: in order with the slices, but never part of `entries_after`."""
        payload, rows = encode(tables)
        if rows:
            self._append(Header(len(payload), rows, False, 0, 0, 0), payload)

    @property
    def recent_delays(self) -> tuple[float, ...]:
        """Seconds from `since` (see `append`) to the acknowledgement, of the newest records acknowledged."""
        with self._changed:
            return tuple(self._delays)

    @property
    def end(self) -> Position:
        """Behind the last record."""
        with self._changed:
            return self._end()

    def entries_after(self, seq: int, ts: int | None = None) -> Iterator[Entry]:
        """The slices that are here and numbered something above `seq` (or, given `ts`, ended behind it), in order.

        What is acknowledged may be here still or not, so a slice may be in the tables too. Slices that are
        acknowledged while this reads may be left out.
        """
        with self._changed:
            segments = dict(self._ends)
        for number, end in segments.items():
            # acknowledged and deleted meanwhile
            with contextlib.suppress(FileNotFoundError):
                for record in read_records(self.folder, Position(number, 0), end):
                    header = record.header
                    if header.is_slice and (header.last_seq > seq or (ts is not None and header.last_ts > ts)):
                        yield Entry(decode(record.payload), header.first_ts, header.last_ts, header.last_seq)

    def waiting(self, rows: int, size: int) -> list[Record]:
        """The oldest records that are not acknowledged: at least one where there is any, then up to these bounds."""
        with self._changed:
            start = self._cursor.position
            spans = [(number, end) for number, end in self._ends.items() if number >= start.segment]
        records: list[Record] = []
        for number, end in spans:
            for record in read_records(
                self.folder, Position(number, start.offset if number == start.segment else 0), end
            ):
                rows -= record.header.rows
                size -= record.header.size
                if records and (rows < 0 or size < 0):
                    return records
                records.append(record)
        return records

    def acknowledge(self, records: Sequence[Record]) -> None:
        """Drop these records: the oldest ones, in the order of `waiting`."""
        if not records:
            return
        slices = [record.header for record in records if record.header.is_slice]
        end = records[-1].end
        cursor = Cursor(
            end.segment,
            end.offset,
            slices[-1].last_ts if slices else self._cursor.last_ts,
            slices[-1].last_seq if slices else self._cursor.last_seq,
        )
        # Without a cursor, on a full disk, rows are sent again after a restart. That is harmless, and what is deleted
        # below makes room.
        with contextlib.suppress(OSError):
            write_cursor(self.folder, cursor)
        with self._changed:
            self._cursor = cursor
            rows = sum(record.header.rows for record in records)
            self.rows -= rows
            self.acknowledged_rows += rows
            self.bytes -= sum(record.header.size for record in records)
            self._delete_acknowledged()
            now = time.monotonic()
            while self._since and self._since[0][0] <= end:
                self._delays.append(now - self._since.popleft()[1])
            self._changed.notify_all()

    def wait_for_records(self, unless: Callable[[], bool]) -> None:
        """Return when something is not acknowledged, or when `unless` is true; `wake` makes it look."""
        with self._changed:
            self._changed.wait_for(lambda: self._cursor.position < self._end() or unless())

    def wait_acknowledged(self, end: Position, seconds: float, unless: Callable[[], bool]) -> bool:
        """Return whether everything before `end` is acknowledged, after at most `seconds` or when `unless` is true."""
        with self._changed:
            self._changed.wait_for(lambda: self._cursor.position >= end or unless(), seconds)
            return self._cursor.position >= end

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Close the files and let others open the journal; what is not acknowledged stays. Harmless when repeated."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._finish_segment()
            self._delete_acknowledged()
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, header: Header, payload: memoryview, since: float | None = None) -> None:
        packed = header.pack(payload)
        with self._changed:
            if self._closed:
                raise JournalError(f"the journal {self.folder} is closed")
            if self.bytes + header.size > self._bound:
                raise JournalFull(
                    f"the journal {self.folder} is full: {self.rows} rows in {self.bytes / 2**20:.0f} MiB wait for the "
                    f"database, the bound is {self._bound / 2**20:.0f} MiB"
                )
            try:
                segment = self._segment()
                segment.append(packed, payload)
            except OSError as error:
                raise _unwritable(self.folder, error) from error
            self._ends[segment.number] = segment.size
            self.bytes += header.size
            self.rows += header.rows
            if header.rows:
                self._since.append((self._end(), time.monotonic() if since is None else since))
            if header.is_slice:
                self._see(header)
            if segment.size >= self._segment_bytes:
                self._finish_segment()
            self._changed.notify_all()

    def _segment(self) -> SegmentFile:
        """The segment being written, a new one where there is none; a number is never used again."""
        if self._file is None:
            number = max(self._cursor.segment, *self._ends, *segment_numbers(self.folder), 0) + 1
            self._file = SegmentFile(self.folder, number)
        return self._file

    def _finish_segment(self) -> None:
        if self._file is not None:
            self._file.close(sync=self._sync)
            self._file = None

    def _end(self) -> Position:
        if not self._ends:
            return self._cursor.position
        newest = max(self._ends)
        return Position(newest, self._ends[newest])

    def _see(self, header: Header) -> None:
        self.last_ts = header.last_ts if self.last_ts is None else max(self.last_ts, header.last_ts)
        self.last_seq = header.last_seq if self.last_seq is None else max(self.last_seq, header.last_seq)

    def _delete_acknowledged(self) -> None:
        """Delete the segments that hold nothing else; the one being written stays."""
        done = self._cursor.position
        for number, end in list(self._ends.items()):
            empty = end <= len(MAGIC) or Position(number, end) <= done
            if empty and not (self._file and self._file.number == number):
                # Windows refuses while somebody reads it; the next opening tries again
                with contextlib.suppress(PermissionError):
                    segment_path(self.folder, number).unlink(missing_ok=True)
                del self._ends[number]

    def _find_records(self) -> None:
        until, torn = self._cursor.last_ts, False
        for number in segment_numbers(self.folder):
            start = Position(number, 0)
            if number < self._cursor.segment:
                self._ends[number] = 0
                continue
            if number == self._cursor.segment:
                start = self._cursor.position
            found = check_segment(self.folder, start)
            self._ends[number] = found.end
            for header in found.headers:
                self.rows += header.rows
                self.bytes += header.size
                if header.is_slice:
                    if torn and until is not None and header.first_ts > until:
                        self.holes.append((until, header.first_ts))
                    until, torn = header.last_ts, False
                    self._see(header)
            self.torn_bytes += found.torn_bytes
            torn |= found.torn_bytes > 0
        self._delete_acknowledged()


def _unwritable(folder: Path, error: OSError) -> JournalError:
    if error.errno in _NO_ROOM:
        return JournalFull(f"the disk of the journal {folder} is full: {error.strerror or error}")
    return JournalError(f"the journal {folder} cannot be written: {error.strerror or error}")
