"""A report for machines: plain values under agreed keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dataflows.report.data import AccountSummary, ReportData, replayed_share
from operators.statistics import Statistics


def report_json(data: ReportData) -> dict[str, Any]:
    """The report of a backtest as a JSON object: integer µs UTC, None where nothing is known.

    `statistics` is of the first account of the accounts document; `accounts` has all of them. `signals`, `orders` and
    `fills` count stored rows of all accounts.
    """
    return {
        "session_id": data.session.session_id,
        "source_session_id": data.session.source_session_id,
        "tape_from": data.session.tape_from,
        "tape_to": data.session.tape_to,
        "stopped_early": data.stopped_early,
        "replayed_share": replayed_share(data.session, data.wanted_to),
        "trades": data.trades,
        "books": data.books,
        "seconds": data.seconds,
        "trades_per_second": data.trades_per_second,
        "signals": sum(account.statistics.signals for account in data.accounts),
        "orders": sum(account.statistics.orders for account in data.accounts),
        "fills": sum(account.statistics.fills for account in data.accounts),
        "result_hash": data.result_hash,
        "statistics": statistics_json(data.accounts[0].statistics) if data.accounts else None,
        "accounts": [_account(account) for account in data.accounts],
        "time_spent": dict(data.time_spent),
    }


def statistics_json(found: Statistics) -> dict[str, Any]:
    """The statistics of one account."""
    summary = found.summary
    return {
        "initial_equity": found.initial_equity,
        "final_equity": found.final_equity,
        "total_return_pct": found.total_return_pct,
        "cagr_pct": found.cagr_pct,
        "max_drawdown_pct": found.max_drawdown_pct,
        "max_drawdown_seconds": found.drawdown.seconds if found.drawdown else None,
        "sharpe": found.sharpe,
        "sortino": found.sortino,
        "calmar": found.calmar,
        "sharpe_basis": found.basis,
        "win_rate": summary.win_rate,
        "profit_factor": summary.profit_factor,
        "expectancy": summary.expectancy,
        "average_win": summary.average_win,
        "average_loss": summary.average_loss,
        "largest_win": summary.largest_win,
        "largest_loss": summary.largest_loss,
        "average_holding_seconds": summary.average_holding_seconds,
        "trades": summary.trades,
        "net_pnl": summary.net_pnl,
        "open_at_end": len(found.open_positions),
        "unrealized": found.unrealized,
        "fees": found.fees,
        "funding": found.funding,
        "slippage": found.slippage.paid if found.slippage else None,
        "slippage_share": found.slippage.share if found.slippage else None,
        "turnover": found.turnover,
        "exposure_seconds": found.exposure_seconds,
    }


def _account(account: AccountSummary) -> dict[str, Any]:
    found = account.statistics
    return {
        "account": account.name,
        "quote": account.quote,
        "strategies": list(account.strategies),
        "statistics": statistics_json(found),
        "funnel": found.funnel.plain(),
        "by_exit_reason": [{"name": group.name, **asdict(group.summary)} for group in found.by_exit_reason],
        "by_symbol": [{"name": group.name, **asdict(group.summary)} for group in found.by_symbol],
        "by_strategy": [{"name": group.name, **asdict(group.summary)} for group in found.by_strategy],
        "by_hour": [{"name": group.name, **asdict(group.summary)} for group in found.by_hour],
    }
