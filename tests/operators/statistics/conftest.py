"""Rows of a session as a desk writes them, with sensible values for what a test does not care about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pytest

from operators.results import (
    EquitySample,
    Fill,
    Order,
    OrderEvent,
    Position,
    ResultRow,
    RiskEvent,
    StateTransition,
    StrategySignal,
)
from operators.tape import MICROSECONDS

START = 1_794_009_600 * MICROSECONDS  # 2026-11-07 00:00:00 UTC


def identity(*parts: object) -> str:
    """32 hex digits derived from the parts, as ids of sessions are."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


@dataclass
class Ledger:
    """Collects the rows of one account; times are seconds after `START`."""

    session_id: str = "backtest_20261122_153000_ab12cd34"
    account: str = "main"
    strategy: str = "peak_fade_short"
    transitions: list[StateTransition] = field(default_factory=list)
    signals: list[StrategySignal] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    order_events: list[OrderEvent] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    equity: list[EquitySample] = field(default_factory=list)
    risk_events: list[RiskEvent] = field(default_factory=list)

    def at(self, seconds: float) -> int:
        return START + round(seconds * MICROSECONDS)

    def sample(self, seconds: float, equity: float, unrealized: float = 0.0) -> EquitySample:
        row = EquitySample(
            self.at(seconds), self.session_id, self.account, equity, equity - unrealized, unrealized, 0.0, 0
        )
        self.equity.append(row)
        return row

    def order(
        self, seconds: float, intent: str, symbol: str = "AAA_USDT", quantity: float = 1.0, leg: int = 0
    ) -> Order:
        order_id = identity(self.session_id, self.account, self.strategy, symbol, seconds, intent, leg)
        row = Order(
            timestamp=self.at(seconds),
            order_id=order_id,
            session_id=self.session_id,
            account=self.account,
            strategy=self.strategy,
            symbol=symbol,
            intent=intent,
            type="market",
            quantity=quantity,
            limit_price=None,
            state="FILLED",
            filled_quantity=quantity,
            average_price=None,
            fee=0.0,
            reason=None,
            exchange_order_id=None,
            updated_at=self.at(seconds),
        )
        self.orders.append(row)
        for n, state in enumerate(("SUBMITTED", "FILLED")):
            self.order_events.append(
                OrderEvent(
                    self.at(seconds) + n, order_id, n, self.session_id, self.account, state, 0.0, None, 0.0, None
                )
            )
        return row

    def fill(self, order: Order, seconds: float, price: float, quantity: float, fee: float = 0.0) -> Fill:
        k = sum(fill.order_id == order.order_id for fill in self.fills)
        row = Fill(
            timestamp=self.at(seconds),
            fill_id=identity(order.order_id, k),
            order_id=order.order_id,
            session_id=self.session_id,
            account=self.account,
            symbol=order.symbol,
            price=price,
            quantity=quantity,
            fee=fee,
            liquidity="taker",
        )
        self.fills.append(row)
        return row

    def signal(self, seconds: float, section: str, price: float | None, symbol: str = "AAA_USDT") -> StrategySignal:
        row = StrategySignal(
            self.at(seconds),
            identity(self.session_id, self.strategy, symbol, section, seconds),
            self.session_id,
            self.account,
            self.strategy,
            symbol,
            section,
            "SHORT",
            price,
            "{}",
        )
        self.signals.append(row)
        return row

    def transition(
        self,
        seconds: float,
        before: str,
        after: str,
        trigger: str,
        symbol: str = "AAA_USDT",
        refused: bool = False,
        conditions: str = "[]",
    ) -> StateTransition:
        n = sum(row.symbol == symbol and row.strategy == self.strategy for row in self.transitions)
        row = StateTransition(
            self.at(seconds),
            self.session_id,
            self.account,
            self.strategy,
            symbol,
            n,
            before,
            after,
            trigger,
            refused,
            conditions,
        )
        self.transitions.append(row)
        return row

    def position(
        self,
        opened: float,
        closed: float | None,
        pnl: float,
        *,
        symbol: str = "AAA_USDT",
        fees: float = 0.0,
        funding: float = 0.0,
        entry: float = 100.0,
        exit_price: float | None = None,
        side: str = "LONG",
        reason: str | None = "TAKE_PROFIT",
        mae: float = 0.0,
        mfe: float = 0.0,
    ) -> Position:
        row = Position(
            timestamp=self.at(opened),
            position_id=identity(self.session_id, self.strategy, symbol, side, opened),
            session_id=self.session_id,
            account=self.account,
            strategy=self.strategy,
            symbol=symbol,
            side=side,
            quantity=0.0,
            average_entry=entry,
            average_exit=exit_price,
            leverage=1.0,
            margin=0.0,
            realized_pnl=pnl,
            fees=fees,
            funding=funding,
            liquidation_price=None,
            stop=None,
            target=None,
            mae=mae,
            mfe=mfe,
            status="OPEN_AT_END" if closed is None else "CLOSED",
            exit_reason="END_OF_TAPE" if closed is None else reason,
            closed_at=None if closed is None else self.at(closed),
        )
        self.positions.append(row)
        return row

    def risk_event(self, seconds: float, message: str) -> RiskEvent:
        row = RiskEvent(
            self.at(seconds), self.session_id, self.account, len(self.risk_events), "WARNING", "x", message, "{}", None
        )
        self.risk_events.append(row)
        return row

    def tables(self) -> dict[str, list[ResultRow]]:
        return {
            "state_transitions": list(self.transitions),
            "strategy_signals": list(self.signals),
            "orders": list(self.orders),
            "order_events": list(self.order_events),
            "fills": list(self.fills),
            "positions": list(self.positions),
            "equity": list(self.equity),
            "risk_events": list(self.risk_events),
        }


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture(scope="session")
def ledger_type() -> type[Ledger]:
    return Ledger
