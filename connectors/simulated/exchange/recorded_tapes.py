"""Recorded tapes for the simulated exchange: from files in any format that can be imported, or from columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from connectors.files.blocks import TradeBlock
from connectors.files.containers import parts_of
from connectors.files.decimals import most_decimals
from connectors.files.format import AUTO, ReadOptions
from connectors.files.formats import open_part
from connectors.files.tape_rows import TapeRows
from connectors.simulated.coins import power_of_ten
from connectors.simulated.exchange.errors import InvalidFlow
from operators.contracts import ContractSpecification
from operators.tape import Books, Float64, Int64, Trades

MOST_QUANTITY_DECIMALS: Final = 8


@dataclass(frozen=True, slots=True)
class RecordedTape:
    """What was recorded of one symbol. Quantities are base coins; without `books` the makers make them up."""

    symbol: str
    contract: ContractSpecification
    trades: Trades
    books: Books | None = None


def contract_for(price: Float64, quantity: Float64) -> ContractSpecification:
    """A contract in which the recorded quantities are whole contracts and the prices whole steps (both to the most
    decimals seen, quantities to at most eight).

    >>> contract_for(np.array([5.75e-06, 5.7e-06]), np.array([620.0, 0.5])).contract_size
    0.1
    """
    return ContractSpecification(
        contract_size=power_of_ten(-min(most_decimals(quantity), MOST_QUANTITY_DECIMALS)),
        price_unit=power_of_ten(-most_decimals(price)),
        vol_unit=1.0,
        min_vol=1.0,
    )


def read_tapes(paths: Iterable[Path], symbol: str | None = None) -> list[RecordedTape]:
    """The trades of files, one tape per symbol in the order of appearance; rows that cannot be read are left out.

    `symbol` names the rows of all files. Raises what the readers of the formats raise, and `InvalidFlow` where there
    is no trade.
    """
    options = ReadOptions(symbol=symbol)
    readers = [open_part(part, AUTO, options)[1] for path in paths for part in parts_of(path)]
    blocks = [step.block for step in TapeRows(readers, symbol=symbol, sort=True).steps()]
    trades = [block for block in blocks if isinstance(block, TradeBlock) and len(block)]
    if not trades:
        raise InvalidFlow(f"no trades in {', '.join(str(path) for path in paths)}")
    names = list(dict.fromkeys(name for block in trades for name in block.symbols))
    tapes = [_tape(name, trades) for name in names]
    return [tape for tape in tapes if len(tape.trades)]


def _tape(name: str, blocks: list[TradeBlock]) -> RecordedTape:
    rows = [block.take(_rows_of(block, name)) for block in blocks if name in block.symbols]
    ts, price, quantity, side = (
        np.concatenate([getattr(block, column) for block in rows]) for column in ("ts", "price", "quantity", "side")
    )
    trades = Trades(ts, np.arange(len(ts)), price, quantity, side)
    return RecordedTape(name, contract_for(price, quantity), trades)


def _rows_of(block: TradeBlock, name: str) -> Int64:
    return np.flatnonzero(block.symbol_codes == block.symbols.index(name)).astype(np.int64)
