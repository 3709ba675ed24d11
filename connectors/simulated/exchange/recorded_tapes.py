"""Recorded tapes for the simulated exchange: from files in any format that can be imported, or from columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from connectors.files.blocks import BookBlock, TradeBlock
from connectors.files.containers import parts_of
from connectors.files.decimals import most_decimals
from connectors.files.format import AUTO, ReadOptions
from connectors.files.formats import open_part
from connectors.files.tape_rows import TapeRows, joined
from connectors.simulated.coins import power_of_ten
from connectors.simulated.exchange.errors import InvalidFlow
from operators.contracts import ContractSpecification
from operators.tape import Books, Float64, Int64, Trades

MOST_QUANTITY_DECIMALS: Final = 8
_Block = TypeVar("_Block", TradeBlock, BookBlock)


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
    """The trades of files, and the books where they have some: one tape per symbol with trades, in the order of
    appearance. Rows that cannot be read are left out.

    `symbol` names the rows of all files. Raises what the readers of the formats raise, and `InvalidFlow` where there
    is no trade.
    """
    options = ReadOptions(symbol=symbol)
    readers = [open_part(part, AUTO, options)[1] for path in paths for part in parts_of(path)]
    steps = [step for step in TapeRows(readers, symbol=symbol, sort=True).steps() if len(step.block)]
    trades = _by_symbol([(step.block, step.seq) for step in steps if isinstance(step.block, TradeBlock)])
    books = _by_symbol([(step.block, step.seq) for step in steps if isinstance(step.block, BookBlock)])
    if not trades:
        raise InvalidFlow(f"no trades in {', '.join(str(path) for path in paths)}")
    return [_tape(name, *rows, books.get(name)) for name, rows in trades.items()]


def _by_symbol(parts: list[tuple[_Block, Int64]]) -> dict[str, tuple[_Block, Int64]]:
    """Each symbol's rows with their numbers on the tape."""
    if not parts:
        return {}
    block, seq = joined([block for block, _ in parts]), np.concatenate([numbers for _, numbers in parts])
    rows = ((name, np.flatnonzero(block.symbol_codes == code)) for code, name in enumerate(block.symbols))
    return {name: (block.take(own), seq[own]) for name, own in rows if len(own)}


def _tape(name: str, block: TradeBlock, seq: Int64, recorded: tuple[BookBlock, Int64] | None) -> RecordedTape:
    trades = Trades(block.ts, seq, block.price, block.quantity, block.side)
    if recorded is None:
        return RecordedTape(name, contract_for(trades.price, trades.qty), trades)
    levels, numbers = recorded
    books = Books(levels.ts, numbers, levels.bid_px, levels.bid_qty, levels.ask_px, levels.ask_qty)
    price, quantity = (
        np.concatenate([column[~np.isnan(column)] for column in columns])
        for columns in ((trades.price, books.bid_px, books.ask_px), (trades.qty, books.bid_qty, books.ask_qty))
    )
    return RecordedTape(name, contract_for(price, quantity), trades, books)
