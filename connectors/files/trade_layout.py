"""From the columns of a table to trades: units, sides, ids, and which rows are no trades."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from connectors.files.blocks import NULL, Bool, Int32, Reading, Rejected, TradeBlock, rejected
from connectors.files.rows import RowBlock, read_texts
from connectors.files.times import TimeReading, optional_times
from connectors.files.trade_ids import read_trade_ids
from connectors.files.words import YES, has_meaning, read_words
from operators.tape import Int64


@dataclass(frozen=True, slots=True)
class TradeLayout:
    """What the roles of a trade table mean.

    Roles: `time`, `price`, `quantity` are needed; `side` (read by `sides`), `trade_id`, `symbol`, `exchange_ts`,
    `received_ts` and `late` are read where the table has them. `symbol_name` turns a symbol's text into the name used
    on the tape; without the role, every trade is of `symbol`.
    """

    times: Mapping[str, TimeReading]
    sides: Mapping[str, int]
    symbol: str = ""
    symbol_name: Callable[[str], str] = str

    def read(self, rows: RowBlock) -> Reading:
        """The trades of a block; rows that are none are rejected with the first reason found."""
        columns = rows.columns
        count = len(rows.lines)
        ts, valid = self.times["time"].microseconds(columns["time"])
        price = columns["price"].to_numpy(zero_copy_only=False)
        quantity = columns["quantity"].to_numpy(zero_copy_only=False)
        valid = valid & usable(price) & usable(quantity)
        exchange_ts, valid = self._times("exchange_ts", columns, ts, valid)
        received_ts, valid = self._times("received_ts", columns, np.full(count, NULL), valid)
        side = np.zeros(count, np.int8)
        if "side" in columns:
            side, known = read_words(columns["side"], self.sides)
            valid &= known
        ids = read_trade_ids(columns["trade_id"]) if "trade_id" in columns else np.full(count, NULL)
        late = np.zeros(count, np.bool_)
        if "late" in columns:
            flags, known = read_words(columns["late"], YES)
            late, valid = flags == 1, valid & known
        codes, symbols, named = symbols_of(columns, self.symbol, self.symbol_name, count)
        valid &= named
        for unreadable in rows.unreadable.values():
            valid &= ~unreadable
        block = TradeBlock(rows.lines, ts, exchange_ts, received_ts, price, quantity, side, ids, late, codes, symbols)
        if valid.all():
            return Reading(block, rows.rejected)
        refused = [
            rejected(int(rows.lines[row]), self.reason(rows.texts(row)), rows.raw(row), int(ts[row]) or None)
            for row in np.flatnonzero(~valid).tolist()
        ]
        return Reading(block.take(valid), merged(rows.rejected, refused))

    def reason(self, texts: Mapping[str, str]) -> str:
        """Why a row is rejected: the first thing wrong with its texts."""
        for role in ("time", "exchange_ts", "received_ts"):
            if role in texts and (found := time_problem(role, texts[role], self.times[role])):
                return found
        for role in ("price", "quantity"):
            if found := number_problem(role, texts[role]):
                return found
        if "side" in texts and not has_meaning(texts["side"], self.sides):
            return f"side {clipped(texts['side'])} is neither buy nor sell"
        if "late" in texts and not has_meaning(texts["late"], YES):
            return f"late {clipped(texts['late'])} is neither true nor false"
        if "symbol" in texts and not texts["symbol"].strip():
            return "no symbol"
        return "a text that is not UTF-8"

    def _times(self, role: str, columns: Mapping[str, pa.Array], default: Int64, valid: Bool) -> tuple[Int64, Bool]:
        if role not in columns:
            return default, valid
        times, readable = optional_times(self.times[role], columns[role])
        if role == "exchange_ts":
            times = np.where(times == NULL, default, times)
        return times, valid & readable


def usable(values: np.ndarray) -> Bool:
    """Which numbers are finite and above zero."""
    return (values > 0) & (values < np.inf)


def symbols_of(
    columns: Mapping[str, pa.Array], symbol: str, name: Callable[[str], str], count: int
) -> tuple[Int32, tuple[str, ...], Bool]:
    """Each row's index into the names, the names, and which rows have one."""
    if "symbol" not in columns:
        return np.zeros(count, np.int32), (symbol,), np.ones(count, np.bool_)
    values = columns["symbol"]
    texts = [text if text is not None else "" for text in values.dictionary.to_pylist()]
    codes = values.indices.fill_null(0).to_numpy(zero_copy_only=False)
    present = np.array([bool(text.strip()) for text in texts] or [False])
    named = present[codes] if not present.all() else np.ones(count, np.bool_)
    return codes, tuple(name(text.strip()) for text in texts), named


def number_problem(role: str, text: str) -> str | None:
    """What is wrong with a price or quantity."""
    if not text.strip():
        return f"no {role}"
    values, unreadable = read_texts([text], pa.float64())
    if unreadable[0]:
        return f"{role} {clipped(text)} is not a number"
    value = values[0].as_py()
    if math.isnan(value):
        return f"{role} is NaN"
    if math.isinf(value):
        return f"{role} is infinite"
    return None if value > 0 else f"{role} {clipped(text)} is not above zero"


def time_problem(role: str, text: str, reading: TimeReading) -> str | None:
    """What is wrong with a time; only `time` itself must not be absent."""
    if not text.strip():
        return None if text == "" and role != "time" else f"no {role}"
    values, unreadable = read_texts([text], reading.kind)
    if unreadable[0]:
        return f"{role} {clipped(text)} is not {reading.describe()}"
    return None if reading.microseconds(values)[1][0] else f"{role} {clipped(text)} is not in the years 2009 to 2100"


def clipped(text: str) -> str:
    """A text for a message."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def merged(first: tuple[Rejected, ...], second: list[Rejected]) -> tuple[Rejected, ...]:
    """Rejections in the order of their lines."""
    return tuple(sorted((*first, *second), key=lambda entry: entry.line)) if first else tuple(second)
