"""Binance's public dumps: `trades` and `aggTrades`, spot (without a header) and futures (with one or without).

Columns: https://github.com/binance/binance-public-data. Times are milliseconds, in spot dumps from 2025 on
microseconds. Quantities are base coins, in coin-margined futures contracts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from connectors.files.errors import SymbolNeeded
from connectors.files.format import ReadOptions
from connectors.files.rows import TEXT, Field
from connectors.files.sample import Sample
from connectors.files.table import TableReader, missing, table_of, times_at
from connectors.files.times import TimeReading
from connectors.files.trade_layout import TradeLayout
from connectors.files.words import BUYER_IS_MAKER
from operators.tape import TRADES_STREAM

_UNITS: Final = ("ms", "us")
_NAMES: Final = {
    "trade_id": ("id", "trade_id", "agg_trade_id", "aggtradeid", "agg_id"),
    "price": ("price",),
    "quantity": ("qty", "quantity"),
    "time": ("time", "transact_time", "timestamp"),
    "side": ("is_buyer_maker", "isbuyermaker", "was_the_buyer_the_maker"),
}
_NEEDED: Final = ("id or agg_trade_id", "price", "qty or quantity", "time or transact_time", "is_buyer_maker")
_BOOLEANS: Final = frozenset({"true", "false"})
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_FILE_NAME: Final = re.compile(r"(?P<symbol>\w+)-(trades|aggTrades)(-|\.)")

# Without a header: numbers, then one or two booleans. (numbers, booleans) → position of the time.
_HEADERLESS: Final = {(5, 2): 4, (6, 2): 5, (5, 1): 4, (6, 1): 5}


@dataclass(frozen=True, slots=True)
class BinanceTrades:
    """Trades and aggregated trades as Binance publishes them."""

    name: str = "binance-trades"
    description: str = "Binance trades and aggTrades dumps, spot and futures"

    def detect(self, sample: Sample) -> bool:
        """A header with Binance's names, or lines of numbers that end in one or two booleans."""
        if sample.schema is None and _shape(sample.first) in _HEADERLESS:
            return True
        found = _positions(sample)
        return len(found) == len(_NAMES)

    def open(self, sample: Sample, options: ReadOptions) -> TableReader:
        """Symbols come from the file's name (`BTCUSDT-aggTrades-2025-01.zip`) unless one is given."""
        header = sample.schema is not None or _shape(sample.first) not in _HEADERLESS
        if header:
            positions = _positions(sample)
            if len(positions) < len(_NAMES):
                raise missing(sample, "a Binance dump", _NEEDED)
            names = sample.first
        else:
            numbers, booleans = _shape(sample.first)
            positions = {
                "trade_id": 0,
                "price": 1,
                "quantity": 2,
                "time": _HEADERLESS[numbers, booleans],
                "side": numbers,
            }
            names = tuple(f"column {position + 1}" for position in range(len(sample.first)))
        times = times_at(sample, positions["time"], _UNITS, mixed=True) or TimeReading(pa.int64(), _UNITS)
        kinds = {
            "trade_id": pa.int64(),
            "price": pa.float64(),
            "quantity": pa.float64(),
            "time": times.kind,
            "side": TEXT,
        }
        fields = {role: Field(at, names[at], kinds[role]) for role, at in positions.items()}
        symbol = _symbol(sample) or options.symbol
        if symbol is None:
            raise SymbolNeeded(
                f"{sample.part.label} does not say which symbol it is about (as BTCUSDT-aggTrades-2025-01.csv would); "
                "use --symbol"
            )
        layout = TradeLayout({"time": times}, BUYER_IS_MAKER, symbol)
        return TableReader(table_of(sample, fields, header=header), layout, TRADES_STREAM, (symbol,))


def _shape(first: tuple[str, ...]) -> tuple[int, int]:
    """How many numbers and then booleans a line without a header has; (0, 0) for any other line."""
    kinds = ["b" if text.lower() in _BOOLEANS else "n" if _NUMBER.fullmatch(text) else "x" for text in first]
    shape = kinds.count("n"), kinds.count("b")
    return shape if kinds == ["n"] * shape[0] + ["b"] * shape[1] else (0, 0)


def _positions(sample: Sample) -> dict[str, int]:
    columns = {name.lower(): position for name, position in sample.columns.items()}
    found = {role: [columns[name] for name in names if name in columns] for role, names in _NAMES.items()}
    return {role: positions[0] for role, positions in found.items() if positions}


def _symbol(sample: Sample) -> str | None:
    for name in (sample.part.name, sample.part.path.name):
        if found := _FILE_NAME.match(name):
            return found["symbol"]
    return None
