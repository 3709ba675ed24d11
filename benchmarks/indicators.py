"""What indicators cost: another window, another symbol, a long window, a strategy more, recording what was computed.

Run with `python -m benchmarks indicators`. Speed of the kernels alone is in `benchmarks.kernels`.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.kernels import IDS, generated_trades
from benchmarks.report import Measurement, stopwatch
from dataflows.warming import warm
from operators.indicators.engine import IndicatorEngine
from operators.tape import Books, MarketBatch, SliceHeader, TapeEvent, Trades

TWENTY_KINDS: Final = (
    "TWPA", "TWPA_RATIO", "VWAP", "SUPPORT_LEVEL_PROXIMITY_PCT", "MAX_PRICE", "MIN_PRICE", "PUMP_MAGNITUDE_PCT",
    "PRICE_VELOCITY", "PRICE_ACCELERATION", "PRICE_MOMENTUM_PCT", "MOMENTUM_DECAY_PCT", "RSI", "EMA",
    "BOLLINGER_PERCENT_B", "VOLUME_SURGE_RATIO", "TRADE_FREQUENCY_SURGE", "SUM_QUOTE_VOLUME", "AVG_TRADE_SIZE",
    "ORDER_FLOW_IMBALANCE", "INTER_TRADE_ACCELERATION",
)  # fmt: skip
"""Twenty kinds that read trades, with their defaults."""

_SLICE_ROWS: Final = 65_536
_DAY_SECONDS: Final = 86_400


def run() -> list[Measurement]:
    """Everything that needs no database."""
    warm()
    return [*windows(), *symbols(), *long_windows()]


def windows() -> Iterator[Measurement]:
    """One average price over 1 to 40 windows with edges of their own; the note has the cost of each one more."""
    trades, earlier = generated_trades(1_000_000), 0.0
    before = 0
    for count in (1, 5, 10, 20, 40):
        ids = tuple(f"VWAP(t1={30 + 7 * number},t2={3 + number})" for number in range(count))
        seconds = min(feed({"A_USDT": IndicatorEngine(ids, 0)}, trades, 4_096) for _ in range(3))
        note = f"{seconds * 1e9 / len(trades):,.0f} ns per trade"
        if before:
            note += f", {(seconds - earlier) * 1e9 / len(trades) / (count - before):,.1f} per window more"
        before, earlier = count, seconds
        yield Measurement(f"{count} windows (2 edges each)", len(trades), "trades", seconds, note=note)


def symbols() -> Iterator[Measurement]:
    """20 windowed values for one to a thousand symbols that share slices of 64 k rows, and the memory of each."""
    trades = generated_trades(2_000_000)
    for count in (1, 10, 100, 1_000):
        tracemalloc.start()
        engines = {f"S{number}_USDT": IndicatorEngine(IDS, 0) for number in range(count)}
        feed(engines, trades.between(0, 600_000), _SLICE_ROWS)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        engines = {name: IndicatorEngine(IDS, 0) for name in engines}
        seconds = feed(engines, trades, _SLICE_ROWS)
        note = f"{seconds * 1e9 / len(trades):,.0f} ns per trade; {held / count / 2**20:,.2f} MiB per symbol"
        yield Measurement(f"20 values, {count:,} symbols", len(trades), "trades", seconds, note=note)


def long_windows() -> Iterator[Measurement]:
    """A window of 24 hours over two days of a busy and of a very busy symbol."""
    for per_second in (5, 50):
        trades = generated_trades(2 * _DAY_SECONDS * per_second, 1_000_000 // per_second)
        engine = IndicatorEngine(("TWPA(t1=86400,t2=0)", "SUM_VOLUME(t1=86400,t2=0)"), 0)
        tracemalloc.start()
        seconds = feed({"A_USDT": engine}, trades, _SLICE_ROWS, tracing=True)
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        note = (
            f"ring {held / 2**20:,.0f} MiB, at most {peak / 2**20:,.0f}; "
            f"{engine.ring_overflows:,} values had no room in the ring of 2^20 trades"
        )
        yield Measurement(f"24 h window, {per_second} trades/s", len(trades), "trades", seconds, note=note)


def feed(engines: dict[str, IndicatorEngine], trades: Trades, slice_rows: int, tracing: bool = False) -> float:
    """Seconds of the engines for all trades, dealt to the symbols in turn and cut into slices. With `tracing` the
    batches are made one at a time, so that they do not count as memory in use."""
    spent = 0.0
    made = batches(tuple(engines), trades, slice_rows)
    for batch in made if tracing else list(made):
        with stopwatch() as passed:
            engines[batch.symbol].on_batch(batch)
        spent += passed[0]
    return spent


def batches(names: Sequence[str], trades: Trades, slice_rows: int) -> Iterator[MarketBatch]:
    """Slices of about so many trades, dealt to the symbols in turn, each symbol observed from the beginning on."""
    begun: set[str] = set()
    start, number, from_ts = 0, 0, int(trades.ts[0]) - 1
    while start < len(trades):
        to_ts = int(trades.ts[min(start + slice_rows, len(trades)) - 1])
        stop = int(trades.ts.searchsorted(to_ts, "right"))  # a time is never cut in two
        part = trades.between(start, stop)
        header = SliceHeader(0, 1, number, from_ts, to_ts, len(names))
        start, number, from_ts = stop, number + 1, to_ts
        for index, name in enumerate(names):
            own = _every(part, np.arange(index, len(part), len(names)))
            events: tuple[TapeEvent, ...] = ()
            if name not in begun:
                begun.add(name)
                cause = {"stream": "trades", "cause": "generated"}
                events = (TapeEvent(int(trades.ts[0]), 0, name, "observed_on", cause),)
            yield MarketBatch(name, header, own, Books.empty(), events)


def _every(trades: Trades, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Trades:
    return Trades(trades.ts[rows], trades.seq[rows], trades.price[rows], trades.qty[rows], trades.side[rows])
