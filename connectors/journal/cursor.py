"""How far a journal has been emptied: a small file that is written whole or not at all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import msgspec

from connectors.journal.segments import Position

_FILE: Final = "cursor.json"
_PATIENCE_SECONDS: Final = 1.0


class Cursor(msgspec.Struct, frozen=True):
    """Everything before `segment`, `offset` is acknowledged; the last slice there ended at `last_ts`, `last_seq`."""

    segment: int = 0
    offset: int = 0
    last_ts: int | None = None
    last_seq: int | None = None

    @property
    def position(self) -> Position:
        """The same place, comparable with others."""
        return Position(self.segment, self.offset)


def read_cursor(folder: Path) -> Cursor:
    """The stored cursor. Without a readable one (a power cut) all that is there counts as not acknowledged."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Cursor)
    except (FileNotFoundError, msgspec.DecodeError):
        return Cursor()


def write_cursor(folder: Path, cursor: Cursor) -> None:
    """Replace the stored cursor."""
    scratch = folder / f"{_FILE}.new"
    scratch.write_bytes(msgspec.json.encode(cursor))
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            scratch.replace(folder / _FILE)
            return
        except PermissionError:
            # Windows refuses while somebody reads it.
            if time.monotonic() > until:
                raise
        time.sleep(0.01)
