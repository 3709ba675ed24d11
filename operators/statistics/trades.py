"""Closed positions as trades, and what a set of trades amounts to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from operators.results import Position
from operators.tape import MICROSECONDS

OPEN_STATUSES: Final = frozenset({"OPEN", "OPEN_AT_END"})
"""Positions that nobody has closed: no trade yet, shown apart."""
NO_REASON: Final = "UNSTATED"
_HOUR_US: Final = 3_600 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Trade:
    """A closed position. Times in µs; money in quote; `net_pnl` = realised − fees − funding.

    `move_pct` is the price move in favour from average entry to average exit, without costs and leverage (None where
    no exit price is stored). `mae` / `mfe` are the worst and best unrealised P&L while it was open.
    """

    position_id: str
    strategy: str
    symbol: str
    side: str
    opened_at: int
    closed_at: int
    entry: float
    exit: float | None
    realized_pnl: float
    fees: float
    funding: float
    net_pnl: float
    move_pct: float | None
    mae: float
    mfe: float
    exit_reason: str

    @property
    def holding_seconds(self) -> float:
        return (self.closed_at - self.opened_at) / MICROSECONDS


@dataclass(frozen=True, slots=True)
class TradeSummary:
    """What a set of trades amounts to. A win has net P&L > 0, a loss < 0; a trade at exactly 0 is neither.

    Everything that needs a trade, a win or a loss is None without one: a profit factor without losses, for instance.
    """

    trades: int
    wins: int
    losses: int
    net_pnl: float
    fees: float
    funding: float
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None
    average_holding_seconds: float | None
    average_mae: float | None
    average_mfe: float | None


@dataclass(frozen=True, slots=True)
class TradeGroup:
    """The trades that share a strategy, a symbol or an exit reason."""

    name: str
    summary: TradeSummary


def is_open(position: Position) -> bool:
    """Whether a position row stands for a position that was not closed."""
    return position.status in OPEN_STATUSES or position.closed_at is None


def trades_of(positions: Iterable[Position]) -> tuple[Trade, ...]:
    """The closed positions in the order of their first fills."""
    trades = [_trade(position, position.closed_at) for position in positions if not is_open(position)]
    return tuple(sorted(trades, key=lambda trade: (trade.opened_at, trade.symbol, trade.strategy, trade.side)))


def summarise(trades: Sequence[Trade]) -> TradeSummary:
    """Totals and averages; sums are exact (`math.fsum`), so the order of trades never shows."""
    wins = [trade.net_pnl for trade in trades if trade.net_pnl > 0]
    losses = [trade.net_pnl for trade in trades if trade.net_pnl < 0]
    net = math.fsum(trade.net_pnl for trade in trades)
    return TradeSummary(
        trades=len(trades),
        wins=len(wins),
        losses=len(losses),
        net_pnl=net,
        fees=math.fsum(trade.fees for trade in trades),
        funding=math.fsum(trade.funding for trade in trades),
        win_rate=len(wins) / len(trades) if trades else None,
        profit_factor=math.fsum(wins) / -math.fsum(losses) if losses else None,
        expectancy=net / len(trades) if trades else None,
        average_win=_mean(wins),
        average_loss=_mean(losses),
        largest_win=max(wins, default=None),
        largest_loss=min(losses, default=None),
        average_holding_seconds=_mean([trade.holding_seconds for trade in trades]),
        average_mae=_mean([trade.mae for trade in trades]),
        average_mfe=_mean([trade.mfe for trade in trades]),
    )


def hour_of_entry(trade: Trade) -> str:
    """The hour of the day (UTC) in which a trade was opened.

    >>> from types import SimpleNamespace
    >>> hour_of_entry(SimpleNamespace(opened_at=1_794_009_600_000_000 + 9 * 3_600_000_000 + 1))
    '09:00'
    """
    return f"{trade.opened_at // _HOUR_US % 24:02d}:00"


def grouped(trades: Iterable[Trade], name: Callable[[Trade], str]) -> tuple[TradeGroup, ...]:
    """One summary per name, sorted by name."""
    groups: dict[str, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(name(trade), []).append(trade)
    return tuple(TradeGroup(key, summarise(groups[key])) for key in sorted(groups))


def _trade(position: Position, closed_at: int | None) -> Trade:
    assert closed_at is not None  # noqa: S101 - `is_open` sorted the others out
    direction = 1.0 if position.side.upper() == "LONG" else -1.0
    move = None
    if position.average_exit is not None and position.average_entry > 0:
        move = direction * (position.average_exit / position.average_entry - 1.0) * 100.0
    return Trade(
        position_id=position.position_id,
        strategy=position.strategy,
        symbol=position.symbol,
        side=position.side,
        opened_at=position.timestamp,
        closed_at=closed_at,
        entry=position.average_entry,
        exit=position.average_exit,
        realized_pnl=position.realized_pnl,
        fees=position.fees,
        funding=position.funding,
        net_pnl=math.fsum((position.realized_pnl, -position.fees, -position.funding)),
        move_pct=move,
        mae=position.mae,
        mfe=position.mfe,
        exit_reason=position.exit_reason or NO_REASON,
    )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
