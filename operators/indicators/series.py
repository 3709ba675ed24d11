"""What a ring can hold per event: step functions (a value holds until the next event) and quantities to be summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operators.indicators.kernels.layout import (
    BOOK_ASK,
    BOOK_BID,
    BOOK_ROWS,
    BOOKS,
    DERIVE_MID,
    DERIVE_SPREAD_PCT,
    MEASURE_IMBALANCE_PCT,
    MEASURE_QUOTE_DEPTH,
    TERM_KNOWN,
    TERM_PRICE,
    TERM_QUANTITY,
    TERM_QUOTE,
    TERM_SIGNED,
    TRADE_PRICE,
    TRADE_ROWS,
    TRADES,
)
from operators.tape import BOOKS_STREAM, TRADES_STREAM

STREAM_NAMES: Final = (TRADES_STREAM, BOOKS_STREAM)
RAW_ROWS: Final = (TRADE_ROWS, BOOK_ROWS)
"""How many rows of a ring come from the tape as they are, per stream."""


@dataclass(frozen=True, slots=True)
class StepSeries:
    """A value that holds from its event to the next: a row of the tape, or (`derived`) one computed from such rows, or
    one measured over so many best `levels` of each side of a book.

    `code` is the row, or what is to be computed.
    """

    stream: int
    code: int
    derived: bool = False
    levels: int = 0


@dataclass(frozen=True, slots=True)
class SumSeries:
    """Something that each event adds to a total; `term` says what."""

    stream: int
    term: int


PRICE: Final = StepSeries(TRADES, TRADE_PRICE)
BEST_BID: Final = StepSeries(BOOKS, BOOK_BID)
BEST_ASK: Final = StepSeries(BOOKS, BOOK_ASK)
MID: Final = StepSeries(BOOKS, DERIVE_MID, derived=True)
SPREAD: Final = StepSeries(BOOKS, DERIVE_SPREAD_PCT, derived=True)

QUANTITY: Final = SumSeries(TRADES, TERM_QUANTITY)
QUOTE_QUANTITY: Final = SumSeries(TRADES, TERM_QUOTE)
TRADE_PRICES: Final = SumSeries(TRADES, TERM_PRICE)
SIGNED_QUANTITY: Final = SumSeries(TRADES, TERM_SIGNED)
KNOWN_SIDE_QUANTITY: Final = SumSeries(TRADES, TERM_KNOWN)


def quantity_imbalance(levels: int) -> StepSeries:
    """100·(bid quantity − ask quantity) / (their sum) over the best levels of each side."""
    return StepSeries(BOOKS, MEASURE_IMBALANCE_PCT, levels=levels)


def quote_depth(levels: int) -> StepSeries:
    """Σ price·quantity over the best levels of both sides."""
    return StepSeries(BOOKS, MEASURE_QUOTE_DEPTH, levels=levels)
