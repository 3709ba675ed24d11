"""The order of evaluation instants: trades and books by (ts, seq), a grid instant after all events with ts <= g."""

from __future__ import annotations

from numba import njit

from operators.evaluation import BOOK_INSTANT, GRID_INSTANT, NO_SEQ, TRADE_INSTANT
from operators.indicators.kernels.layout import (
    INSTANT_BOOKS,
    INSTANT_SEQ,
    INSTANT_TRADES,
    INSTANT_TS,
    RING_SEQ,
    RING_TS,
)
from operators.tape import Int8, Int64


@njit(cache=True, error_model="numpy")
def merge_instants(
    trade_times: Int64,
    trade: int,
    trades_end: int,
    book_times: Int64,
    book: int,
    books_end: int,
    grid: Int64,
    instants: Int64,
    kinds: Int8,
) -> None:
    """Fills `instants[4, n]` (ts, seq, trades seen, books seen) and `kinds[n]` from the ring slots trade..trades_end
    and book..books_end and the grid instants; n is the number of all three together."""
    first_trade, first_book, next_grid = trade, book, 0
    for i in range(instants.shape[1]):
        trade_next = trade < trades_end and (
            book >= books_end
            or trade_times[RING_TS, trade] < book_times[RING_TS, book]
            or (
                trade_times[RING_TS, trade] == book_times[RING_TS, book]
                and trade_times[RING_SEQ, trade] < book_times[RING_SEQ, book]
            )
        )
        book_next = book < books_end and not trade_next
        on_grid = next_grid < grid.shape[0]
        if on_grid and trade_next:
            on_grid = grid[next_grid] < trade_times[RING_TS, trade]
        elif on_grid and book_next:
            on_grid = grid[next_grid] < book_times[RING_TS, book]
        if on_grid:
            instants[INSTANT_TS, i] = grid[next_grid]
            instants[INSTANT_SEQ, i] = NO_SEQ
            kinds[i] = GRID_INSTANT
            next_grid += 1
        elif trade_next:
            instants[INSTANT_TS, i] = trade_times[RING_TS, trade]
            instants[INSTANT_SEQ, i] = trade_times[RING_SEQ, trade]
            kinds[i] = TRADE_INSTANT
            trade += 1
        else:
            instants[INSTANT_TS, i] = book_times[RING_TS, book]
            instants[INSTANT_SEQ, i] = book_times[RING_SEQ, book]
            kinds[i] = BOOK_INSTANT
            book += 1
        instants[INSTANT_TRADES, i] = trade - first_trade
        instants[INSTANT_BOOKS, i] = book - first_book
