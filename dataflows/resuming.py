"""Going on with a collection that was interrupted: where its tape ends, and what its streams had seen by then."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from connectors.journal.drainer import Drainer
from connectors.journal.journal import Journal
from connectors.mexc.feed_settings import Interrupted
from connectors.mexc.observation import OpenGap
from connectors.mexc.records import Deal
from connectors.mexc.source import LiveState
from connectors.mexc.symbol_feed import SymbolCounters
from connectors.questdb.columns import NULL
from connectors.questdb.database import Database
from connectors.questdb.errors import StorageUnavailable
from connectors.questdb.server import locate_database
from dataflows.last_signs import LastSigns, plain
from dataflows.sessions.plan import CollectPlan
from operators.slices import CutterState
from operators.tape import BOOKS_STREAM, TRADES_STREAM

RESTART: Final = "restart of the collector"
STOPPED: Final = "the session was stopped"
_DRAIN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
_HISTORY_US: Final = 600_000_000
_TAPE_TABLES: Final = ("tick_prices", "tick_orderbook", "tape_events", "funding_rates", "mark_prices")


class Resumption:
    """What a session brings along. Everything of a session that starts for the first time is empty.

    Reads the database, after the drainer has brought it up to date; where it is away, the journal and the snapshot
    say where the tape ends, and every stream counts as interrupted.
    """

    def __init__(self, plan: CollectPlan, journal: Journal, drainer: Drainer) -> None:
        self._plan = plan
        self._journal = journal
        self._drainer = drainer
        self.counters = SymbolCounters()
        """Counts of the session so far, over all symbols."""
        self.gaps = 0
        """Gaps so far, without those that the session goes on with."""
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
        self._count(self._database)
        return self._with_totals(self._database, known)

    def interrupted(self, position: LiveState) -> Interrupted:
        """What the streams had seen when the session was interrupted at `position`."""
        database, began, rate = self._database, position.tape_from, self._plan.clock_rate
        if database is None:
            trades = self._journalled_trades()
            signs = LastSigns.journalled(self._journal.entries_after(-1), began, rate)
            gaps = [
                OpenGap(symbol, stream, signs.since(symbol, stream, position.watermark), RESTART)
                for symbol in self._plan.symbols
                for stream in (TRADES_STREAM, BOOKS_STREAM)
            ]
            return Interrupted(gaps, trades)
        events = _Events.read(database, self._plan.session_id)
        trades = self._stored_trades(database, position)
        recent = position.watermark - _HISTORY_US
        signs = LastSigns.stored(database, self._plan.session_id, recent, began, rate)
        lasting = self._lasting_gaps(database)
        gaps = []
        for (symbol, stream), ended_at in events.streams.items():
            if (symbol, stream) in lasting:
                gaps.append(lasting[symbol, stream])
            else:
                at, cause = (position.watermark, RESTART) if ended_at is None else (ended_at, STOPPED)
                gaps.append(OpenGap(symbol, stream, signs.since(symbol, stream, at), cause))
        self.gaps = max(self.gaps - len(lasting), 0)
        return Interrupted(gaps, trades)

    def _current_database(self) -> Database | None:
        """The database with everything that the journal held in view; None where it is away."""
        until = time.monotonic() + _DRAIN_SECONDS
        while not self._drainer.flush(_LOOK_SECONDS):
            # every second of waiting is one that is not recorded
            if self._drainer.status.unavailable_since_us is not None or time.monotonic() > until:
                return None
        try:
            database = locate_database(Path(self._plan.home), self._plan.database)
            database.wait_applied(*_TAPE_TABLES, "data_gaps", "collection_counters")
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
            parameters = (self._plan.session_id,) if since is None else (self._plan.session_id, since - _HISTORY_US)
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

    def _count(self, database: Database) -> None:
        names = [each.name for each in fields(SymbolCounters)]
        sums = ", ".join(f"sum({name})" for name in names)
        session = (self._plan.session_id,)
        row = database.query(f"SELECT {sums} FROM collection_counters WHERE session_id = %s", session)  # noqa: S608
        if row:
            self.counters = SymbolCounters(*(value or 0 for value in row[0]))
        self.gaps = database.query("SELECT count() FROM data_gaps WHERE session_id = %s", session)[0][0]

    def _lasting_gaps(self, database: Database) -> dict[tuple[str, str], OpenGap]:
        """Gaps that were open when the session was interrupted."""
        rows = database.query(
            "SELECT symbol, stream, timestamp::long, cause, recovered FROM data_gaps "
            "WHERE session_id = %s AND end_ts IS NULL",
            (self._plan.session_id,),
        )
        return {
            (symbol, stream): OpenGap(symbol, stream, start, cause, recovered=recovered)
            for symbol, stream, start, cause, recovered in rows
        }

    def _stored_trades(self, database: Database, position: LiveState) -> dict[str, list[Deal]]:
        rows = database.query(
            "SELECT symbol, trade_id, exchange_ts::long, price, volume, side FROM tick_prices "
            "WHERE session_id = %s AND timestamp > %s::timestamp ORDER BY timestamp, seq",
            (self._plan.session_id, position.watermark - _HISTORY_US),
        )
        trades: dict[str, list[Deal]] = {}
        for symbol, number, at, price, volume, side in rows:
            trades.setdefault(symbol, []).append(Deal(number, at // 1_000, price, volume, side))
        return trades

    def _journalled_trades(self) -> dict[str, list[Deal]]:
        """The trades that are still in the journal."""
        trades: dict[str, list[Deal]] = {}
        for entry in self._journal.entries_after(-1):
            columns = entry.tables.get("tick_prices")
            if columns is None:
                continue
            names = ("symbol", "trade_id", "exchange_ts", "price", "volume", "side")
            for symbol, number, at, price, volume, side in zip(*(plain(columns[name]) for name in names), strict=True):
                deal = Deal(None if number == NULL else number, at // 1_000, price, volume, side)
                trades.setdefault(symbol, []).append(deal)
        return trades


@dataclass(frozen=True, slots=True)
class _Events:
    """The session's tape events, folded: per (symbol, stream) when it was observed last (None: until the
    interruption), without symbols that were removed."""

    streams: dict[tuple[str, str], int | None]

    @classmethod
    def read(cls, database: Database, session_id: str) -> _Events:
        streams: dict[tuple[str, str], int | None] = {}
        for symbol, kind, payload, at in database.query(
            "SELECT symbol, kind, payload, timestamp::long FROM tape_events WHERE session_id = %s "
            "AND kind IN ('observed_on', 'observed_off', 'symbol_removed') ORDER BY timestamp, seq",
            (session_id,),
        ):
            content: dict[str, Any] = json.loads(payload)
            if kind == "symbol_removed":
                streams = {key: value for key, value in streams.items() if key[0] != symbol}
            else:
                streams[symbol, content["stream"]] = at if kind == "observed_off" else None
        return cls(streams)


def _advanced(known: LiveState, watermark: int, next_seq: int) -> LiveState:
    """The state moved on to what was written after it."""
    watermark, next_seq = max(known.watermark, watermark), max(known.next_seq, next_seq)
    cutter = CutterState(known.cutter.no + 1, watermark, known.cutter.active)
    return LiveState(known.tape_from, watermark, next_seq, cutter, known.trades, known.books, known.late)
