"""The generated market (`connectors.simulated.market`) as a flow without an end.

Its tape is shifted so that it begins at the market's start. When it is over, the market of the next seed follows: the
same symbols, as busy as before, at the prices where the one before it ended.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.questdb.read_ahead import read_ahead
from connectors.simulated.coins import Coin
from connectors.simulated.exchange.errors import InvalidFlow
from connectors.simulated.exchange.flow import FlowEvent, Listing, Quote, TakerOrder
from connectors.simulated.market import GeneratedMarket, MarketPiece
from connectors.simulated.parameters import MarketParameters
from connectors.simulated.pumps import Pump
from operators.tape import Float64, Int64

PIECE_ROWS: Final = 200_000
FEWEST_INTERVAL_MS: Final = 100
FEWEST_FAST_INTERVAL_MS: Final = 10
LEAST_TICKS: Final = 200
"""A price that has fallen below so many ticks starts the next tape there."""
BUILT_AHEAD: Final = 1


@dataclass(frozen=True, slots=True)
class _Batch:
    """A stretch of the flow as columns: `values` are (side, quantity) of orders, (bid, ask, bid quantity, ask
    quantity) of quotes. `pumps` are those that became known with it."""

    ms: Int64
    symbol: NDArray[np.int16]
    is_quote: NDArray[np.bool_]
    values: Float64
    pumps: tuple[Pump, ...]


class GeneratedFlow:
    """An endless generated market that begins at `start_ms` UTC.

    `parameters` describe one tape (`books` and `levels` are not used: the venue's makers make the books). `names`
    replace the generated symbols, one for each; `…_USD` are inverse contracts. `lead_seconds` skips the quiet beginning
    of the first tape so that its first pump comes so many seconds after the start. `tempo` multiplies trades and quotes
    per second; prices and pumps keep theirs. The pumps of the tape under way and of the next are known.
    """

    def __init__(
        self,
        parameters: MarketParameters,
        *,
        start_ms: int,
        names: Sequence[str] | None = None,
        lead_seconds: float | None = None,
        tempo: float = 1.0,
    ) -> None:
        self._parameters = _at_tempo(parameters, tempo)
        first = GeneratedMarket(self._parameters)
        self._coins = first.coins
        self._names = _checked(names, first.symbols)
        self._start_ms = start_ms
        self._skip_us = _skip(first, lead_seconds)
        self._pumps: list[Pump] = []
        batches = itertools.repeat(self._batches(first))
        self._read = read_ahead(lambda following: next(following), batches, ahead=BUILT_AHEAD)
        self._row = 0
        self._batch = next(self._read)
        self._pumps += self._batch.pumps
        self._listings = tuple(self._listing(coin, name) for coin, name in zip(self._coins, self._names, strict=True))

    @property
    def start_ms(self) -> int:
        return self._start_ms

    @property
    def end_ms(self) -> None:
        """There is no end."""
        return None

    @property
    def listings(self) -> tuple[Listing, ...]:
        return self._listings

    @property
    def pumps(self) -> tuple[Pump, ...]:
        """The pumps of all tapes so far, of the one under way and of the next."""
        return tuple(self._pumps)

    def opening(self) -> list[FlowEvent]:
        """The quotes in force at the start."""
        return self._taken(self._start_ms)

    def events(self, to_ms: int) -> list[FlowEvent]:
        events: list[FlowEvent] = []
        while True:
            events += self._taken(to_ms)
            if self._row < len(self._batch.ms):
                return events
            self._batch, self._row = next(self._read), 0
            self._pumps += self._batch.pumps

    def close(self) -> None:
        self._read.close()  # type: ignore[attr-defined]

    def _taken(self, to_ms: int) -> list[FlowEvent]:
        batch, begin = self._batch, self._row
        end = int(np.searchsorted(batch.ms, to_ms, side="right"))
        if end <= begin:
            return []
        self._row = end
        rows = slice(begin, end)
        columns = (batch.ms[rows], batch.symbol[rows], batch.is_quote[rows], *batch.values[rows].T)
        return [
            Quote(ms, symbol, first, second, third, fourth) if is_quote else TakerOrder(ms, symbol, int(first), second)
            for ms, symbol, is_quote, first, second, third, fourth in zip(
                *(column.tolist() for column in columns), strict=True
            )
        ]

    def _batches(self, market: GeneratedMarket) -> Iterator[_Batch]:
        """The flow from its beginning, for ever."""
        parameters = self._parameters
        begin_us = self._start_ms * 1000 - self._skip_us
        known = self._shown(market, begin_us)
        in_force: Float64 | None = np.zeros((len(self._coins), 4))
        middle = np.zeros(len(self._coins))
        for lap in itertools.count(1):
            following = GeneratedMarket(replace(parameters, seed=parameters.seed + lap))
            known += self._shown(following, begin_us + parameters.span)
            for piece in market.pieces(rows=PIECE_ROWS):
                books = piece.page.books
                middle[piece.page.book_symbols] = (books.bid_px[:, 0] + books.ask_px[:, 0]) / 2.0
                batch = _batch_of(piece, begin_us - market.parameters.start_us, known)
                if in_force is not None:
                    batch, skipped = _opened(batch, self._start_ms, in_force)
                    if skipped:
                        continue
                    in_force = None
                known = ()
                yield batch
            begin_us += parameters.span
            market = following
            self._continue(market, middle)

    def _shown(self, market: GeneratedMarket, begin_us: int) -> tuple[Pump, ...]:
        """The pumps of a market under our names, if its tape begins at `begin_us`."""
        names = dict(zip(market.symbols, self._names, strict=True))
        shift = begin_us - market.parameters.start_us
        return tuple(
            replace(
                pump,
                symbol=names[pump.symbol],
                onset=pump.onset + shift,
                peak=pump.peak + shift,
                decay=pump.decay + shift,
                settled=pump.settled + shift,
            )
            for pump in market.pumps
        )

    def _continue(self, market: GeneratedMarket, middle: Float64) -> None:
        """Give a market our coins, at prices from which its first quotes lie around `middle`.

        A tape does not begin at its coins' prices but at a random distance from them, which does not depend on the
        price: it is seen in a first second that is thrown away.
        """
        coins = [
            replace(coin, price=max(price, LEAST_TICKS * coin.contract.price_unit))
            for coin, price in zip(self._coins, middle.tolist(), strict=True)
        ]
        market.coins = tuple(coins)
        page = next(market.pieces(rows=1)).page
        codes, first = np.unique(page.book_symbols, return_index=True)
        opened = (page.books.bid_px[first, 0] + page.books.ask_px[first, 0]) / 2.0
        for code, price in zip(codes.tolist(), opened.tolist(), strict=True):
            coin = coins[code]
            coins[code] = replace(coin, price=coin.price * coin.price / price)
        market.coins = tuple(coins)

    def _listing(self, coin: Coin, name: str) -> Listing:
        parameters = self._parameters
        mean = coin.trade_quote * math.exp(parameters.trade_sigma**2 / 2.0)
        return Listing(name, coin.contract, coin.price, coin.spread, coin.trades * mean / parameters.seconds)


def _at_tempo(parameters: MarketParameters, tempo: float) -> MarketParameters:
    """One level per side is enough for a quote; the tempo changes how often things happen."""
    if not 0.01 <= tempo <= 1000:
        raise InvalidFlow(f"tempo: found {tempo:g}, allowed is a number from 0.01 to 1000")
    interval = max(round(parameters.book_interval_ms / tempo), FEWEST_INTERVAL_MS)
    fast = max(round(parameters.fast_book_interval_ms / tempo), FEWEST_FAST_INTERVAL_MS)
    trades = max(round(parameters.trades * tempo), parameters.symbols)
    return replace(
        parameters,
        books=True,
        levels=1,
        trades=trades,
        book_interval_ms=interval,
        fast_book_interval_ms=min(fast, interval),
    )


def _checked(names: Sequence[str] | None, generated: tuple[str, ...]) -> tuple[str, ...]:
    if names is None:
        return generated
    twice = {name for name in names if list(names).count(name) > 1}
    wrong = [name for name in names if len(name.rpartition("_")[0]) == 0 or name != name.upper()]
    if twice or wrong:
        bad = ", ".join(sorted(twice) or wrong)
        raise InvalidFlow(f"names: found {bad}, allowed are different names like ALPHA_USDT or BTC_USD")
    if len(names) != len(generated):
        raise InvalidFlow(f"names: found {len(names)}, allowed is one for each of {len(generated)} symbols")
    return tuple(names)


def _skip(market: GeneratedMarket, lead_seconds: float | None) -> int:
    """How much of the first tape to leave out, in µs, whole milliseconds."""
    if lead_seconds is None:
        return 0
    if not market.pumps:
        raise InvalidFlow("lead_seconds is the time until the first pump, and this market has none: pumps is 0")
    if not 0 <= lead_seconds < math.inf:
        raise InvalidFlow(f"lead_seconds: found {lead_seconds:g}, allowed is a number from 0")
    until_pump = market.pumps[0].onset - market.parameters.start_us
    return max(until_pump - round(lead_seconds * 1000.0) * 1000, 0)


def _batch_of(piece: MarketPiece, shift_us: int, pumps: tuple[Pump, ...]) -> _Batch:
    page = piece.page
    trades, books = page.trades, page.books
    order = np.argsort(np.concatenate([trades.seq, books.seq]), kind="stable")
    values = np.zeros((len(order), 4))
    values[: len(trades), 0], values[: len(trades), 1] = trades.side, trades.qty
    for column, levels in enumerate((books.bid_px, books.ask_px, books.bid_qty, books.ask_qty)):
        values[len(trades) :, column] = levels[:, 0]
    return _Batch(
        ms=(np.concatenate([trades.ts, books.ts])[order] + shift_us) // 1000,
        symbol=np.concatenate([page.trade_symbols, page.book_symbols])[order],
        is_quote=order >= len(trades),
        values=values[order],
        pumps=pumps,
    )


def _opened(batch: _Batch, start_ms: int, in_force: Float64) -> tuple[_Batch, bool]:
    """The batch from `start_ms` on: the quotes in force then (collected in `in_force`) come first. True: all of the
    batch lies before the start."""
    before = int(np.searchsorted(batch.ms, start_ms, side="right"))
    quotes = np.flatnonzero(batch.is_quote[:before])
    in_force[batch.symbol[quotes]] = batch.values[quotes]
    count = len(in_force)
    opened = _Batch(
        ms=np.concatenate([np.full(count, start_ms), batch.ms[before:]]),
        symbol=np.concatenate([np.arange(count, dtype=np.int16), batch.symbol[before:]]),
        is_quote=np.concatenate([np.ones(count, np.bool_), batch.is_quote[before:]]),
        values=np.concatenate([in_force, batch.values[before:]]),
        pumps=batch.pumps,
    )
    return opened, before == len(batch.ms)
