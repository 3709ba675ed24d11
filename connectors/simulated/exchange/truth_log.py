"""What really happened, on disk: every deal, every change of a level, prices and funding, as columns of fixed width.

A folder holds `market.json` (where the market began: symbols, contracts, books), `deals.rows`, `changes.rows`,
`prices.rows`, `funding.rows` (rows of `TRUTH`, one after the other) and `happenings.jsonl` (faults, connections,
delistings, changed contracts). Each turn of the market is one write per file, into the operating system's cache: a
process that is killed loses the turn under way, and at most a part of a row stands at the end of a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from connectors.simulated.exchange.records import VenueEvents
from connectors.simulated.exchange.venue import Venue

TRUTH_VERSION: Final = 1
MARKET_FILE: Final = "market.json"
HAPPENINGS_FILE: Final = "happenings.jsonl"
ALL_LEVELS: Final = 1_000_000

TRUTH: Final = {
    "deals": np.dtype(
        [
            ("symbol", "<u4"),
            ("ms", "<i8"),
            ("deal_id", "<i8"),
            ("price", "<f8"),
            ("contracts", "<i8"),
            ("taker", "i1"),
            ("opens", "i1"),
            ("sequence", "<i8"),
        ]
    ),
    "changes": np.dtype(
        [
            ("symbol", "<u4"),
            ("ms", "<i8"),
            ("version", "<i8"),
            ("is_bid", "?"),
            ("price", "<f8"),
            ("contracts", "<i8"),
            ("orders", "<i4"),
            ("sequence", "<i8"),
        ]
    ),
    "prices": np.dtype([("symbol", "<u4"), ("ms", "<i8"), ("index", "<f8"), ("fair", "<f8")]),
    "funding": np.dtype(
        [("symbol", "<u4"), ("ms", "<i8"), ("rate", "<f8"), ("next_settle_ms", "<i8"), ("settled", "?")]
    ),
}
"""The columns of each file; `symbol` is the position in the market's list."""


def rows_file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.rows"


class TruthLog:
    """Writes the log of one run; the folder must not hold one already (FileExistsError)."""

    def __init__(self, folder: Path, venue: Venue, *, speed: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        symbols = venue.symbols
        market = {
            "version": TRUTH_VERSION,
            "start_ms": venue.now_ms,
            "speed": speed,
            "symbols": symbols,
            "details": venue.detail(),
            "books": {symbol: _book(venue, symbol) for symbol in symbols},
        }
        with (folder / MARKET_FILE).open("x", encoding="utf-8") as file:
            json.dump(market, file)
        self._positions = {symbol: position for position, symbol in enumerate(symbols)}
        self._files = {kind: FileIO(rows_file(folder, kind), "a") for kind in TRUTH}
        self._happenings = FileIO(folder / HAPPENINGS_FILE, "a")
        self._venue = venue

    def write(self, events: VenueEvents) -> None:
        """One turn of the market."""
        for kind, rows in (
            ("deals", events.deals),
            ("changes", events.changes),
            ("prices", events.prices),
            ("funding", events.funding),
        ):
            if rows:
                self._write_rows(kind, rows)
        for symbol in events.delisted:
            self.tell("delisted", symbol=symbol)
        for symbol in events.contracts:
            if self._venue.trades(symbol):
                self.tell("contract", symbol=symbol, detail=self._venue.detail(symbol)[0])

    def tell(self, event: str, **fields: Any) -> None:
        """Anything else, at this moment of the market."""
        line = json.dumps({"event": event, "ms": self._venue.now_ms, **fields})
        self._happenings.write(line.encode() + b"\n")

    def close(self) -> None:
        for file in (*self._files.values(), self._happenings):
            file.close()

    def _write_rows(self, kind: str, rows: Iterable[tuple[Any, ...]]) -> None:
        positions = self._positions
        table = np.array([(positions[row[0]], *row[1:]) for row in rows], TRUTH[kind])
        data = table.tobytes()
        file = self._files[kind]
        written = file.write(data)
        while written is not None and written < len(data):
            data = data[written:]
            written = file.write(data)


def _book(venue: Venue, symbol: str) -> dict[str, Any]:
    depth = venue.depth(symbol, ALL_LEVELS)
    return {"version": depth.version, "ms": depth.ms, "bids": depth.bids, "asks": depth.asks}
