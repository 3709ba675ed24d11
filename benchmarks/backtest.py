"""Whole backtests out of the database: source, indicators, conditions, desks, sinks."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from benchmarks.indicators import TWENTY_KINDS
from benchmarks.report import Measurement, Results, stopwatch
from connectors.questdb.database import Database
from connectors.questdb.reader import QuestDBTapeReader
from connectors.simulated.parameters import MarketParameters
from dataflows.generating import GeneratedSession, generate
from dataflows.preparing import BacktestRequest, prepare_backtest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch
from dataflows.sessions.progress import SessionProgress
from operators.strategy.templates import template_text

STRATEGIES = ("pump_follow_long", "peak_fade_short", "flash_pump_long", "pump_alert_only")


def run(database: Database, home: Path, trades: int, long_trades: int, results: Results) -> None:
    """One and twenty symbols over `trades`, then twenty over `long_trades` to see that memory stays flat, and what
    indicators cost where starting up no longer counts."""
    for symbols, count, seed in ((20, trades, 11), (1, trades, 12), (20, long_trades, 13)):
        if not count:
            continue
        parameters = MarketParameters(symbols=symbols, trades=count, hours=24.0, pumps=2 * symbols, seed=seed)
        with stopwatch() as spent:
            market = generate(database, parameters)
        results.add(Measurement(f"generate, {symbols} symbols", market.trades, "trades", spent[0]))
        bare = bare_read(database, market)
        for slice_rows in (16_384, 65_536, 262_144) if (symbols, count) == (20, trades) else (65_536,):
            what = f"backtest, {symbols} symbols, 4 templates, slices of {slice_rows:,}"
            progress = backtest(database, home, market, strategies=STRATEGIES, slice_rows=slice_rows)
            results.add(_line(what, progress, bare, "≥ 1 M/s, goal 3 M"))
        if (symbols, count) == (20, long_trades or trades):
            _indicators(database, home, market, bare, results)
    _snapshots(database, home, trades, results)


def _snapshots(database: Database, home: Path, trades: int, results: Results) -> None:
    """Fifty symbols with a snapshot every second, every ten, and none; the note has the size of one per symbol."""
    parameters = MarketParameters(symbols=50, trades=trades, hours=24.0, pumps=50, seed=14)
    market = generate(database, parameters)
    bare = bare_read(database, market)
    for what, changes in (
        ("none", {}),
        ("every 10 s", {"recovery": True, "epoch_seconds": 10.0}),
        ("every second", {"recovery": True, "epoch_seconds": 1.0}),
    ):
        progress = backtest(database, home, market, strategies=STRATEGIES, **changes)
        line = _line(f"backtest, 50 symbols, 4 templates, snapshots {what}", progress, bare, "")
        if changes:
            newest = max(home.rglob("part-0.sqlite3"), key=lambda file: file.stat().st_mtime)
            line.note += f", {_snapshot_bytes(newest) / parameters.symbols / 1024:.1f} KiB per symbol"
        results.add(line)


def _snapshot_bytes(file: Path) -> int:
    """The newest snapshot of every step and key in a recovery store."""
    with contextlib.closing(sqlite3.connect(file)) as store:
        found = store.execute(
            "SELECT sum(length(ser_change)) FROM snaps AS one WHERE snap_epoch = "
            "(SELECT max(snap_epoch) FROM snaps WHERE step_id = one.step_id AND state_key = one.state_key)"
        ).fetchone()
    return int(found[0] or 0)


def _indicators(database: Database, home: Path, market: GeneratedSession, bare: float, results: Results) -> None:
    """Twenty different kinds; the same twenty asked for by two strategies; what it costs to keep their values."""
    one, two = (_asking_for_twenty(home, name) for name in ("twenty_kinds", "twenty_kinds_again"))
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("20 kinds", {"strategies": (one,)}),
        ("20 kinds, slices of 262,144", {"strategies": (one,), "slice_rows": 262_144}),
        ("20 kinds, 2 processes", {"strategies": (one,), "workers": 2, "threads": 1}),
        ("the same 20 asked for by 2 strategies", {"strategies": (one, two)}),
        ("20 kinds, no grid", {"strategies": (one,), "evaluation_interval_us": 0}),
        ("20 kinds, stored every minute", {"strategies": (one,), "record_indicators": "used", "record_every": "60"}),
        ("20 kinds, stored every 10 s", {"strategies": (one,), "record_indicators": "used", "record_every": "10"}),
    )
    for what, changes in cases:
        progress = backtest(database, home, market, **changes)
        results.add(_line(f"backtest, 20 symbols, {what}", progress, bare, "≥ 2 M/s" if what == "20 kinds" else ""))


def _asking_for_twenty(home: Path, name: str) -> str:
    """A file with a strategy whose signal needs all twenty kinds; returns its path."""
    conditions = [{"indicator": kind, "op": ">=", "value": 1e6} for kind in TWENTY_KINDS]
    document = json.loads(template_text("pump_alert_only")) | {"name": name}
    document["s1_signal"] = {"when": {"any": conditions}}
    path = home.parent / f"{name}.json"
    path.write_text(json.dumps(document))
    return str(path)


def _line(what: str, progress: SessionProgress, bare: float, target: str) -> Measurement:
    note = f"peak {progress.peak_bytes / 2**20:,.0f} MiB"
    return Measurement(what, progress.trades, "trades", progress.seconds, bare, target, note)


def bare_read(database: Database, market: GeneratedSession) -> float:
    """Trades per second of reading the tape and doing nothing with it."""
    with stopwatch() as spent:
        pages = QuestDBTapeReader(database, market.session_id, market.symbols).pages(market.tape_from, market.tape_to)
        count = sum(len(page.trades) for page in pages)
    return count / spent[0]


def backtest(database: Database, home: Path, market: GeneratedSession, **request_fields: Any) -> SessionProgress:
    """A session as `tapeflow backtest` runs it; the time is that of the flow, without starting processes."""
    request = BacktestRequest(market.session_id, **request_fields)
    plan, _ = prepare_backtest(database, home, None, request)
    folder = SessionFolder.of(home, plan.session_id)
    folder.write_plan(plan)
    progress = follow(folder, launch(folder), lambda _: None)
    if progress.error:
        raise RuntimeError(progress.error)
    return progress
