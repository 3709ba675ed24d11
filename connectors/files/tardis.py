"""tardis.dev's CSV files: trades and book_snapshot_N (https://docs.tardis.dev/downloadable-csv-files).

Times are microseconds, `timestamp` the exchange's, `local_timestamp` that of the arrival.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from connectors.files.book_layout import BookLayout, level_role
from connectors.files.errors import UnknownFormat
from connectors.files.format import ReadOptions
from connectors.files.rows import TEXT, Field
from connectors.files.sample import Sample
from connectors.files.table import TableReader, missing, table_of
from connectors.files.times import TimeReading
from connectors.files.trade_layout import TradeLayout
from connectors.files.words import TAKER_SIDE
from operators.tape import BOOKS_STREAM, TRADES_STREAM

_TIME: Final = TimeReading(pa.int64(), ("us",))
_TIMES: Final = {"time": _TIME, "received_ts": _TIME}
_COMMON: Final = {
    "symbol": ("symbol", TEXT),
    "time": ("timestamp", pa.int64()),
    "received_ts": ("local_timestamp", pa.int64()),
}
_TRADES: Final = {
    **_COMMON,
    "trade_id": ("id", pa.utf8()),
    "side": ("side", TEXT),
    "price": ("price", pa.float64()),
    "quantity": ("amount", pa.float64()),
}
_LEVEL: Final = re.compile(r"(?P<side>bids|asks)\[(?P<level>[0-9]+)\]\.(?P<what>price|amount)")
_INCREMENTAL: Final = "is_snapshot"


@dataclass(frozen=True, slots=True)
class Tardis:
    """Trades and snapshots of the N best levels."""

    name: str = "tardis"
    description: str = "tardis.dev trades and book_snapshot_N"

    def detect(self, sample: Sample) -> bool:
        """tardis' four common columns, and those of trades or of levels."""
        columns = sample.columns
        common = all(name in columns for name in ("exchange", "symbol", "timestamp", "local_timestamp"))
        return common and (all(name in columns for name in ("price", "amount")) or _levels(sample) > 0)

    def open(self, sample: Sample, options: ReadOptions) -> TableReader:
        """Symbols are used as they are unless one is given."""
        columns = sample.columns
        if _INCREMENTAL in columns:
            raise UnknownFormat(
                f"{sample.part.label} holds tardis incremental_book_L2; of tardis, trades and book_snapshot_N are read"
            )
        levels = _levels(sample)
        wanted = dict(_COMMON)
        if levels:
            for level in range(levels):
                for side in ("bid", "ask"):
                    wanted[level_role(side, level, "price")] = (f"{side}s[{level}].price", pa.float64())
                    wanted[level_role(side, level, "quantity")] = (f"{side}s[{level}].amount", pa.float64())
        else:
            wanted = dict(_TRADES)
        names = [name for name, _ in wanted.values()]
        if any(name not in columns for name in names):
            needed = names[:3] + (
                ["asks[0].price, asks[0].amount, bids[0].price … of every level"] if levels else names[3:]
            )
            raise missing(sample, f"tardis {'book_snapshot' if levels else 'trades'}", needed)
        fields = {role: Field(columns[name], name, kind) for role, (name, kind) in wanted.items()}
        table = table_of(sample, fields)
        if levels:
            return TableReader(table, BookLayout(_TIMES, levels), BOOKS_STREAM, None)
        return TableReader(table, TradeLayout(_TIMES, TAKER_SIDE), TRADES_STREAM, None)


def _levels(sample: Sample) -> int:
    """The number of levels that the columns go to; 0 where there are no books."""
    return max((int(found["level"]) + 1 for name in sample.columns if (found := _LEVEL.fullmatch(name))), default=0)
