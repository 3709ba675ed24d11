"""Text in blocks of whole lines, with the number of each line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np

from connectors.files.errors import UnreadableFile
from operators.tape import Int64

BLOCK_BYTES: Final = 4 << 20
"""Text that is parsed at a time: some ten thousand rows."""
LONGEST_LINE: Final = 64 << 20
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NEWLINE: Final = ord("\n")


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines, each with its line end; `first_line` is the number of the first one (1-based)."""

    data: bytes
    first_line: int
    count: int

    def starts(self) -> Int64:
        """Where each line starts, and at the end the length of the data: `[count + 1]`."""
        ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == _NEWLINE) + 1
        return np.concatenate((np.zeros(1, np.int64), ends))

    def halves(self) -> tuple[LineBlock, LineBlock]:
        """The same lines in two blocks."""
        half = self.count // 2
        cut = int(self.starts()[half])
        return (
            LineBlock(self.data[:cut], self.first_line, half),
            LineBlock(self.data[cut:], self.first_line + half, self.count - half),
        )

    def lines(self) -> list[bytes]:
        """Each line without its end."""
        return [line.removesuffix(b"\r") for line in self.data.split(b"\n")[:-1]]


def line_blocks(stream: IO[bytes], label: str, skip: int = 0, block_bytes: int = BLOCK_BYTES) -> Iterator[LineBlock]:
    """The lines after the first `skip`; a byte order mark is dropped, a missing last line end is added.

    Raises `UnreadableFile` where a line is longer than `LONGEST_LINE`: that is no text.
    """
    first_line = 1
    rest = b""
    at_start = True
    while chunk := stream.read(block_bytes):
        if at_start:
            chunk = chunk.removeprefix(_BYTE_ORDER_MARK) if len(chunk) >= 3 else chunk
            at_start = False
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest += chunk
            if len(rest) > LONGEST_LINE:
                raise UnreadableFile(
                    f"{label} line {first_line} has more than {LONGEST_LINE} bytes: this is not a table"
                )
            continue
        data, rest = rest + chunk[:cut], chunk[cut:]
        data, first_line = _skipped(data, first_line, skip)
        if data:
            block = LineBlock(data, first_line, _count(data))
            first_line += block.count
            yield block
    data, first_line = _skipped(rest + b"\n" if rest else b"", first_line, skip)
    if data:
        yield LineBlock(data, first_line, _count(data))


def _skipped(data: bytes, first_line: int, skip: int) -> tuple[bytes, int]:
    while first_line <= skip and data:
        data = data[data.index(b"\n") + 1 :]
        first_line += 1
    return data, first_line


def _count(data: bytes) -> int:
    """The number of lines; several times faster than `bytes.count` where lines are short."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
