"""A generated market: symbols, pumps and the tape over all of them, in pieces.

>>> market = GeneratedMarket(MarketParameters(symbols=2, trades=500, hours=0.5, pumps=1, books=False))
>>> [len(piece.page.trades) for piece in market.pieces(rows=10**6)]
[500]
>>> market.pumps[0].symbol in market.symbols
True
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from connectors.simulated import kernel
from connectors.simulated.arrivals import Intensity, intensity
from connectors.simulated.coins import Coin, draw_coins, power_of_ten
from connectors.simulated.merging import SymbolRows, merge
from connectors.simulated.parameters import MarketParameters
from connectors.simulated.pumps import SIZE_FACTOR, Pump, draw_pumps, plan
from connectors.simulated.records import STATE, SYMBOL
from operators.slices import TapePage
from operators.tape import BOOKS_STREAM, TRADES_STREAM, Books, Int64, TapeEvent, Trades

DEFAULT_PIECE_ROWS: Final = 500_000
_GRID_SECONDS: Final = 1.0
_BOOK_WEIGHT: Final = 8
"""A book counts as this many rows when a piece or a buffer is sized."""
_FIRST_ROOM: Final = 4_096
_MOST_ROOM: Final = 65_536


@dataclass(frozen=True, slots=True)
class MarketPiece:
    """A stretch of the tape: its page, the trades' ids and the books' versions (both count per symbol from 1)."""

    page: TapePage
    trade_ids: Int64
    book_versions: Int64


class GeneratedMarket:
    """The market that `parameters` describe. Nothing is drawn from anywhere but their seed."""

    def __init__(self, parameters: MarketParameters) -> None:
        self.parameters = parameters
        coins_seed, pumps_seed, *self._seeds = np.random.SeedSequence(parameters.seed).spawn(2 + parameters.symbols)
        self.coins: tuple[Coin, ...] = tuple(draw_coins(parameters, coins_seed))
        self.symbols: tuple[str, ...] = tuple(coin.symbol for coin in self.coins)
        self.pumps: tuple[Pump, ...] = tuple(draw_pumps(parameters, self.symbols, pumps_seed))
        self._pumps_of: dict[str, list[Pump]] = {symbol: [] for symbol in self.symbols}
        for pump in self.pumps:
            self._pumps_of[pump.symbol].append(pump)

    def pumps_of(self, symbol: str) -> list[Pump]:
        """The pumps of one symbol, by onset."""
        return list(self._pumps_of[symbol])

    def events(self) -> tuple[TapeEvent, ...]:
        """The head of the tape: per symbol the streams that are observed and the contract, `seq` from 0."""
        streams = (TRADES_STREAM, BOOKS_STREAM) if self.parameters.books else (TRADES_STREAM,)
        heads: list[tuple[str, str, dict[str, Any]]] = []
        for coin in self.coins:
            heads += [(coin.symbol, "observed_on", {"stream": stream, "cause": "generated"}) for stream in streams]
            heads.append((coin.symbol, "contract", coin.contract.to_payload()))
        start = self.parameters.start_us
        return tuple(TapeEvent(start, seq, *head) for seq, head in enumerate(heads))

    def pieces(self, rows: int = DEFAULT_PIECE_ROWS) -> Iterator[MarketPiece]:
        """The tape from its start, in pieces of about `rows` rows that follow one another without a gap.

        The first piece holds `events()`; `seq` is one counter over all of them. Where the pieces end makes no
        difference to what they hold.
        """
        parameters = self.parameters
        runs = [
            _SymbolRun(parameters, coin, self.pumps_of(coin.symbol), seed)
            for coin, seed in zip(self.coins, self._seeds, strict=True)
        ]
        events, seq = self.events(), 0
        from_ts = parameters.start_us - 1
        for until in self._ends(runs, rows):
            parts = [run.advance(until) for run in runs]
            to_ts = parameters.start_us + until
            merged = merge(parts, parameters.start_us, seq + len(events))
            yield MarketPiece(
                TapePage(
                    from_ts, to_ts, merged.trade_symbols, merged.trades, merged.book_symbols, merged.books, events
                ),
                merged.trade_ids,
                merged.book_versions,
            )
            seq += len(events) + len(merged.trades) + len(merged.books)
            from_ts, events = to_ts, ()

    def _ends(self, runs: list[_SymbolRun], rows: int) -> list[int]:
        """Where the pieces end (µs since the start), by the rows that are expected, on whole seconds."""
        parameters = self.parameters
        grid = np.arange(_GRID_SECONDS, parameters.seconds, _GRID_SECONDS)
        expected = np.zeros(len(grid))
        for run in runs:
            expected += run.coin.trades * run.intensity.share(grid)
        if parameters.books:
            per_second = 1000.0 / parameters.book_interval_ms * parameters.symbols
            expected += _BOOK_WEIGHT * per_second * grid
        piece = np.floor(expected / max(rows, 1))
        cuts = grid[1:][np.diff(piece) > 0]
        return [round(cut * 1e6) for cut in cuts] + [parameters.span]


def generate_tape(parameters: MarketParameters) -> list[tuple[str, Trades, Books]]:
    """A whole market in memory, per symbol in the order of the symbols: for tests and benchmarks."""
    market = GeneratedMarket(parameters)
    pieces = list(market.pieces())
    return [
        (
            symbol,
            Trades(*(_of_symbol(pieces, "trades", "trade_symbols", name, code) for name in Trades.__slots__)),
            Books(*(_of_symbol(pieces, "books", "book_symbols", name, code) for name in Books.__slots__)),
        )
        for code, symbol in enumerate(market.symbols)
    ]


def _of_symbol(pieces: list[MarketPiece], stream: str, symbols: str, column: str, code: int) -> NDArray[Any]:
    return np.concatenate(
        [getattr(getattr(piece.page, stream), column)[getattr(piece.page, symbols) == code] for piece in pieces]
    )


class _SymbolRun:
    """One symbol while its tape is being made."""

    def __init__(
        self, parameters: MarketParameters, coin: Coin, pumps: list[Pump], seed: np.random.SeedSequence
    ) -> None:
        # not seed.spawn, which counts: a market can be read several times
        tape_seed, book_seed = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key).spawn(2)
        self.coin = coin
        self.intensity: Intensity = intensity(pumps, parameters.start_us, parameters.seconds)
        self._levels = parameters.levels if parameters.books else 0
        self._pumps = plan(pumps, parameters.start_us)
        self._rng = np.random.Generator(np.random.PCG64(tape_seed))
        self._book_rng = np.random.Generator(np.random.PCG64(book_seed))
        self._symbol = _symbol_record(parameters, coin, float(self.intensity.mass[-1]))
        self._state = np.zeros(1, STATE)
        self._room = _FIRST_ROOM
        kernel.start(self._state, self._symbol, self.intensity.time, self.intensity.mass, coin.trades, self._rng)

    def advance(self, until: int) -> SymbolRows:
        """All rows up to `until` µs since the start."""
        parts = []
        reached = False
        while not reached:
            trades, books = self._columns()
            rows, levels, reached = kernel.advance(
                self._state,
                self._symbol,
                self._pumps,
                self.intensity.time,
                self.intensity.mass,
                self._rng,
                self._book_rng,
                until,
                trades,
                books,
            )
            parts.append((tuple(each[:rows] for each in trades), tuple(each[:levels] for each in books)))
            if not reached:
                self._room = min(self._room * 2, _MOST_ROOM)
        return SymbolRows.joined(parts)

    def _columns(self) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        room, book_room = self._room, self._room // _BOOK_WEIGHT if self._levels else 0
        trades = (
            np.empty(room, np.int64),
            np.empty(room),
            np.empty(room),
            np.empty(room, np.int8),
            np.empty(room, np.int64),
        )
        sides = tuple(np.empty((book_room, max(self._levels, 1))) for _ in range(4))
        return trades, (np.empty(book_room, np.int64), np.empty(book_room, np.int64), *sides)


def _symbol_record(parameters: MarketParameters, coin: Coin, mass: float) -> NDArray[np.void]:
    record = np.zeros(1, SYMBOL)
    row = record[0]
    contract_value = coin.contract_size * coin.price
    row["log_price"] = np.log(coin.price)
    row["price_up"] = power_of_ten(max(coin.price_decimals, 0))
    row["price_down"] = power_of_ten(max(-coin.price_decimals, 0))
    row["contract_up"] = power_of_ten(max(-coin.contract_power, 0))
    row["contract_down"] = power_of_ten(max(coin.contract_power, 0))
    row["trade_contracts"] = coin.trade_quote / contract_value
    row["trade_sigma"] = parameters.trade_sigma
    row["size_factor"] = SIZE_FACTOR
    row["depth_contracts"] = coin.depth_quote / contract_value
    row["spread"] = coin.spread
    row["volatility"] = coin.volatility
    row["more_fills"] = parameters.equal_time_share
    row["side_keep"] = (1.0 + parameters.side_persistence) / 2.0
    row["clustering"] = parameters.clustering
    row["rest_rate"] = coin.trades * (1.0 - parameters.equal_time_share) / mass
    row["interval_us"] = parameters.book_interval_ms * 1000
    row["fast_interval_us"] = parameters.fast_book_interval_ms * 1000
    row["span_us"] = parameters.span
    return record
