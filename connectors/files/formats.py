"""The formats that can be imported: one module each, found by name or by what the beginning of a file looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.files.binance_trades import BinanceTrades
from connectors.files.binance_ws import BinanceWs
from connectors.files.ccxt_trades import CcxtTrades
from connectors.files.containers import Part
from connectors.files.errors import UnknownFormat
from connectors.files.format import AUTO, Format, PartReader, ReadOptions
from connectors.files.generic import Generic
from connectors.files.sample import take_sample
from connectors.files.tardis import Tardis

_EVERY: Final[tuple[Format, ...]] = (BinanceTrades(), BinanceWs(), CcxtTrades(), Tardis(), Generic())
FORMATS: Final[Mapping[str, Format]] = {one.name: one for one in _EVERY}
"""All formats by name, in the order in which they are tried: the one that claims least comes last."""


def open_part(part: Part, name: str, options: ReadOptions) -> tuple[str, PartReader]:
    """The name of the part's format and a reader for it. `name` may be `auto`."""
    if name != AUTO and name not in FORMATS:
        raise UnknownFormat(f"there is no format {name!r}; allowed: {AUTO}, {', '.join(FORMATS)}")
    sample = take_sample(part)
    if options.columns or options.time_unit != AUTO:
        name = "generic" if name == AUTO else name
        if name != "generic":
            raise UnknownFormat(f"columns and time unit can only be chosen for the format generic, not for {name}")
    if name == AUTO:
        name = next((one.name for one in FORMATS.values() if one.detect(sample)), "")
        if not name:
            first = ", ".join(sample.first[:12])
            raise UnknownFormat(
                f"{part.label} is in none of the formats {', '.join(FORMATS)}: it begins with {first[:200]!r}; "
                "for a table with other names use --format generic --column price=NAME …"
            )
    return name, FORMATS[name].open(sample, options)
