"""How much waits in a journal, without opening it: also while its session writes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from connectors.journal.cursor import read_cursor
from connectors.journal.segments import Position, read_headers, segment_numbers


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the database has not acknowledged: rows, and bytes on the disk."""

    rows: int
    bytes: int


def glance(folder: Path) -> Waiting:
    """What waits in the journal `folder`, roughly where somebody is writing it; nothing where there is no journal."""
    done = read_cursor(folder).position
    rows = size = 0
    for number in segment_numbers(folder):
        if number < done.segment:
            continue
        start = done if number == done.segment else Position(number, 0)
        # acknowledged and deleted meanwhile
        with contextlib.suppress(FileNotFoundError):
            for header in read_headers(folder, start):
                rows += header.rows
                size += header.size
    return Waiting(rows, size)
