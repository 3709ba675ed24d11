"""The inbox: what the connection has received and the dataflow has not yet taken, as columns in order of arrival.

The receive loop adds, the dataflow's thread takes everything at once. It is bounded: while it is `full` the receiver
leaves out what comes, counts it and records a gap; it never waits, because a reader that blocks makes the exchange cut
the connection. Events and rows count too. Those about what is observed are always taken in, because there are few:
while it is full every stream ends once; prices that the next look brings anew are left out and counted.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.mexc.book import Level2Book

MOST_ROWS: Final = 1_000_000
_REPLACEABLE: Final = frozenset({"mark"})


class HeldEvent(NamedTuple):
    """A tape event before it is stamped: its arrival number, exchange time (µs), symbol, kind and payload."""

    arrival: int
    exchange_us: int
    symbol: str
    kind: str
    payload: Mapping[str, Any]


def _integers() -> array[int]:
    return array("q")


def _numbers() -> array[float]:
    return array("d")


@dataclass(slots=True)
class TradeColumns:
    """Received trades: `arrival` numbers, index of the symbol, times in µs, price, quantity in base coins, taker side,
    id (`NULL` where absent); `late` is 1 where the trade was fetched afterwards."""

    arrival: array[int] = field(default_factory=_integers)
    symbol: array[int] = field(default_factory=lambda: array("h"))
    exchange_us: array[int] = field(default_factory=_integers)
    received_us: array[int] = field(default_factory=_integers)
    price: array[float] = field(default_factory=_numbers)
    quantity: array[float] = field(default_factory=_numbers)
    side: array[int] = field(default_factory=lambda: array("b"))
    trade_id: array[int] = field(default_factory=_integers)
    late: array[int] = field(default_factory=lambda: array("b"))


@dataclass(slots=True)
class BookColumns:
    """Received books; the four sides hold `levels` values per row, best first, NaN padded, quantities in contracts."""

    arrival: array[int] = field(default_factory=_integers)
    symbol: array[int] = field(default_factory=lambda: array("h"))
    exchange_us: array[int] = field(default_factory=_integers)
    received_us: array[int] = field(default_factory=_integers)
    version: array[int] = field(default_factory=_integers)
    bid_px: array[float] = field(default_factory=_numbers)
    bid_qty: array[float] = field(default_factory=_numbers)
    ask_px: array[float] = field(default_factory=_numbers)
    ask_qty: array[float] = field(default_factory=_numbers)


@dataclass(slots=True)
class Received:
    """Everything since the last take. `rows` are finished rows of other tables (gaps, dead letters, counters)."""

    trades: TradeColumns = field(default_factory=TradeColumns)
    books: BookColumns = field(default_factory=BookColumns)
    events: list[HeldEvent] = field(default_factory=list)
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def stamped(self) -> int:
        """How many items get a place on the tape."""
        return len(self.trades.arrival) + len(self.books.arrival) + len(self.events)


class Inbox:
    """One adder (the receive loop), one taker."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._arrival = 0
        self._received = Received()
        self._rows = 0
        self.left_out = 0
        """Reference prices for which there was no room."""

    def add_trade(
        self,
        symbol: int,
        exchange_us: int,
        received_us: int,
        price: float,
        quantity: float,
        side: int,
        trade_id: int,
        late: bool = False,
    ) -> None:
        """Add one trade."""
        with self._lock:
            self._rows += 1
            self._arrival += 1
            trades = self._received.trades
            trades.arrival.append(self._arrival)
            trades.symbol.append(symbol)
            trades.exchange_us.append(exchange_us)
            trades.received_us.append(received_us)
            trades.price.append(price)
            trades.quantity.append(quantity)
            trades.side.append(side)
            trades.trade_id.append(trade_id)
            trades.late.append(late)

    def add_book(
        self, symbol: int, exchange_us: int, received_us: int, version: int, book: Level2Book, levels: int
    ) -> None:
        """Add the best `levels` of a book as it is now."""
        with self._lock:
            self._rows += 1
            self._arrival += 1
            books = self._received.books
            books.arrival.append(self._arrival)
            books.symbol.append(symbol)
            books.exchange_us.append(exchange_us)
            books.received_us.append(received_us)
            books.version.append(version)
            book.write_top(levels, books.bid_px, books.bid_qty, books.ask_px, books.ask_qty)

    def add_event(self, exchange_us: int, symbol: str, kind: str, payload: Mapping[str, Any]) -> None:
        """Add a tape event."""
        with self._lock:
            if kind in _REPLACEABLE and self.full:
                self.left_out += 1
                return
            self._rows += 1
            self._arrival += 1
            self._received.events.append(HeldEvent(self._arrival, exchange_us, symbol, kind, payload))

    def add_row(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a finished row of another table."""
        with self._lock:
            self._rows += 1
            self._received.rows.setdefault(table, []).append(row)

    def take(self) -> Received:
        """Everything that has been added since the last call."""
        with self._lock:
            taken, self._received, self._rows = self._received, Received(), 0
            return taken

    @property
    def full(self) -> bool:
        """Whether the dataflow has fallen so far behind that nothing more is taken in."""
        return self._rows >= self._most_rows
