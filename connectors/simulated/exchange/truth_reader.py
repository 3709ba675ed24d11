"""Reading the log of what really happened, also while it is being written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.simulated.exchange.lagging_books import PastBook
from connectors.simulated.exchange.records import Depth, DepthLevel, LevelChange
from connectors.simulated.exchange.truth_log import HAPPENINGS_FILE, MARKET_FILE, TRUTH, TRUTH_VERSION, rows_file
from operators.errors import TapeflowError


class UnreadableTruth(TapeflowError):
    """A folder without a log, or with one that cannot be read."""


class Truth:
    """The log in a folder, as far as it has been written now. Tables are structured arrays with the columns of
    `TRUTH`, in the order of time; their `symbol` is a position in `symbols`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            market = json.loads((folder / MARKET_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UnreadableTruth(f"{folder}: no log of a simulated exchange ({error})") from None
        if market["version"] != TRUTH_VERSION:
            raise UnreadableTruth(f"{folder}: the log has version {market['version']}; this program reads 1")
        self.symbols: tuple[str, ...] = tuple(market["symbols"])
        self.start_ms: int = market["start_ms"]
        self.details: dict[str, dict[str, Any]] = {detail["symbol"]: detail for detail in market["details"]}
        self._books: dict[str, dict[str, Any]] = market["books"]

    def table(self, kind: str, symbol: str | None = None) -> NDArray[np.void]:
        """`deals`, `changes`, `prices` or `funding`, of all symbols or of one."""
        dtype = TRUTH[kind]
        path = rows_file(self._folder, kind)
        whole = path.stat().st_size // dtype.itemsize
        rows: NDArray[np.void] = np.fromfile(path, dtype, count=whole)
        return rows if symbol is None else rows[rows["symbol"] == self.symbols.index(symbol)]

    def happenings(self, event: str | None = None) -> list[dict[str, Any]]:
        """Faults, connections, delistings and changed contracts, each with its exchange time `ms`."""
        lines = (self._folder / HAPPENINGS_FILE).read_bytes().split(b"\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [each for each in found if event is None or each["event"] == event]

    def opening(self, symbol: str) -> Depth:
        """The book at the market's start, all levels."""
        book = self._books[symbol]
        bids, asks = ([DepthLevel(*level) for level in book[side]] for side in ("bids", "asks"))
        return Depth(symbol, book["version"], book["ms"], bids, asks)

    def book_at(self, symbol: str, version: int) -> Depth:
        """The book after the change of that version, all levels. Raises `UnreadableTruth` for one outside the log."""
        book = PastBook(self.opening(symbol))
        changes = self.table("changes", symbol)
        count = version - book.version
        if not 0 <= count <= len(changes):
            newest = book.version + len(changes)
            raise UnreadableTruth(f"{symbol}: version {version} is not in the log, {book.version} to {newest} are")
        for _, ms, number, is_bid, price, contracts, orders, sequence in changes[:count].tolist():
            book.apply(LevelChange(symbol, ms, number, is_bid, price, contracts, orders, sequence))
        return book.depth()
