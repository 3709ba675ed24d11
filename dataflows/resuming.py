"""Going on with a collection that was interrupted: where its tape ends, and what its streams had seen by then."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from connectors.journal.drainer import Drainer
from connectors.journal.journal import Journal
from connectors.mexc.feed_settings import Interrupted
from connectors.mexc.observation import OpenGap
from connectors.mexc.source import LiveState
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageUnavailable
from connectors.questdb.server import locate_database
from dataflows.last_signs import plain
from dataflows.remembered import RECENT_US, Remembered
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import CollectPlan
from dataflows.totals import read_totals, stored_totals
from operators.slices import CutterState
from operators.tape import BOOKS_STREAM, TRADES_STREAM

RESTART: Final = "restart of the collector"
POWER_CUT: Final = "a power cut took it from the journal"
STOPPED: Final = "the session was stopped"
_DRAIN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
_TAPE_TABLES: Final = ("tick_prices", "tick_orderbook", "tape_events", "funding_rates", "mark_prices")


class Resumption:
    """What a session brings along. Everything of a session that starts for the first time is empty.

    Reads the database, after the drainer has brought it up to date; where it is away, the journal and the snapshot
    say where the tape ends and what was observed.
    """

    def __init__(self, plan: CollectPlan, folder: SessionFolder, journal: Journal, drainer: Drainer) -> None:
        self._plan = plan
        self._journal = journal
        self._drainer = drainer
        self.totals = read_totals(folder)
        """Counts of the session so far. The gaps are without those that the session goes on with."""
        self._database: Database | None = None

    def position(self, snapshot: LiveState | None) -> LiveState | None:
        """Where to go on: after the largest (ts, seq) of snapshot, journal and tables. None = from the beginning."""
        self._database = self._current_database()
        known = snapshot
        if self._journal.last_seq is not None and self._journal.last_ts is not None:
            watermark, next_seq = self._journal.last_ts, self._journal.last_seq + 1
            if known is None:
                known = LiveState(watermark, watermark, -1, CutterState(0, watermark, ()))
            if self._database is None:
                known = self._with_journalled(known)
            known = _advanced(known, watermark, next_seq)
        if self._database is None:
            return known
        stored = self._stored(self._database, None if known is None else known.watermark)
        if stored is None:
            return known
        known = _advanced(known, *stored) if known else LiveState(stored[0], *stored, CutterState(0, stored[0], ()))
        written = stored_totals(self._database, self._plan.session_id)
        # gaps are written when they open, the other counts once a minute
        self.totals = msgspec.structs.replace(self.totals.at_least(written), gaps=written.gaps)
        return self._with_totals(self._database, known)

    def interrupted(self, position: LiveState) -> Interrupted:
        """What the streams had seen when the session was interrupted at `position`."""
        database, began, rate = self._database, position.tape_from, self._plan.clock_rate
        if database is None:
            known = Remembered.journalled(self._journal.entries_after(-1), began, rate)
            self._assume(known, position)
        else:
            known = Remembered.stored(database, self._plan.session_id, position.watermark, began, rate)
        gaps = []
        for (symbol, stream), ended_at in known.observed.until.items():
            if (symbol, stream) in known.lasting:
                gaps.append(known.lasting[symbol, stream])
            else:
                at, cause = (position.watermark, RESTART) if ended_at is None else (ended_at, STOPPED)
                gaps.append(OpenGap(symbol, stream, known.signs.since(symbol, stream, at), cause))
        self.totals = msgspec.structs.replace(self.totals, gaps=max(self.totals.gaps - len(known.lasting), 0))
        holes = [
            OpenGap(symbol, stream, start, POWER_CUT, end)
            for start, end in self._journal.holes
            for symbol, stream in known.observed.until
        ]
        return Interrupted(
            gaps, known.trades, known.known_from, known.trades_from_us, known.gaps, holes, known.observed.removed
        )

    def _assume(self, known: Remembered, position: LiveState) -> None:
        """What the journal says nothing of, because the database had it already, counts as observed until the
        interruption: both streams of each symbol of which the snapshot or the journal know anything."""
        heard = {*position.cutter.active, *known.trades} - known.observed.removed
        for symbol in self._plan.symbols:
            if symbol in heard:
                for stream in (TRADES_STREAM, BOOKS_STREAM):
                    known.observed.until.setdefault((symbol, stream), None)

    def _current_database(self) -> Database | None:
        """The database with everything that the journal held in view; None where it is away."""
        until = time.monotonic() + _DRAIN_SECONDS
        while not self._drainer.flush(_LOOK_SECONDS):
            # every second of waiting is one that is not recorded
            if self._drainer.status.unavailable_since_us is not None or time.monotonic() > until:
                return None
        try:
            database = locate_database(Path(self._plan.home), self._plan.database)
            database.wait_applied(*_TAPE_TABLES, "data_gaps", "collection_counters", "connection_health")
        except StorageUnavailable:
            return None
        return database

    def _stored(self, database: Database, since: int | None) -> tuple[int, int] | None:
        """The largest ts and the next seq of the tape's tables."""
        found: list[tuple[int, int]] = []
        for table in _TAPE_TABLES:
            late = " AND NOT late" if table == "tick_prices" else ""
            # what is known leaves only the newest rows to look at
            recent = "" if since is None else " AND timestamp > %s::timestamp"
            parameters = (self._plan.session_id,) if since is None else (self._plan.session_id, since - RECENT_US)
            rows = database.query(
                f"SELECT max(timestamp)::long, max(seq) FROM {table} WHERE session_id = %s{recent}{late}",  # noqa: S608
                parameters,
            )
            if rows and rows[0][0] is not None:
                found.append((rows[0][0], rows[0][1] + 1))
        return (max(ts for ts, _ in found), max(seq for _, seq in found)) if found else None

    def _with_journalled(self, known: LiveState) -> LiveState:
        """The state with what the journal holds behind it counted: all of it, where the outage is younger than the
        oldest segment."""
        tape_from, trades, books, late = known.tape_from, known.trades, known.books, known.late
        for entry in self._journal.entries_after(known.next_seq - 1):
            tape_from = min(tape_from, entry.first_ts)
            is_late = np.asarray(plain(entry.tables.get("tick_prices", {}).get("late", ())), np.bool_)
            late += int(is_late.sum())
            trades += int((~is_late).sum())
            books += len(entry.tables.get("tick_orderbook", {}).get("timestamp", ()))
        return replace(known, tape_from=tape_from, trades=trades, books=books, late=late)

    def _with_totals(self, database: Database, known: LiveState) -> LiveState:
        session = (self._plan.session_id,)
        trades, late = database.query(
            "SELECT sum(CASE WHEN late THEN 0 ELSE 1 END), sum(CASE WHEN late THEN 1 ELSE 0 END) "
            "FROM tick_prices WHERE session_id = %s",
            session,
        )[0]
        books = database.query("SELECT count() FROM tick_orderbook WHERE session_id = %s", session)[0][0]
        first = database.query(
            "SELECT min(timestamp)::long FROM tape_events WHERE session_id = %s AND kind = 'contract'", session
        )[0][0]
        tape_from = known.tape_from if first is None else min(known.tape_from, first - 1)
        return LiveState(tape_from, known.watermark, known.next_seq, known.cutter, trades or 0, books or 0, late or 0)


def _advanced(known: LiveState, watermark: int, next_seq: int) -> LiveState:
    """The state moved on to what was written after it."""
    watermark, next_seq = max(known.watermark, watermark), max(known.next_seq, next_seq)
    cutter = CutterState(known.cutter.no + 1, watermark, known.cutter.active)
    return LiveState(known.tape_from, watermark, next_seq, cutter, known.trades, known.books, known.late)
