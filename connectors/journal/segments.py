"""The files of a journal: records one after another, each with its length and a check sum.

A segment is `00000001.segment`, `00000002.segment`, …: eight bytes that name the format, then records. A record is
the header below and the rows as `entries.encode` has them. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from connectors.journal.errors import JournalDamaged

MAGIC: Final = b"TAPEJNL1"
_SUFFIX: Final = ".segment"
_SUM: Final = struct.Struct("<I")
_REST: Final = struct.Struct("<IIBqqq")
HEADER_BYTES: Final = _SUM.size + _REST.size


class Position(NamedTuple):
    """A place in a journal, comparable: the segment's number and the byte in it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a record says of itself. Rows beside the tape (`is_slice` False) have no times and no number: zeros."""

    length: int
    rows: int
    is_slice: bool
    first_ts: int
    last_ts: int
    last_seq: int

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return HEADER_BYTES + self.length

    def pack(self, payload: bytes | memoryview) -> bytes:
        """The header's bytes, with the check sum of itself and the payload."""
        rest = _REST.pack(self.length, self.rows, self.is_slice, self.first_ts, self.last_ts, self.last_seq)
        return _SUM.pack(zlib.crc32(payload, zlib.crc32(rest))) + rest


@dataclass(frozen=True, slots=True)
class Record:
    """A record and where it ends."""

    header: Header
    payload: bytes
    end: Position


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a segment: headers in their order, where the last valid record ends, and what was cut off there."""

    headers: list[Header]
    end: int
    torn_bytes: int


class SegmentFile:
    """A new segment that is being written: a record is in it whole or not at all."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.size = 0
        self._file = segment_path(folder, number).open("xb", buffering=0)

    def append(self, header: bytes, payload: memoryview) -> None:
        """Write a record. Raises `OSError` and leaves the file as it was."""
        try:
            for part in (header, payload) if self.size else (MAGIC, header, payload):
                left = memoryview(part)
                while left:
                    left = left[self._file.write(left) :]
        except BaseException:
            self._file.truncate(self.size)
            self._file.seek(self.size)
            raise
        self.size = self._file.tell()

    def close(self, *, sync: bool) -> None:
        """Finish the segment; with `sync` it survives a power cut from now on."""
        if sync:
            os.fsync(self._file.fileno())
        self._file.close()


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment.

    >>> segment_path(Path("journal"), 7).name
    '00000007.segment'
    """
    return folder / f"{number:08d}{_SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """The segments that are there, oldest first."""
    return sorted(int(file.stem) for file in folder.glob(f"*{_SUFFIX}") if file.stem.isdecimal())


def read_records(folder: Path, start: Position, end: int | None = None) -> Iterator[Record]:
    """The records of one segment from `start` on, to the byte `end` or to the end of the file.

    Raises `JournalDamaged` at the first that is not complete or whose check sum is wrong.
    """
    path = segment_path(folder, start.segment)
    with path.open("rb") as file:
        size = path.stat().st_size if end is None else end
        offset = _first(file, path) if start.offset < len(MAGIC) else start.offset
        file.seek(offset)
        while offset < size:
            record = _read(file, start.segment, offset)
            if record is None:
                raise JournalDamaged(
                    f"{path}: the record at byte {offset} of {size} is damaged or not complete", offset
                )
            yield record
            offset = record.end.offset


def read_headers(folder: Path, start: Position) -> Iterator[Header]:
    """The headers of the complete records of one segment, unchecked: a quick look, also while somebody writes.

    None where the file is no segment of ours.
    """
    path = segment_path(folder, start.segment)
    with path.open("rb") as file:
        size = path.stat().st_size if file.read(len(MAGIC)) == MAGIC else 0
        offset = max(start.offset, len(MAGIC))
        while offset + HEADER_BYTES <= size:
            file.seek(offset)
            header = _header(file.read(HEADER_BYTES))
            offset += header.size
            if offset > size:
                return
            yield header


def check_segment(folder: Path, start: Position) -> Found:
    """Read a segment from `start` on; a record that was never finished, at its end, is cut off."""
    path = segment_path(folder, start.segment)
    headers: list[Header] = []
    end = start.offset
    try:
        for record in read_records(folder, start):
            headers.append(record.header)
            end = record.end.offset
    except JournalDamaged as damage:
        if not _is_torn(path, damage.offset):
            raise
        torn = path.stat().st_size - damage.offset
        os.truncate(path, damage.offset)
        return Found(headers, damage.offset, torn)
    return Found(headers, end, 0)


def _is_torn(path: Path, offset: int) -> bool:
    """Whether the unreadable record at `offset` was being written when its process died, or the power failed.

    Then nothing but zeros can be behind it.
    """
    content = path.read_bytes()
    if offset < len(MAGIC):
        return MAGIC.startswith(content.rstrip(b"\0"))
    packed = content[offset : offset + HEADER_BYTES]
    rest = content[offset + _header(packed).size :] if len(packed) == HEADER_BYTES else b""
    return not any(rest)


def _first(file: IO[bytes], path: Path) -> int:
    if (found := file.read(len(MAGIC))) != MAGIC:
        raise JournalDamaged(f"{path} is no journal of this program: it begins with {found!r}", 0)
    return len(MAGIC)


def _header(packed: bytes) -> Header:
    length, rows, is_slice, first_ts, last_ts, last_seq = _REST.unpack_from(packed, _SUM.size)
    return Header(length, rows, bool(is_slice), first_ts, last_ts, last_seq)


def _read(file: IO[bytes], segment: int, offset: int) -> Record | None:
    packed = file.read(HEADER_BYTES)
    if len(packed) < HEADER_BYTES:
        return None
    header = _header(packed)
    payload = file.read(header.length)
    found = zlib.crc32(payload, zlib.crc32(memoryview(packed)[_SUM.size :]))
    if len(payload) < header.length or found != _SUM.unpack_from(packed)[0]:
        return None
    return Record(header, payload, Position(segment, offset + header.size))
