"""The last signs of life of a collection's streams: since when an interrupted one may have lost something."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from connectors.journal.journal import Entry
from connectors.mexc.evidence import BOOK_SILENCE_US
from connectors.mexc.receiver import OVERLAP_US
from connectors.questdb.database import Database
from operators.tape import BOOKS_STREAM, TRADES_STREAM

LOOKED_AFTER_US: Final = 35_000_000
"""A stream that had stopped this long before would have been noticed: by two of the exchange's tickers that are asked
for every 10 s, one of which may fail, and lag behind. A book has to be silent for `BOOK_SILENCE_US` besides."""
_PRICES: Final = "prices"
_TABLES: Final = {
    TRADES_STREAM: ("tick_prices", "exchange_ts", " AND NOT late"),
    BOOKS_STREAM: ("tick_orderbook", "timestamp", ""),
    _PRICES: ("mark_prices", "timestamp", ""),
}
"""Where the signs are: table, column of the time, further condition. Prices come over REST, as the tickers do."""


class LastSigns:
    """When each symbol's trades and books were received last, and when the exchange last answered at all (µs).

    `clock_rate` is how many times as fast as ours the exchange's clock runs; nothing began before `began`.
    """

    def __init__(self, seen: dict[tuple[str, str], int], began: int, clock_rate: float) -> None:
        self._seen = seen
        self._began = began
        self._rate = clock_rate
        self._answered = max((at for (_, stream), at in seen.items() if stream == _PRICES), default=began)

    @classmethod
    def stored(cls, database: Database, session_id: str, recent: int, began: int, clock_rate: float) -> LastSigns:
        """From the tables, as far back as `recent`."""
        seen: dict[tuple[str, str], int] = {}
        for stream, (table, time_column, condition) in _TABLES.items():
            rows = database.query(
                f"SELECT symbol, max({time_column})::long FROM {table} "  # noqa: S608
                f"WHERE session_id = %s AND timestamp > %s::timestamp{condition} GROUP BY symbol",
                (session_id, recent),
            )
            seen |= {(symbol, stream): at for symbol, at in rows}
        return cls(seen, max(recent, began), clock_rate)

    def since(self, symbol: str, stream: str, ended: int) -> int:
        """Since when a stream that `ended` then may have lost something: since its last trade or book, or since the
        tickers would have shown it, as long as they were to be had."""
        looked_after = min(self._answered, ended) - round(LOOKED_AFTER_US * self._rate)
        if stream == BOOKS_STREAM:
            looked_after -= BOOK_SILENCE_US
        # a book says nothing of the changes that were on their way
        latest = ended - round(OVERLAP_US * self._rate) if stream == BOOKS_STREAM else ended
        return max(min(max(self._seen.get((symbol, stream), 0), looked_after), latest), self._began)


def signs_in(entry: Entry, seen: dict[tuple[str, str], int]) -> None:
    """Add what one slice of a journal shows, by symbol and stream."""
    for stream, (table, time_column, _) in _TABLES.items():
        columns = entry.tables.get(table, {})
        times = plain(columns.get(time_column, ()))
        late = plain(columns.get("late", ())) or [False] * len(times)
        for symbol, at, is_late in zip(plain(columns.get("symbol", ())), times, late, strict=True):
            if not is_late:
                seen[symbol, stream] = max(seen.get((symbol, stream), 0), at)


def plain(column: Any) -> list[Any]:
    """Plain values of a journalled column: numpy's, or Arrow's where some are absent or they are text."""
    values: list[Any] = column.to_pylist() if isinstance(column, pa.Array) else np.asarray(column).tolist()
    return values
