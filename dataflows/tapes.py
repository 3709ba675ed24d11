"""What a recorded session's tape holds, before anything is replayed: streams, counts, period."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from connectors.questdb.database import Database
from connectors.questdb.sessions import SessionStore
from operators.errors import TapeflowError, UsageError
from operators.session import SessionRecord, Status

TAPE_MODES = frozenset({"collect", "import", "generate", "paper", "live"})


class UnknownSession(UsageError):
    """No session of that id; names the nearest ones."""


class EmptyTape(TapeflowError):
    """There is nothing to replay in what was chosen."""


@dataclass(frozen=True, slots=True)
class SymbolTape:
    """What a session holds of one symbol; `streams` are those that were observed or have rows."""

    symbol: str
    trades: int
    books: int
    streams: frozenset[str]


@dataclass(frozen=True, slots=True)
class TapeSummary:
    """A session's tape: `(from_ts, to_ts]` in µs and its symbols by name."""

    session: SessionRecord
    from_ts: int
    to_ts: int
    symbols: tuple[SymbolTape, ...]


def find_session(database: Database, session_id: str) -> SessionRecord:
    """The newest version of a session; an unknown id is refused with the nearest known ones."""
    store = SessionStore(database)
    record = store.latest(session_id)
    if record is None:
        known = [session.session_id for session in store.newest()]
        near = difflib.get_close_matches(session_id, known, n=3, cutoff=0.4)
        hint = f"; the nearest are {', '.join(near)}" if near else "; `tapeflow sessions list` shows what there is"
        raise UnknownSession(f"there is no session {session_id!r}{hint}")
    return record


def summarise_tape(database: Database, session_id: str) -> TapeSummary:
    """The tape of a finished session that has one; anything else is refused with the reason."""
    record = find_session(database, session_id)
    if record.mode not in TAPE_MODES:
        raise UsageError(
            f"{session_id} is a {record.mode} session and has no tape; its source is {record.source_session_id}"
        )
    if record.status is not Status.STOPPED:
        why = f": {record.error}" if record.error else ""
        raise UsageError(
            f"session {session_id} is {record.status}{why}; only the tape of a STOPPED session can be used"
        )
    if record.tape_from is None or record.tape_to is None:
        raise EmptyTape(f"the tape of {session_id} is empty")
    streams: dict[str, set[str]] = {}
    counts: dict[str, list[int]] = {}
    period = "session_id = %s AND timestamp > %s::timestamp AND timestamp <= %s::timestamp"
    parameters = (session_id, record.tape_from, record.tape_to)
    for index, (table, stream, late) in enumerate(
        (("tick_prices", "trades", " AND NOT late"), ("tick_orderbook", "books", ""))
    ):
        for symbol, count in database.query(
            f"SELECT symbol, count() FROM {table} WHERE {period}{late} GROUP BY symbol",  # noqa: S608
            parameters,
        ):
            counts.setdefault(symbol, [0, 0])[index] = count
            streams.setdefault(symbol, set()).add(stream)
    for symbol, payload in database.query(
        f"SELECT symbol, payload FROM tape_events WHERE {period} AND kind = 'observed_on'",  # noqa: S608
        parameters,
    ):
        stream = "books" if '"books"' in payload else "trades"
        streams.setdefault(symbol, set()).add(stream)
        counts.setdefault(symbol, [0, 0])
    symbols = tuple(
        SymbolTape(symbol, trades, books, frozenset(streams[symbol]))
        for symbol, (trades, books) in sorted(counts.items())
    )
    if not any(symbol.trades or symbol.books for symbol in symbols):
        raise EmptyTape(f"the tape of {session_id} is empty")
    return TapeSummary(record, record.tape_from, record.tape_to, symbols)
