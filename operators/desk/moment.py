"""Where in the tape something is decided: the total order of everything that the desk does.

By ts; at one ts first what falls due (activations, cancels, settlements, in the order they were arranged), then
events by seq (each with its evaluation), then the grid instant, symbols by name, then the account's clock (equity
samples, midnight).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DUE: Final = 0
EVENT: Final = 1
GRID: Final = 2
CLOCK: Final = 3

Key = tuple[int, int, int, str]
"""(ts, class, order within the class, symbol): class 0 due, 1 event, 2 grid, 3 clock."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant of a symbol. `index` is its evaluation instant within the slice, −1 where nothing is evaluated.

    `instants`, `trades` and `books` count what the symbol's slice had up to here (the instant itself included).
    `is_trade`: the instant is a trade, whose price may trigger stops.
    """

    ts: int
    phase: int
    order: int
    index: int
    instants: int
    trades: int
    books: int
    is_trade: bool = False
