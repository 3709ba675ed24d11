"""The rows that a slice leaves behind: each change as it happens, orders and positions in their latest state."""

from __future__ import annotations

from operators.desk.ids import fill_id
from operators.desk.machine import Machine
from operators.desk.orders import WorkingOrder
from operators.desk.positions import OpenPosition, excursions
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


class Recorder:
    """Collects rows in the order of decisions; `drain` hands them out at the end of the slice."""

    def __init__(self, session_id: str, account: str) -> None:
        self.session_id = session_id
        self.account = account
        self._rows: list[ResultRow] = []
        self._latest: dict[tuple[str, int], Order | Position] = {}

    def drain(self) -> list[ResultRow]:
        """Everything since the last call: rows in the order of decisions, then the latest orders and positions."""
        rows = [*self._rows, *self._latest.values()]
        self._rows = []
        self._latest = {}
        return rows

    def transition(
        self, machine: Machine, ts: int, before: str, after: str, trigger: str, refused: bool, conditions: str
    ) -> None:
        self._rows.append(
            StateTransition(
                ts,
                self.session_id,
                self.account,
                machine.name,
                machine.symbol,
                machine.n,
                before,
                after,
                trigger,
                refused,
                conditions,
            )
        )

    def signal(self, signal: StrategySignal) -> None:
        self._rows.append(signal)

    def order(self, order: WorkingOrder, ts: int) -> None:
        """An order changed: one event row, and its latest state."""
        filled, average = float(order.filled), order.average_price
        self._rows.append(
            OrderEvent(
                ts,
                order.order_id,
                order.changes,
                self.session_id,
                self.account,
                str(order.state),
                filled,
                average,
                order.fee,
                order.reason,
            )
        )
        order.changes += 1
        self._latest[order.order_id, order.created] = Order(
            order.created,
            order.order_id,
            self.session_id,
            self.account,
            order.strategy,
            order.symbol,
            order.intent,
            order.type,
            float(order.quantity),
            order.limit_price,
            str(order.state),
            filled,
            average,
            order.fee,
            order.reason,
            None,
            ts,
        )

    def fill(self, order: WorkingOrder, ts: int, price: float, quantity: float, fee: float, liquidity: str) -> None:
        """One execution; call it before `order.executions` counts it."""
        self._rows.append(
            Fill(
                ts,
                fill_id(order.order_id, order.executions),
                order.order_id,
                self.session_id,
                self.account,
                order.symbol,
                price,
                quantity,
                fee,
                liquidity,
            )
        )

    def position(self, position: OpenPosition, *, end_of_tape: bool = False) -> None:
        """A position's latest state: what is held while it is open, what had been entered once it is closed."""
        closed = position.closed_at is not None
        status = "CLOSED" if closed else "OPEN_AT_END" if end_of_tape else "OPEN"
        mae, mfe = excursions(position)
        self._latest[position.position_id, position.opened_at] = Position(
            position.opened_at,
            position.position_id,
            self.session_id,
            self.account,
            position.strategy,
            position.symbol,
            position.side,
            float(position.entered if closed else position.quantity),
            position.average,
            position.average_exit,
            position.leverage,
            position.margin_entered if closed else position.margin,
            position.realized,
            position.fees,
            position.funding,
            position.liquidation,
            position.stop,
            position.target,
            mae,
            mfe,
            status,
            "END_OF_TAPE" if end_of_tape else position.exit_reason,
            position.closed_at,
        )

    def equity(
        self, ts: int, equity: float, balance: float, unrealized: float, margin_used: float, open_positions: int
    ) -> None:
        self._rows.append(
            EquitySample(ts, self.session_id, self.account, equity, balance, unrealized, margin_used, open_positions)
        )

    def risk(self, ts: int, n: int, severity: str, kind: str, message: str, details: str) -> None:
        self._rows.append(RiskEvent(ts, self.session_id, self.account, n, severity, kind, message, details, None))
