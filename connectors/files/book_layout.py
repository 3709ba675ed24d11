"""From the columns of a table of order-book snapshots to books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from connectors.files.blocks import NULL, BookBlock, Bool, Reading, rejected
from connectors.files.rows import RowBlock
from connectors.files.times import TimeReading, optional_times
from connectors.files.trade_layout import merged, number_problem, symbols_of, time_problem, usable
from operators.tape import Float64


def level_role(side: str, level: int, what: str) -> str:
    """The role of one number of a book: side `bid` or `ask`, levels from 0, `price` or `quantity`."""
    return f"{side}[{level}].{what}"


@dataclass(frozen=True, slots=True)
class BookLayout:
    """What the roles of a snapshot table mean: `time`, `symbol`, `received_ts` and the roles of `level_role`.

    A level without price and quantity (nothing or NaN) is absent; the levels of a side must be best first and without
    holes. A side may be empty, not both.
    """

    times: Mapping[str, TimeReading]
    levels: int
    symbol: str = ""
    symbol_name: Callable[[str], str] = str

    def read(self, rows: RowBlock) -> Reading:
        """The books of a block; rows that are none are rejected with the first reason found."""
        columns = rows.columns
        count = len(rows.lines)
        ts, valid = self.times["time"].microseconds(columns["time"])
        received_ts = np.full(count, NULL)
        if "received_ts" in columns:
            received_ts, readable = optional_times(self.times["received_ts"], columns["received_ts"])
            valid = valid & readable
        bid_px, bid_qty = self._side(rows, "bid")
        ask_px, ask_qty = self._side(rows, "ask")
        valid = valid & _sound(bid_px, bid_qty, descending=True) & _sound(ask_px, ask_qty, descending=False)
        valid &= ~(np.isnan(bid_px[:, 0]) & np.isnan(ask_px[:, 0]))
        codes, symbols, named = symbols_of(columns, self.symbol, self.symbol_name, count)
        valid &= named
        for unreadable in rows.unreadable.values():
            valid &= ~unreadable
        block = BookBlock(rows.lines, ts, ts, received_ts, bid_px, bid_qty, ask_px, ask_qty, codes, symbols)
        if valid.all():
            return Reading(block, rows.rejected)
        refused = [
            rejected(int(rows.lines[row]), self.reason(rows.texts(row)), rows.raw(row), int(ts[row]) or None)
            for row in np.flatnonzero(~valid).tolist()
        ]
        return Reading(block.take(valid), merged(rows.rejected, refused))

    def reason(self, texts: Mapping[str, str]) -> str:
        """Why a row is rejected: the first thing wrong with its texts."""
        for role in ("time", "received_ts"):
            if role in texts and (found := time_problem(role, texts[role], self.times[role])):
                return found
        for role in sorted(set(texts) - {"time", "received_ts", "symbol"}, key=_by_level):
            if not _absent(texts[role]) and (found := number_problem(role, texts[role])):
                return found
        empty = 0
        for side in ("bid", "ask"):
            prices = [texts[level_role(side, level, "price")] for level in range(self.levels)]
            quantities = [texts[level_role(side, level, "quantity")] for level in range(self.levels)]
            given = [not _absent(price) for price in prices]
            if given != [not _absent(quantity) for quantity in quantities]:
                return f"a {side} level with only one of price and quantity"
            if given != sorted(given, reverse=True):
                return f"an absent {side} level before one that is there"
            there = [float(price) for price in prices if not _absent(price)]
            if there != sorted(set(there), reverse=side == "bid"):
                return f"the {side} levels are not best first"
            empty += not there
        if empty == 2:
            return "a book without any level"
        return "no symbol" if "symbol" in texts and not texts["symbol"].strip() else "a text that is not UTF-8"

    def _side(self, rows: RowBlock, side: str) -> tuple[Float64, Float64]:
        prices, quantities = (
            np.column_stack(
                [
                    rows.columns[level_role(side, level, what)].to_numpy(zero_copy_only=False).astype(np.float64)
                    for level in range(self.levels)
                ]
            )
            for what in ("price", "quantity")
        )
        return prices, quantities


def _sound(prices: Float64, quantities: Float64, *, descending: bool) -> Bool:
    """Which rows have a side of whole levels above zero, best first, absent ones last."""
    absent = np.isnan(prices)
    steps = np.diff(prices, axis=1)
    ordered = (steps < 0 if descending else steps > 0) | absent[:, 1:]
    holes = absent[:, :-1] & ~absent[:, 1:]
    whole = (usable(prices) & usable(quantities)) | (absent & np.isnan(quantities))
    sound: Bool = np.all(ordered & ~holes, axis=1)
    sound &= np.all(whole, axis=1)
    return sound


def _absent(text: str) -> bool:
    return text == "" or text.strip().lower() == "nan"


def _by_level(role: str) -> tuple[int, str]:
    return int(role[role.index("[") + 1 : role.index("]")]), role
