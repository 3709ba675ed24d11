"""The quality of a recorded session, from what it stored: gaps, counters and the rhythm of each symbol."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.questdb.database import Database
from dataflows.sessions.present import as_it_is
from dataflows.tapes import find_session
from operators.errors import TapeflowError
from operators.quality.intervals import total, union
from operators.quality.score import Gap, Quality, quality
from operators.session import SessionRecord
from operators.tape import BOOKS_STREAM, TRADES_STREAM

_STREAMS: Final = frozenset({TRADES_STREAM, BOOKS_STREAM})


@dataclass(frozen=True, slots=True)
class SymbolQuality:
    """All that the quality report says of one symbol; counts, milliseconds, seconds. None = nothing to measure.

    `removed_at` (µs) is when the exchange took it off its list: it counts until then.
    """

    quality: Quality
    removed_at: int | None
    trades: int
    books: int
    late: int
    duplicates: int
    malformed: int
    dropped: int
    resyncs: int
    crossed: int
    contrary_sides: int
    lag_ms_p50: float | None
    lag_ms_p99: float | None
    longest_silence_seconds: float | None
    usual_silence_seconds: float | None


@dataclass(frozen=True, slots=True)
class SessionQuality:
    """The quality of a session so far and of each of its symbols, the worst first."""

    session: SessionRecord
    symbols: tuple[SymbolQuality, ...]
    clock_offset_ms_median: float | None
    clock_offset_ms_p99: float | None
    disconnects: int
    malformed: int

    @property
    def score(self) -> float | None:
        """The mean of the symbols' scores."""
        scores = [symbol.quality.score for symbol in self.symbols if symbol.quality.score is not None]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True, slots=True)
class UnhealthyCause:
    """One reason why streams were not healthy: how often, of how many symbols, and for how long, µs. `total_us` sums
    over symbols; the streams of one symbol count once."""

    cause: str
    times: int
    symbols: int
    longest_us: int
    total_us: int


def causes(symbols: Iterable[SymbolQuality]) -> list[UnhealthyCause]:
    """Why the scores of these symbols are below 100, what took most time first."""
    by_cause: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for each in symbols:
        for found in each.quality.unobserved:
            by_cause.setdefault(found.cause, {}).setdefault(each.quality.symbol, []).append((found.start, found.end))
    reasons = [
        UnhealthyCause(
            cause,
            times=sum(map(len, of_symbols.values())),
            symbols=len(of_symbols),
            longest_us=max(end - start for stretches in of_symbols.values() for start, end in stretches),
            total_us=sum(total(union(stretches)) for stretches in of_symbols.values()),
        )
        for cause, of_symbols in by_cause.items()
    ]
    return sorted(reasons, key=lambda reason: (-reason.total_us, reason.cause))


def session_quality(database: Database, session_id: str, home: Path | None = None) -> SessionQuality:
    """Measure a session that has a tape. Raises `UnknownSession`, or an error where nothing was recorded.

    How far the tape of a session that runs reaches is known in `home`.
    """
    record = find_session(database, session_id)
    if home is not None:
        record = as_it_is(record, home).record
    if record.tape_from is None or record.tape_to is None:
        raise TapeflowError(f"session {session_id} is a {record.mode} session ({record.status}) without a tape")
    period = _Period(session_id, record.tape_from, record.tape_to)
    qualities = recorded_qualities(database, record, record.symbols, (record.tape_from, record.tape_to))
    counters = _counters(database, period)
    trades, books = _trades(database, period), _books(database, period)
    silences = _silences(database, period)
    removed = _removed_at(database, period)
    symbols = []
    for symbol in record.symbols:
        count, late, lag_p50, lag_p99 = trades.get(symbol, (0, 0, None, None))
        longest, usual = silences.get(symbol, (None, None))
        symbols.append(
            SymbolQuality(
                qualities[symbol],
                removed.get(symbol),
                count,
                books.get(symbol, 0),
                late,
                *counters.get(symbol, (0, 0, 0, 0, 0, 0)),
                lag_p50,
                lag_p99,
                longest,
                usual,
            )
        )
    symbols.sort(key=lambda found: (found.quality.score is None, found.quality.score, found.quality.symbol))
    return SessionQuality(record, tuple(symbols), *_connection(database, period))


def recorded_qualities(
    database: Database, record: SessionRecord, symbols: Iterable[str], period: tuple[int, int]
) -> dict[str, Quality]:
    """The quality of each of these symbols over `period`, (from, to] in µs: gaps and scores, without looking at the
    rows of the tape."""
    streams = _STREAMS.intersection(record.data_types)
    tape = _Period(record.session_id, record.tape_from or period[0], record.tape_to or period[1])
    gaps = _gaps(database, record.session_id)
    observed = _observed_from(database, tape)
    removed = _removed_at(database, tape)
    found = {}
    for symbol in symbols:
        # a tape begins after its tape_from
        recorded = (period[0] + 1, min(period[1], removed.get(symbol, period[1])))
        found[symbol] = quality(symbol, recorded, streams, observed.get(symbol, {}), gaps.get(symbol, []))
    return found


@dataclass(frozen=True, slots=True)
class _Period:
    """The rows of a session: those it wrote in the time of its tape."""

    session_id: str
    from_ts: int
    to_ts: int

    @property
    def where(self) -> str:
        return "session_id = %s AND timestamp > %s::timestamp AND timestamp <= %s::timestamp"

    @property
    def parameters(self) -> tuple[object, ...]:
        return self.session_id, self.from_ts, self.to_ts


def _gaps(database: Database, session_id: str) -> dict[str, list[Gap]]:
    gaps: dict[str, list[Gap]] = {}
    for symbol, stream, start, end, cause, recovered, lost in database.query(
        "SELECT symbol, stream, timestamp::long, end_ts::long, cause, recovered, lost_estimate FROM data_gaps "
        "WHERE session_id = %s ORDER BY timestamp",
        (session_id,),
    ):
        gaps.setdefault(symbol, []).append(Gap(symbol, stream, start, end, cause, recovered, lost))
    return gaps


def _observed_from(database: Database, period: _Period) -> dict[str, dict[str, int]]:
    """When each stream of each symbol was observed first."""
    observed: dict[str, dict[str, int]] = {}
    for symbol, at, payload in database.query(
        f"SELECT symbol, timestamp::long, payload FROM tape_events WHERE {period.where} AND kind = 'observed_on' "  # noqa: S608
        "ORDER BY timestamp, seq",
        period.parameters,
    ):
        observed.setdefault(symbol, {}).setdefault(json.loads(payload)["stream"], at)
    return observed


def _removed_at(database: Database, period: _Period) -> dict[str, int]:
    """When symbols left the exchange, which they do once."""
    rows = database.query(
        f"SELECT symbol, min(timestamp)::long FROM tape_events WHERE {period.where} AND kind = 'symbol_removed' "  # noqa: S608
        "GROUP BY symbol",
        period.parameters,
    )
    return dict(rows)


def _counters(database: Database, period: _Period) -> dict[str, tuple[int, int, int, int, int, int]]:
    """Duplicates, malformed, dropped, resyncs, crossed books and contrary sides by symbol."""
    names = ("duplicates", "malformed", "dropped", "resyncs", "crossed", "contrary_sides")
    rows = database.query(
        f"SELECT symbol, {', '.join(f'sum({name})' for name in names)} FROM collection_counters "  # noqa: S608
        "WHERE session_id = %s GROUP BY symbol",
        (period.session_id,),
    )
    return {row[0]: tuple(value or 0 for value in row[1:]) for row in rows}  # type: ignore[misc]


def _trades(database: Database, period: _Period) -> dict[str, tuple[int, int, float | None, float | None]]:
    """Trades on the tape, late ones, and the receive lag of those on the tape (exchange time to receive time)."""
    lag = (
        "CASE WHEN late OR received_ts IS NULL THEN NULL WHEN received_ts < exchange_ts THEN 0.0 "
        "ELSE (received_ts - exchange_ts) / 1000.0 END"
    )
    rows = database.query(
        f"SELECT symbol, sum(CASE WHEN late THEN 0 ELSE 1 END), sum(CASE WHEN late THEN 1 ELSE 0 END), "  # noqa: S608
        f"approx_percentile({lag}, 0.5, 3), approx_percentile({lag}, 0.99, 3) "
        "FROM tick_prices WHERE session_id = %s GROUP BY symbol",
        (period.session_id,),
    )
    return {symbol: (on_time, late, p50, p99) for symbol, on_time, late, p50, p99 in rows}


def _books(database: Database, period: _Period) -> dict[str, int]:
    rows = database.query(
        f"SELECT symbol, count() FROM tick_orderbook WHERE {period.where} GROUP BY symbol",  # noqa: S608
        period.parameters,
    )
    return dict(rows)


def _silences(database: Database, period: _Period) -> dict[str, tuple[float | None, float | None]]:
    """The longest and the usual longest time between two trades of a symbol, seconds."""
    rows = database.query(
        "SELECT symbol, max(silence), approx_percentile(silence, 0.99, 3) FROM ("  # noqa: S608
        "SELECT symbol, (timestamp::long - lag(timestamp::long) OVER (PARTITION BY symbol ORDER BY timestamp)) / 1e6 "
        f"silence FROM tick_prices WHERE {period.where} AND NOT late) WHERE silence IS NOT NULL GROUP BY symbol",
        period.parameters,
    )
    return {symbol: (longest, usual) for symbol, longest, usual in rows}


def _connection(database: Database, period: _Period) -> tuple[float | None, float | None, int, int]:
    """Clock offset (median and 99th percentile of its size, ms), disconnects and malformed frames."""
    row = database.query(
        "SELECT approx_percentile(abs(clock_offset_ms), 0.5, 3), approx_percentile(abs(clock_offset_ms), 0.99, 3), "
        "sum(disconnects), sum(malformed) FROM connection_health WHERE session_id = %s",
        (period.session_id,),
    )
    if not row:
        return None, None, 0, 0
    median, high, disconnects, malformed = row[0]
    return median, high, disconnects or 0, malformed or 0
