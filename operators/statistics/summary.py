"""Everything that is said about an account after a session, from its result rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.errors import UsageError
from operators.results import EquitySample, Fill, Order, Position, StateTransition, StrategySignal
from operators.statistics.drawdown import Drawdown, max_drawdown
from operators.statistics.exposure import exposure_seconds, turnover
from operators.statistics.funnel import Funnel, funnel
from operators.statistics.ratios import calmar, sharpe, sortino
from operators.statistics.returns import cagr_pct, equity_curve, period_returns, total_return_pct
from operators.statistics.rows import newest_rows
from operators.statistics.slippage import Slippage, slippage
from operators.statistics.trades import (
    Trade,
    TradeGroup,
    TradeSummary,
    grouped,
    hour_of_entry,
    is_open,
    summarise,
    trades_of,
)
from operators.tape import MICROSECONDS


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one account over `(tape_from, tape_to]`. Money in quote, percentages as such, None = unknown.

    `basis` tells what Sharpe and Sortino were sampled by ("day" or "hour") and `returns` over how many returns.
    `summary` covers closed positions only; those still open when the tape ended are in `open_positions`, their
    unrealised P&L in `unrealized` and in the final equity. `fees`, `funding` and `turnover` cover both; `funding`
    is positive where it was paid. `signals`, `orders` and `fills` count stored rows.
    """

    tape_from: int
    tape_to: int
    initial_equity: float
    final_equity: float | None
    total_return_pct: float | None
    cagr_pct: float | None
    drawdown: Drawdown | None
    basis: str
    returns: int
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    summary: TradeSummary
    fees: float
    funding: float
    turnover: float
    slippage: Slippage | None
    exposure_seconds: float
    unrealized: float | None
    signals: int
    orders: int
    fills: int
    trades: tuple[Trade, ...]
    open_positions: tuple[Position, ...]
    by_exit_reason: tuple[TradeGroup, ...]
    by_symbol: tuple[TradeGroup, ...]
    by_strategy: tuple[TradeGroup, ...]
    by_hour: tuple[TradeGroup, ...]
    funnel: Funnel

    @property
    def seconds(self) -> float:
        """Length of the session in seconds of tape time."""
        return (self.tape_to - self.tape_from) / MICROSECONDS

    @property
    def max_drawdown_pct(self) -> float | None:
        return self.drawdown.depth_pct if self.drawdown else None

    @property
    def exposure_pct(self) -> float | None:
        """Share of the session with an open position; None for a session without duration."""
        return self.exposure_seconds / self.seconds * 100.0 if self.seconds > 0 else None


def statistics(
    *,
    equity: Sequence[EquitySample],
    positions: Sequence[Position],
    fills: Sequence[Fill],
    orders: Sequence[Order],
    initial_equity: float,
    tape_from: int,
    tape_to: int,
    signals: Sequence[StrategySignal] = (),
    transitions: Sequence[StateTransition] = (),
) -> Statistics:
    """Statistics of one account from its rows, which may come in any order.

    Rows that were written more than once (a position after every fill, everything after a restart) may all be given:
    the last one of a kind stands. Signals are needed for slippage, transitions for the funnel. Raises `UsageError`
    for rows of several accounts and for a session that ends before it starts.
    """
    _check(tape_from, tape_to, (*equity, *positions, *fills, *orders, *signals, *transitions))
    samples = newest_rows(equity)
    held = newest_rows(positions)
    sent = newest_rows(orders)
    executed = newest_rows(fills)
    given = newest_rows(signals)
    curve = equity_curve(
        np.array([sample.timestamp for sample in samples], np.int64),
        np.array([sample.equity for sample in samples], np.float64),
        initial_equity,
        tape_from,
        tape_to,
    )
    sampled = period_returns(curve)
    growth, drawdown = cagr_pct(curve), max_drawdown(curve)
    trades = trades_of(held)
    return Statistics(
        tape_from=tape_from,
        tape_to=tape_to,
        initial_equity=initial_equity,
        final_equity=float(curve.equity[-1]) if len(curve) > 1 else None,
        total_return_pct=total_return_pct(curve),
        cagr_pct=growth,
        drawdown=drawdown,
        basis=sampled.basis,
        returns=len(sampled.returns),
        sharpe=sharpe(sampled.returns, sampled.periods_per_year),
        sortino=sortino(sampled.returns, sampled.periods_per_year),
        calmar=calmar(growth, drawdown.depth_pct if drawdown else None),
        summary=summarise(trades),
        fees=math.fsum(fill.fee for fill in executed),
        funding=math.fsum(position.funding for position in held),
        turnover=turnover(executed),
        slippage=slippage(executed, sent, given),
        exposure_seconds=exposure_seconds(held, tape_from, tape_to),
        unrealized=max(samples, key=lambda sample: sample.timestamp).unrealized if samples else None,
        signals=len(given),
        orders=len(sent),
        fills=len(executed),
        trades=trades,
        open_positions=tuple(
            sorted((position for position in held if is_open(position)), key=lambda position: position.timestamp)
        ),
        by_exit_reason=grouped(trades, lambda trade: trade.exit_reason),
        by_symbol=grouped(trades, lambda trade: trade.symbol),
        by_strategy=grouped(trades, lambda trade: trade.strategy),
        by_hour=grouped(trades, hour_of_entry),
        funnel=funnel(newest_rows(transitions)),
    )


def _check(
    tape_from: int,
    tape_to: int,
    rows: Sequence[EquitySample | Position | Fill | Order | StrategySignal | StateTransition],
) -> None:
    if tape_to < tape_from:
        raise UsageError(f"a session cannot end at {tape_to} µs, before it starts at {tape_from} µs")
    accounts = sorted({row.account for row in rows})
    if len(accounts) > 1:
        raise UsageError(f"statistics are of one account; the rows are of {len(accounts)}: {', '.join(accounts[:5])}")
