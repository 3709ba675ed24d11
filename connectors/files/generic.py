"""Any table of trades: columns found by common names or named with `--column`; also what `tapeflow export` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from connectors.files.errors import MissingColumns, SymbolNeeded
from connectors.files.format import AUTO, ReadOptions
from connectors.files.rows import TEXT, Field
from connectors.files.sample import Sample
from connectors.files.table import TableReader, missing, table_of, times_at
from connectors.files.times import UNITS, TimeReading
from connectors.files.trade_layout import TradeLayout
from connectors.files.words import BUYER_IS_MAKER, TAKER_SIDE
from operators.errors import UsageError
from operators.tape import TRADES_STREAM

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "timestamp": ("time", "ts", "datetime", "date", "transact_time", "trade_time"),
    "price": ("px", "trade_price"),
    "volume": ("quantity", "qty", "amount", "size", "base_volume", "vol"),
    "side": ("taker_side",),
    "buyer_is_maker": ("is_buyer_maker",),
    "trade_id": ("id", "tid"),
    "symbol": ("pair", "market", "instrument"),
    "exchange_ts": ("exchange_timestamp",),
    "received_ts": ("local_timestamp", "received_at"),
    "late": (),
}
"""What a column can be, and other names (in any case) under which it is found when it is not named."""
NEEDED: Final = ("timestamp", "price", "volume")
_NO_TIMES: Final = TimeReading(pa.int64(), ("us",))
"""For a table without rows."""
_TIMES: Final = ("timestamp", "exchange_ts", "received_ts")
_INNER: Final = {"timestamp": "time", "volume": "quantity", "buyer_is_maker": "side"}


@dataclass(frozen=True, slots=True)
class Generic:
    """Tables with a header and one trade per row."""

    name: str = "generic"
    description: str = "any table with a header: columns by common names, or by --column ROLE=NAME"

    def detect(self, sample: Sample) -> bool:
        """Columns for everything that is needed, and no two for the same."""
        try:
            found = _columns(sample, {})
        except MissingColumns:
            return False
        return not sample.rows or times_at(sample, found["timestamp"], UNITS) is not None

    def open(self, sample: Sample, options: ReadOptions) -> TableReader:
        """Raises `UsageError` where a role has no column or several, or where times are in no unit known."""
        found = _columns(sample, options.columns)
        if "symbol" not in found and options.symbol is None:
            raise SymbolNeeded(
                f"{sample.part.label} has no column for the symbol; use --symbol or --column symbol=NAME"
            )
        main = _reading(sample, found["timestamp"], options.time_unit)
        times = {
            _inner(role): _reading(sample, found[role], options.time_unit, main) for role in _TIMES if role in found
        }
        kinds: dict[str, pa.DataType] = {"price": pa.float64(), "quantity": pa.float64(), "trade_id": pa.utf8()}
        kinds |= {role: reading.kind for role, reading in times.items()}
        fields = {
            _inner(role): Field(position, sample.first[position], kinds.get(_inner(role), TEXT))
            for role, position in found.items()
        }
        sides = BUYER_IS_MAKER if "buyer_is_maker" in found else TAKER_SIDE
        layout = TradeLayout(times, sides, options.symbol or "")
        symbols = None if "symbol" in found else (layout.symbol,)
        return TableReader(table_of(sample, fields), layout, TRADES_STREAM, symbols)


def role_name(text: str) -> str:
    """The role that a user means: its own name or one of the other names."""
    lowered = text.strip().lower()
    for role, others in ROLES.items():
        if lowered == role or lowered in others:
            return role
    raise UsageError(f"a column cannot be {text!r}; allowed: {', '.join(ROLES)}")


def _columns(sample: Sample, chosen: Mapping[str, str]) -> dict[str, int]:
    columns = sample.columns
    found: dict[str, int] = {}
    for role, name in chosen.items():
        if name not in columns:
            raise missing(sample, f"--column {role}={name}", [name])
        found[role] = columns[name]
    taken = set(found.values())
    for role, others in ROLES.items():
        if role in found:
            continue
        exact = [at for name, at in columns.items() if name.lower() == role and at not in taken]
        similar = [at for name, at in columns.items() if name.lower() in others and at not in taken]
        fitting = sorted(exact or similar)
        if len(fitting) > 1:
            names = ", ".join(sample.first[at] for at in fitting)
            raise MissingColumns(
                f"{sample.part.label} has several columns for {role}: {names}; use --column {role}=NAME"
            )
        if fitting:
            found[role] = fitting[0]
    if lacking := [role for role in NEEDED if role not in found]:
        raise missing(sample, "a table of trades", [f"{role} (--column {role}=NAME)" for role in lacking])
    if "side" in found and "buyer_is_maker" in found:
        if {"side", "buyer_is_maker"} <= chosen.keys():
            raise UsageError("the side comes from one column: either side or buyer_is_maker")
        del found["buyer_is_maker" if "side" in chosen or "buyer_is_maker" not in chosen else "side"]
    return found


def _reading(sample: Sample, position: int, unit: str, default: TimeReading | None = None) -> TimeReading:
    """How to read a column of times; `default` where it has none in the sample."""
    units = UNITS if unit == AUTO else (unit,)
    if reading := times_at(sample, position, units):
        return reading
    texts = [text for text in sample.texts(position) if text]
    if not texts and (default is not None or not sample.rows):
        return default or _NO_TIMES
    shown = repr(texts[0]) if texts else "nothing"
    raise MissingColumns(
        f"{sample.part.label} has {shown} in the column {sample.first[position]}, which is no time of the years "
        f"2009 to 2100 in {'any unit known' if unit == AUTO else unit}; --time-unit takes {AUTO}, {', '.join(UNITS)}"
    )


def _inner(role: str) -> str:
    return _INNER.get(role, role)
