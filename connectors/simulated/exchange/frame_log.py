"""Frames as they were sent, on disk: to be sent again by a benchmark without an exchange behind it.

A record is its wall time since the start (µs), the connection's number and its length, each little-endian (8, 4 and 4
bytes), and then the bytes: whole WebSocket frames with their headers, as they were handed to the network.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from operators.errors import TapeflowError

MAGIC: Final = b"TAPEFLOW FRAMES 1\n"
_RECORD: Final = struct.Struct("<QII")


class NoFrameLog(TapeflowError):
    """A file that holds no frames."""


class FrameChunk(NamedTuple):
    """Frames that were sent together."""

    at_us: int
    connection: int
    data: bytes


class FrameLog:
    """Writes what connections send; an existing file is replaced."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._file.write(MAGIC)
        self._began = time.monotonic()

    def write(self, connection: int, data: bytes) -> None:
        at = round((time.monotonic() - self._began) * 1e6)
        self._file.write(_RECORD.pack(at, connection, len(data)))
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


def read_frame_log(path: Path) -> Iterator[FrameChunk]:
    """What was sent, in order; a record that was cut off at the end is left out. Raises `NoFrameLog`."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NoFrameLog(f"{path}: no frames of a simulated exchange; `exchange serve --record-frames` writes them")
        while len(head := file.read(_RECORD.size)) == _RECORD.size:
            at_us, connection, length = _RECORD.unpack(head)
            data = file.read(length)
            if len(data) == length:
                yield FrameChunk(at_us, connection, data)


def payloads(data: bytes) -> Iterator[bytes]:
    """The payloads of unmasked WebSocket frames.

    >>> list(payloads(b"\\x81\\x02{}\\x81\\x01x"))
    [b'{}', b'x']
    """
    position = 0
    while position < len(data):
        length, position = data[position + 1], position + 2
        if length >= 126:
            width = 2 if length == 126 else 8
            length = int.from_bytes(data[position : position + width], "big")
            position += width
        yield data[position : position + length]
        position += length
