"""Speed of the indicator kernels: nanoseconds per trade for 20 windowed values over 12 distinct edges.

Run with `python -m benchmarks.kernels`. Goals: at most 300 ns per event at batches of 4096 and more, at most 15 µs at
batches of 1 (everything that an engine does for a batch, the building of the `Evaluation` included).
"""

from __future__ import annotations

import numpy as np

from benchmarks.report import Measurement, Results, stopwatch
from dataflows.warming import warm
from operators.indicators.engine import IndicatorEngine
from operators.tape import Books, MarketBatch, SliceHeader, TapeEvent, Trades

_WINDOWS = ((10, 0), (30, 0), (60, 0), (300, 0), (60, 30), (300, 60), (600, 30), (3600, 900), (120, 20), (45, 15))
IDS = tuple(f"{kind}(t1={t1},t2={t2})" for t1, t2 in _WINDOWS for kind in ("TWPA", "SUM_VOLUME"))
"""Ten windows with two measures each; edges at 0, 10, 15, 20, 30, 45, 60, 120, 300, 600, 900 and 3600 s."""


def generated_trades(count: int, mean_gap_us: int = 50_000, seed: int = 7) -> Trades:
    """Trades at random times, a quarter of them at the time of the one before, on a random walk."""
    random = np.random.default_rng(seed)
    gaps = random.exponential(mean_gap_us / 0.75, count).astype(np.int64) * (random.random(count) > 0.25)
    price = np.exp(np.cumsum(random.normal(0.0, 1e-4, count)))
    side = random.choice(np.array([-1, 1], np.int8), count)
    return Trades(
        1_700_000_000_000_000 + np.cumsum(gaps), np.arange(1, count + 1), price, random.lognormal(0, 1, count), side
    )


def measure(batch_rows: int, trades: Trades) -> Measurement:
    """Feeds an engine with batches of so many rows (no grid, so that every evaluation is a trade's)."""
    engine = IndicatorEngine(IDS, evaluation_interval_us=0)
    observed = TapeEvent(int(trades.ts[0]), 0, "A_USDT", "observed_on", {"stream": "trades", "cause": "generated"})
    batches = []
    for number, start in enumerate(range(0, len(trades), batch_rows)):
        part = trades.between(start, start + batch_rows)
        header = SliceHeader(0, 1, number, int(part.ts[0]) - 1, int(part.ts[-1]), 1)
        batches.append(MarketBatch("A_USDT", header, part, Books.empty(), (observed,) if number == 0 else ()))
    with stopwatch() as spent:
        for batch in batches:
            engine.on_batch(batch)
    target = "≤ 15 µs" if batch_rows == 1 else "≤ 300 ns" if batch_rows >= 4096 else ""
    note = f"{spent[0] * 1e9 / len(trades):,.0f} ns per trade"
    what = f"20 windowed values, batches of {batch_rows}"
    return Measurement(what, len(trades), "trades", spent[0], target=target, note=note)


def run() -> list[Measurement]:
    """Batches of 1, 100, 4096 and 65536 trades."""
    warm()
    sizes = ((1, 30_000), (100, 400_000), (4096, 2_000_000), (65_536, 2_000_000))
    return [measure(batch_rows, generated_trades(count)) for batch_rows, count in sizes]


def main() -> None:
    """Prints what `run` measures."""
    results = Results()
    for measurement in run():
        results.add(measurement)
    results.print()


if __name__ == "__main__":
    main()
