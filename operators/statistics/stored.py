"""Statistics as the database keeps them: one row per session and account."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import msgspec

from operators.statistics.summary import Statistics
from operators.statistics.trades import TradeGroup


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A row of `session_results`; the field names are the column names, None is NULL.

    `timestamp` is the end of the tape. `sharpe_basis` is what Sharpe and Sortino were sampled by (day or hour).
    `slippage` is what is known of it; `details` (JSON) says how much that is, when the drawdown was, the signal
    funnel, and the trades by exit reason, symbol and strategy.
    """

    TABLE: ClassVar[str] = "session_results"
    timestamp: int
    session_id: str
    account: str
    total_return_pct: float | None
    cagr_pct: float | None
    max_drawdown_pct: float | None
    max_drawdown_seconds: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    sharpe_basis: str
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None
    average_holding_seconds: float | None
    exposure_seconds: float
    turnover: float
    trades: int
    open_at_end: int
    fees: float
    funding: float
    slippage: float | None
    initial_equity: float
    final_equity: float | None
    signals: int
    orders: int
    fills: int
    details: str


def session_result(statistics: Statistics, session_id: str, account: str) -> SessionResult:
    """The row that stores the statistics of one account of a session."""
    drawdown, summary = statistics.drawdown, statistics.summary
    return SessionResult(
        timestamp=statistics.tape_to,
        session_id=session_id,
        account=account,
        total_return_pct=statistics.total_return_pct,
        cagr_pct=statistics.cagr_pct,
        max_drawdown_pct=statistics.max_drawdown_pct,
        max_drawdown_seconds=drawdown.seconds if drawdown else None,
        sharpe=statistics.sharpe,
        sortino=statistics.sortino,
        calmar=statistics.calmar,
        sharpe_basis=statistics.basis,
        win_rate=summary.win_rate,
        profit_factor=summary.profit_factor,
        expectancy=summary.expectancy,
        average_win=summary.average_win,
        average_loss=summary.average_loss,
        largest_win=summary.largest_win,
        largest_loss=summary.largest_loss,
        average_holding_seconds=summary.average_holding_seconds,
        exposure_seconds=statistics.exposure_seconds,
        turnover=statistics.turnover,
        trades=summary.trades,
        open_at_end=len(statistics.open_positions),
        fees=statistics.fees,
        funding=statistics.funding,
        slippage=statistics.slippage.paid if statistics.slippage else None,
        initial_equity=statistics.initial_equity,
        final_equity=statistics.final_equity,
        signals=statistics.signals,
        orders=statistics.orders,
        fills=statistics.fills,
        details=msgspec.json.encode(details(statistics)).decode(),
    )


def details(statistics: Statistics) -> dict[str, Any]:
    """What does not fit into a column: plain values for JSON, with None where there is none."""
    summary, slippage = statistics.summary, statistics.slippage
    return {
        "wins": summary.wins,
        "losses": summary.losses,
        "net_pnl": summary.net_pnl,
        "average_mae": _finite(summary.average_mae),
        "average_mfe": _finite(summary.average_mfe),
        "unrealized": _finite(statistics.unrealized),
        "returns": statistics.returns,
        "drawdown": asdict(statistics.drawdown) if statistics.drawdown else None,
        "slippage_share": slippage.share if slippage else None,
        "funnel": statistics.funnel.plain(),
        "by_exit_reason": _groups(statistics.by_exit_reason),
        "by_symbol": _groups(statistics.by_symbol),
        "by_strategy": _groups(statistics.by_strategy),
        "by_hour": _groups(statistics.by_hour),
    }


def _groups(groups: tuple[TradeGroup, ...]) -> list[dict[str, Any]]:
    return [{"name": group.name, **asdict(group.summary)} for group in groups]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
