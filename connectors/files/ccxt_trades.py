"""Trades as ccxt's unified `fetch_trades` gives them, written as a table: https://docs.ccxt.com/#/?id=trade-structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from connectors.files.errors import MixedSymbols, SymbolNeeded
from connectors.files.format import ReadOptions
from connectors.files.rows import TEXT, Field
from connectors.files.sample import Sample
from connectors.files.table import TableReader, missing, table_of, times_at
from connectors.files.times import UNITS, TimeReading
from connectors.files.trade_layout import TradeLayout
from connectors.files.words import TAKER_SIDE
from operators.tape import TRADES_STREAM

_UNITS: Final = ("ms",)
_NEEDED: Final = ("timestamp", "price", "amount")
_ROLES: Final = {
    "timestamp": "time",
    "price": "price",
    "amount": "quantity",
    "side": "side",
    "symbol": "symbol",
    "id": "trade_id",
}


@dataclass(frozen=True, slots=True)
class CcxtTrades:
    """Columns timestamp (ms), price, amount (base coins), and where there are side, symbol and id."""

    name: str = "ccxt-trades"
    description: str = "trades as ccxt gives them (timestamp, symbol, side, price, amount, …)"

    def detect(self, sample: Sample) -> bool:
        """The needed columns, no times but milliseconds, and `datetime` beside them or symbols like `NAS/BTC`."""
        columns = sample.columns
        if any(name not in columns for name in _NEEDED):
            return False
        times = times_at(sample, columns["timestamp"], UNITS)
        if times is not None and times.units != _UNITS:
            return False
        slashed = "symbol" in columns and any("/" in text for text in sample.texts(columns["symbol"]))
        return "datetime" in columns or slashed

    def open(self, sample: Sample, options: ReadOptions) -> TableReader:
        """Symbols come from the column (`NAS/BTC` becomes `NAS_BTC`) unless one is given."""
        columns = sample.columns
        if any(name not in columns for name in _NEEDED):
            raise missing(sample, "a table of ccxt trades", _NEEDED)
        if "symbol" not in columns and options.symbol is None:
            raise SymbolNeeded(f"{sample.part.label} has no column symbol; use --symbol")
        times = times_at(sample, columns["timestamp"], _UNITS) or TimeReading(pa.int64(), _UNITS)
        kinds = {"time": times.kind, "side": TEXT, "symbol": TEXT, "trade_id": pa.utf8()}
        fields = {
            role: Field(columns[name], name, kinds.get(role, pa.float64()))
            for name, role in _ROLES.items()
            if name in columns
        }
        layout = TradeLayout({"time": times}, TAKER_SIDE, options.symbol or "", MarketNames())
        symbols = None if "symbol" in columns else (layout.symbol,)
        return TableReader(table_of(sample, fields), layout, TRADES_STREAM, symbols)


@dataclass(slots=True)
class MarketNames:
    """ccxt's market names as ours: `NAS/BTC` and the swap `NAS/BTC:BTC` are both `NAS_BTC`, so not in one file.

    >>> MarketNames()("BTC/USDT:USDT-240329")
    'BTC_USDT-240329'
    """

    _texts: dict[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        pair, _, settled = text.partition(":")
        _, dash, expiry = settled.partition("-")
        name = pair.replace("/", "_") + dash + expiry
        if self._texts.setdefault(name, text) != text:
            raise MixedSymbols(
                f"{self._texts[name]} and {text} in one file would both be called {name}; split the file"
            )
        return name
