"""The rows of an imported session on their way to the database: in pieces, with the events at the head of the tape."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from connectors.files.blocks import BookBlock, EventBlock, Rejected, TradeBlock
from connectors.files.decimals import most_decimals
from connectors.files.errors import FileError
from connectors.files.tape_rows import TapeStep, joined
from connectors.files.tape_tables import book_table, dead_letter_table, event_table, trade_table
from operators.contracts import ContractSpecification, assumed_contract
from operators.tape import BOOKS_STREAM, TRADES_STREAM, Int64

TRADES_PER_PIECE: Final = 500_000
BOOKS_PER_PIECE: Final = 50_000
EVENTS_PER_PIECE: Final = 50_000
LETTERS_PER_PIECE: Final = 50_000
_UNFORESEEN_SYMBOLS: Final = 1_000

Insert = Callable[[str, pa.Table], None]


@dataclass(slots=True)
class _Symbol:
    streams: set[str]
    price_decimals: int = 0
    quantity_decimals: int = 0


class TapeWriter:
    """Numbers the rows behind the events at the head of the tape and hands them to `insert` in large pieces.

    The events (`observed_on` per stream, `contract` with steps from the most decimals seen) are known only at the end,
    so their numbers are set aside when the first piece goes out: exactly as many as needed where that is the whole tape
    or all symbols are known (`symbols`), else with room for more symbols.
    """

    def __init__(
        self,
        session_id: str,
        insert: Insert,
        *,
        head_ts: int,
        contract_size: float,
        streams: Sequence[str],
        symbols: Sequence[str] | None,
    ) -> None:
        self._session_id = session_id
        self._insert = insert
        self._head_ts = head_ts
        self._contract_size = contract_size
        self._events_per_symbol = len(set(streams)) + 1
        self._foreseen = symbols
        self._head: int | None = None
        self._trades: list[tuple[TradeBlock, Int64]] = []
        self._books: list[tuple[BookBlock, Int64]] = []
        self._events: list[tuple[EventBlock, Int64]] = []
        self._letters: dict[tuple[str, str], list[Rejected]] = {}
        self._symbols: dict[str, _Symbol] = {}
        self.trades = 0
        self.books = 0
        self.rejected = 0
        self.last_ts = 0

    def add(self, step: TapeStep) -> None:
        """Take rows; what has come together to a piece is inserted."""
        if step.rejected:
            self.rejected += len(step.rejected)
            for entry in step.rejected:
                self._letters.setdefault((entry.stream or step.stream, step.source), []).append(entry)
            if sum(map(len, self._letters.values())) >= LETTERS_PER_PIECE:
                self._send_letters()
        if not len(step.block):
            return
        self.last_ts = max(self.last_ts, int(step.block.ts[-1]))
        if isinstance(step.block, TradeBlock):
            self._measure(step.block, TRADES_STREAM, [step.block.price], [step.block.quantity])
            self._trades.append((step.block, step.seq))
            self.trades += len(step.block)
            if sum(len(block) for block, _ in self._trades) >= TRADES_PER_PIECE:
                self._send_trades(finished=False)
        elif isinstance(step.block, EventBlock):
            self._events.append((step.block, step.seq))
            if sum(len(block) for block, _ in self._events) >= EVENTS_PER_PIECE:
                self._send_events(finished=False)
        else:
            prices, quantities = [step.block.bid_px, step.block.ask_px], [step.block.bid_qty, step.block.ask_qty]
            self._measure(step.block, BOOKS_STREAM, prices, quantities)
            self._books.append((step.block, step.seq))
            self.books += len(step.block)
            if sum(len(block) for block, _ in self._books) >= BOOKS_PER_PIECE:
                self._send_books(finished=False)

    def finish(self) -> dict[str, ContractSpecification]:
        """Insert what is left and the events; returns the contracts assumed, by symbol in the order of appearance."""
        self._set_head_aside(finished=True)
        self._send_trades(finished=True)
        self._send_books(finished=True)
        self._send_events(finished=True)
        self._send_letters()
        contracts = {
            name: assumed_contract(symbol.price_decimals, symbol.quantity_decimals, self._contract_size)
            for name, symbol in self._symbols.items()
        }
        rows: list[tuple[str, str, str]] = []
        for name, symbol in self._symbols.items():
            streams = sorted(symbol.streams, reverse=True)
            rows += [(name, "observed_on", _json({"stream": stream, "cause": "import"})) for stream in streams]
            rows.append((name, "contract", _json(contracts[name].to_payload())))
        if self._head is not None and len(rows) > self._head:
            raise FileError(
                f"more than {self._head // self._events_per_symbol} symbols in one import; split the files by symbol"
            )
        self._insert(
            "tape_events", event_table(self._session_id, _head_events(self._head_ts, rows), np.arange(len(rows)))
        )
        return contracts

    def _measure(self, block: Any, stream: str, prices: list[Any], quantities: list[Any]) -> None:
        several = len(block.symbols) > 1
        for code in np.unique(block.symbol_codes).tolist() if several else [0]:
            symbol = self._symbols.setdefault(block.symbols[code], _Symbol(set()))
            symbol.streams.add(stream)
            rows = block.symbol_codes == code if several else slice(None)
            for values in prices:
                symbol.price_decimals = most_decimals(_finite(values[rows]), symbol.price_decimals)
            for values in quantities:
                symbol.quantity_decimals = most_decimals(_finite(values[rows]), symbol.quantity_decimals)

    def _set_head_aside(self, *, finished: bool) -> int:
        if self._head is None:
            if finished:
                self._head = sum(len(symbol.streams) + 1 for symbol in self._symbols.values())
            else:
                known = set(self._symbols) | set(self._foreseen or ())
                spare = 0 if self._foreseen is not None else _UNFORESEEN_SYMBOLS
                self._head = self._events_per_symbol * (len(known) + spare)
        return self._head

    def _send_trades(self, *, finished: bool) -> None:
        if self._trades:
            head = self._set_head_aside(finished=finished)
            block = joined([block for block, _ in self._trades])
            seq = np.concatenate([numbers for _, numbers in self._trades]) + head
            self._trades.clear()
            self._insert("tick_prices", trade_table(self._session_id, block, seq, self._contract_size))

    def _send_books(self, *, finished: bool) -> None:
        if self._books:
            head = self._set_head_aside(finished=finished)
            block = joined([block for block, _ in self._books])
            seq = np.concatenate([numbers for _, numbers in self._books]) + head
            self._books.clear()
            self._insert("tick_orderbook", book_table(self._session_id, block, seq, self._contract_size))

    def _send_events(self, *, finished: bool) -> None:
        if self._events:
            head = self._set_head_aside(finished=finished)
            block = joined([block for block, _ in self._events])
            seq = np.concatenate([numbers for _, numbers in self._events]) + head
            self._events.clear()
            self._insert("tape_events", event_table(self._session_id, block, seq))

    def _send_letters(self) -> None:
        for (stream, source), letters in self._letters.items():
            self._insert("dead_letters", dead_letter_table(self._session_id, stream, source, letters, self._head_ts))
        self._letters.clear()


def _head_events(ts: int, rows: Sequence[tuple[str, str, str]]) -> EventBlock:
    """Events at one instant: (symbol, kind, payload as JSON)."""
    symbols, kinds, payloads = zip(*rows, strict=True)
    names = tuple(dict.fromkeys(symbols))
    codes = np.array([names.index(symbol) for symbol in symbols], np.int32)
    times = np.full(len(rows), ts)
    return EventBlock(
        np.zeros(len(rows), np.int64), times, np.array(kinds, object), np.array(payloads, object), codes, names
    )


def _finite(values: Any) -> Any:
    """Prices and quantities without the absent levels of books."""
    return values if values.ndim == 1 else values[~np.isnan(values)]


def _json(payload: dict[str, Any]) -> str:
    return json.dumps(payload, separators=(",", ":"))
