"""Running a backtest session in front of the user: progress, Ctrl-C, the report at the end."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.questdb.database import Database
from dataflows.cli.following import failed, follow_json, tell_stop
from dataflows.cli.output import console, messages, print_json
from dataflows.report import render_report, report_json
from dataflows.sessions.describe import instant
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch
from dataflows.sessions.plan import BacktestPlan
from dataflows.sessions.progress import SessionProgress
from dataflows.sessions.results import load_report
from dataflows.tapes import find_session
from operators.session import Status


def run_backtest(database: Database, folder: SessionFolder, *, as_json: bool) -> None:
    """Start the session's supervisor, follow it, print the report. Raises `SessionFailed` with the reason."""
    plan = folder.plan_as(BacktestPlan)
    supervisor = launch(folder)
    if as_json:
        final = follow_json(folder, supervisor, lambda progress: _fields(plan, progress))
    else:
        final = _follow_bar(folder, supervisor, plan)
    if final.status != Status.STOPPED:
        raise failed(folder, plan, final)
    report = load_report(database, find_session(database, plan.session_id), final)
    if as_json:
        print_json("finished", **report_json(report))
    else:
        render_report(console, report)
    if final.ended == "stopped":
        messages.print(
            f"Stopped before the end of the tape. `tapeflow resume {plan.session_id}` goes on.", soft_wrap=True
        )
        sys.exit(130)


def _share(plan: BacktestPlan, tape_ts: int | None) -> float:
    return 0.0 if tape_ts is None else (tape_ts - plan.from_ts) / max(1, plan.to_ts - plan.from_ts)


def _fields(plan: BacktestPlan, progress: SessionProgress) -> dict[str, Any]:
    return {
        "share": _share(plan, progress.tape_ts),
        "status": progress.status,
        "tape_time": progress.tape_ts,
        "trades": progress.trades,
        "books": progress.books,
        "trades_per_second": progress.trades / progress.seconds if progress.seconds else None,
        "signals": progress.signals,
        "orders": progress.orders,
        "equity": progress.equity,
    }


def _follow_bar(folder: SessionFolder, supervisor: subprocess.Popen[bytes], plan: BacktestPlan) -> SessionProgress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[facts]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("starting", total=1.0, facts="")

        def on_progress(progress: SessionProgress) -> None:
            rate = progress.trades / progress.seconds if progress.seconds else 0.0
            facts = f"{progress.trades:,} trades, {rate:,.0f}/s, {progress.signals} signals, {progress.orders} orders"
            where = instant(progress.tape_ts) or progress.status.lower()
            bar.update(task, completed=_share(plan, progress.tape_ts), description=where, facts=facts)

        return follow(folder, supervisor, on_progress, tell_stop)
