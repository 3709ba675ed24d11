"""What is still known of a collection's streams when it goes on: from the database, or from its journal alone."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from connectors.journal.journal import Entry
from connectors.mexc.deals import MOST_REMEMBERED
from connectors.mexc.observation import OpenGap
from connectors.mexc.records import Deal
from connectors.questdb.columns import NULL
from connectors.questdb.database import Database
from dataflows.last_signs import LastSigns, plain, signs_in
from operators.tape import TRADES_STREAM

RECENT_US: Final = 600_000_000
"""How far back is looked, in exchange time. Nothing that an exchange still gives is older, where it matters."""
KEPT_TRADES: Final = MOST_REMEMBERED + 1
"""Of a symbol: one more than is remembered, so that it is known that something was forgotten."""
_SWITCHES: Final = ("observed_on", "observed_off", "symbol_removed")
_DEAL_COLUMNS: Final = ("symbol", "trade_id", "exchange_ts", "price", "volume", "side")
_GAP_COLUMNS: Final = ("symbol", "stream", "timestamp", "end_ts", "cause", "recovered")

Stream = tuple[str, str]
"""A symbol and one of its streams."""


@dataclass(slots=True)
class Observed:
    """The tape events of a session, folded: since when each stream was observed at all, and until when (None: until the
    interruption), without the symbols that were removed."""

    since: dict[Stream, int]
    until: dict[Stream, int | None]
    removed: set[str]

    @classmethod
    def folded(cls, events: Iterable[tuple[str, str, str, int]]) -> Self:
        """From (symbol, kind, payload, time) in tape order."""
        observed = cls({}, {}, set())
        for symbol, kind, payload, at in events:
            if kind == "symbol_removed":
                observed.removed.add(symbol)
                observed.until = {key: value for key, value in observed.until.items() if key[0] != symbol}
            elif kind in _SWITCHES:
                key = (symbol, str(json.loads(payload)["stream"]))
                observed.until[key] = at if kind == "observed_off" else None
                if kind == "observed_on":
                    observed.since.setdefault(key, at)
                    # listed again
                    observed.removed.discard(symbol)
        return observed


@dataclass(frozen=True, slots=True)
class Remembered:
    """`lasting` are gaps that were open at the interruption, `gaps` those of trades that were over, `trades` the newest
    of each symbol, oldest first, with quantities in base coins, of those after `known_from` (µs)."""

    observed: Observed
    lasting: dict[Stream, OpenGap]
    gaps: dict[str, list[tuple[int, int]]]
    trades: dict[str, list[Deal]]
    known_from: int
    signs: LastSigns

    @classmethod
    def stored(cls, database: Database, session_id: str, watermark: int, began: int, clock_rate: float) -> Self:
        """From the tables of a session whose tape began at `began` and ends at `watermark` (µs)."""
        events = database.query(
            "SELECT symbol, kind, payload, timestamp::long FROM tape_events WHERE session_id = %s "
            "AND kind IN ('observed_on', 'observed_off', 'symbol_removed') ORDER BY timestamp, seq",
            (session_id,),
        )
        recent = watermark - RECENT_US
        rows = database.query(
            "SELECT symbol, stream, timestamp::long, end_ts::long, cause, recovered FROM data_gaps "
            "WHERE session_id = %s AND (end_ts IS NULL OR end_ts > %s::timestamp) ORDER BY timestamp",
            (session_id, recent),
        )
        lasting, gaps = _sorted_gaps(rows)
        # what a lasting gap's trades are compared with must not be forgotten
        since = min([recent, *(gap.start_us for gap in lasting.values())])
        deals = database.query(
            "SELECT symbol, trade_id, exchange_ts::long, price, volume, side FROM ("
            "SELECT symbol, trade_id, exchange_ts, price, volume, side, timestamp, seq, "
            "row_number() OVER (PARTITION BY symbol ORDER BY timestamp DESC, seq DESC) AS place "
            "FROM tick_prices WHERE session_id = %s AND timestamp > %s::timestamp) "
            "WHERE place <= %s ORDER BY timestamp, seq",
            (session_id, since, KEPT_TRADES),
        )
        trades = _NewestTrades()
        trades.add(deals)
        signs = LastSigns.stored(database, session_id, recent, began, clock_rate)
        return cls(Observed.folded(events), lasting, gaps, trades.by_symbol, since, signs)

    @classmethod
    def journalled(cls, entries: Iterable[Entry], began: int, clock_rate: float) -> Self:
        """From what a journal still holds: one pass, because that may be much."""
        events: list[tuple[str, str, str, int]] = []
        gaps: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        trades = _NewestTrades()
        seen: dict[tuple[str, str], int] = {}
        known_from = 0
        for entry in entries:
            known_from = known_from or entry.first_ts
            events += _rows(entry, "tape_events", ("symbol", "kind", "payload", "timestamp"))
            # the rows of a gap replace one another
            gaps |= {row[:3]: row for row in _rows(entry, "data_gaps", _GAP_COLUMNS)}
            trades.add(_rows(entry, "tick_prices", _DEAL_COLUMNS))
            signs_in(entry, seen)
        lasting, over = _sorted_gaps(sorted(gaps.values(), key=lambda row: row[2]))
        signs = LastSigns(seen, began, clock_rate)
        return cls(Observed.folded(events), lasting, over, trades.by_symbol, known_from, signs)

    @property
    def trades_from_us(self) -> dict[str, int]:
        """Since when `trades` are all that was observed of a symbol."""
        return {
            symbol: max(min(deal.ms for deal in deals) * 1_000, self.observed.since.get((symbol, TRADES_STREAM), 0))
            for symbol, deals in self.trades.items()
        }


class _NewestTrades:
    """The last trades of each symbol."""

    def __init__(self) -> None:
        self._trades: defaultdict[str, deque[Deal]] = defaultdict(lambda: deque(maxlen=KEPT_TRADES))

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for symbol, number, at, price, volume, side in rows:
            deal = Deal(None if number == NULL else number, at // 1_000, price, volume, side)
            self._trades[symbol].append(deal)

    @property
    def by_symbol(self) -> dict[str, list[Deal]]:
        return {symbol: list(deals) for symbol, deals in self._trades.items()}


def _rows(entry: Entry, table: str, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    found = entry.tables.get(table)
    return () if found is None else zip(*(plain(found[name]) for name in columns), strict=True)


def _sorted_gaps(
    rows: Iterable[tuple[Any, ...]],
) -> tuple[dict[Stream, OpenGap], dict[str, list[tuple[int, int]]]]:
    """Rows of `data_gaps`, oldest first: those that last, and those of trades that are over."""
    lasting: dict[Stream, OpenGap] = {}
    over: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for symbol, stream, start, end, cause, recovered in rows:
        if end is None:
            lasting[symbol, stream] = OpenGap(symbol, stream, start, cause, recovered=recovered)
        elif stream == TRADES_STREAM:
            over[symbol].append((start, end))
    return lasting, dict(over)
