"""What a collection has counted so far, kept in its folder so that it goes on counting after a restart."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.questdb.database import Database
from dataflows.sessions.folder import SessionFolder

_FILE: Final = "totals.json"


class Totals(msgspec.Struct, frozen=True):
    """Counts of a whole session, over all of its symbols and worker processes."""

    gaps: int = 0
    duplicates: int = 0
    malformed: int = 0
    dropped: int = 0
    reconnects: int = 0

    def at_least(self, other: Totals) -> Totals:
        """The larger of each count.

        >>> Totals(gaps=2, dropped=1).at_least(Totals(gaps=1, reconnects=3))
        Totals(gaps=2, duplicates=0, malformed=0, dropped=1, reconnects=3)
        """
        names = self.__struct_fields__
        return Totals(**{name: max(getattr(self, name), getattr(other, name)) for name in names})


def read_totals(folder: SessionFolder) -> Totals:
    """What was written last: at most a second before a process was killed. Nothing where it cannot be read."""
    try:
        return msgspec.json.decode(folder.read(_FILE) or b"{}", type=Totals)
    except msgspec.DecodeError:
        return Totals()


def write_totals(folder: SessionFolder, totals: Totals) -> None:
    """Keep them for the next process."""
    folder.write(_FILE, totals)


def stored_totals(database: Database, session_id: str) -> Totals:
    """What the tables say: what was counted until their last rows, which are written once a minute."""
    session = (session_id,)
    symbols = database.query(
        "SELECT sum(duplicates), sum(malformed), sum(dropped) FROM collection_counters WHERE session_id = %s", session
    )[0]
    malformed, disconnects = database.query(
        "SELECT sum(malformed), sum(disconnects) FROM connection_health WHERE session_id = %s", session
    )[0]
    duplicates, malformed_rows, dropped = (count or 0 for count in symbols)
    gaps = database.query("SELECT count() FROM data_gaps WHERE session_id = %s", session)[0][0]
    return Totals(gaps, duplicates, malformed_rows + (malformed or 0), dropped, disconnects or 0)
