"""Whole backtests out of the database: source, indicators, conditions, desks, sinks."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Measurement, Results, stopwatch
from connectors.questdb.database import Database
from connectors.questdb.reader import QuestDBTapeReader
from connectors.simulated.parameters import MarketParameters
from dataflows.generating import GeneratedSession, generate
from dataflows.preparing import BacktestRequest, prepare_backtest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch
from dataflows.sessions.progress import SessionProgress

STRATEGIES = ("pump_follow_long", "peak_fade_short", "flash_pump_long", "pump_alert_only")


def run(database: Database, home: Path, trades: int, long_trades: int, results: Results) -> None:
    """One and twenty symbols over `trades`, then twenty over `long_trades` to see that memory stays flat."""
    for symbols, count, seed in ((20, trades, 11), (1, trades, 12), (20, long_trades, 13)):
        if not count:
            continue
        parameters = MarketParameters(symbols=symbols, trades=count, hours=24.0, pumps=2 * symbols, seed=seed)
        with stopwatch() as spent:
            market = generate(database, parameters)
        results.add(Measurement(f"generate, {symbols} symbols", market.trades, "trades", spent[0]))
        bare = bare_read(database, market)
        for slice_rows in (16_384, 65_536, 262_144) if (symbols, count) == (20, trades) else (65_536,):
            progress = backtest(database, home, market, slice_rows)
            results.add(
                Measurement(
                    f"backtest, {symbols} symbols, 4 templates, slices of {slice_rows:,}",
                    progress.trades,
                    "trades",
                    progress.seconds,
                    bare,
                    "≥ 1 M/s, goal 3 M",
                    f"peak {progress.peak_bytes / 2**20:,.0f} MiB",
                )
            )


def bare_read(database: Database, market: GeneratedSession) -> float:
    """Trades per second of reading the tape and doing nothing with it."""
    with stopwatch() as spent:
        pages = QuestDBTapeReader(database, market.session_id, market.symbols).pages(market.tape_from, market.tape_to)
        count = sum(len(page.trades) for page in pages)
    return count / spent[0]


def backtest(database: Database, home: Path, market: GeneratedSession, slice_rows: int) -> SessionProgress:
    """A session as `tapeflow backtest` runs it; the time is that of the flow, without starting processes."""
    request = BacktestRequest(market.session_id, strategies=STRATEGIES, slice_rows=slice_rows)
    plan, _ = prepare_backtest(database, home, None, request)
    folder = SessionFolder.of(home, plan.session_id)
    folder.write_plan(plan)
    progress = follow(folder, launch(folder), lambda _: None)
    if progress.error:
        raise RuntimeError(progress.error)
    return progress
