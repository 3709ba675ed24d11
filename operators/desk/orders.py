"""Orders of the desk: their intents, types and states, and what each change leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from operators.desk.steps import ZERO


class OrderState(StrEnum):
    """NEW → SUBMITTED → PARTIALLY_FILLED → FILLED | CANCELLED | REJECTED | EXPIRED."""

    NEW = "NEW"
    SUBMITTED = "SUBMITTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


TERMINAL: Final = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED})

MARKET: Final = "market"
LIMIT: Final = "limit"
POST_ONLY: Final = "post_only"
IOC: Final = "ioc"
PRICED: Final = frozenset({LIMIT, POST_ONLY, IOC})


class Phase(StrEnum):
    """Where a working order stands at the simulated venue."""

    TRAVELLING = "travelling"
    """Sent, not yet active."""
    WAITING = "waiting"
    """Active, but no valid book has come yet."""
    TAKING = "taking"
    """Fills on prints of its own taker side."""
    RESTING = "resting"
    """Rests as maker and fills when a print goes beyond its price."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is ordered. Quantities in base coin, `direction` +1 buy, −1 sell; `reference` is the price it was sized at
    (reservations count with it); `transition` and `leg` identify it; cancelled `timeout_us` after the decision."""

    transition: int
    intent: str
    type: str
    direction: int
    quantity: Decimal
    step: Decimal
    reference: float
    leverage: float
    timeout_us: int
    limit_price: float | None = None
    reduce_only: bool = False
    leg: int = 0
    reason: str | None = None


@dataclass(slots=True)
class WorkingOrder:
    """An order on its way to a terminal state.

    `created` is the deciding instant; `deadline` the tape time from which it is cancelled. `quantity` is the ticket's,
    for reduce-only orders what is held when they become active. `accrued` is the share of prints not yet filled in
    whole steps; `executions` and `changes` number its fills and its stored changes.
    """

    order_id: str
    strategy: str
    symbol: str
    created: int
    deadline: int
    ticket: Ticket
    quantity: Decimal = ZERO
    state: OrderState = OrderState.NEW
    phase: Phase = Phase.TRAVELLING
    cancel_requested: bool = False
    cancel_reason: str | None = None
    filled: Decimal = ZERO
    cost: float = 0.0
    fee: float = 0.0
    executions: int = 0
    changes: int = 0
    accrued: Decimal = ZERO
    reason: str | None = None

    def __post_init__(self) -> None:
        self.quantity = self.ticket.quantity
        self.reason = self.ticket.reason

    @property
    def intent(self) -> str:
        return self.ticket.intent

    @property
    def type(self) -> str:
        return self.ticket.type

    @property
    def direction(self) -> int:
        return self.ticket.direction

    @property
    def step(self) -> Decimal:
        return self.ticket.step

    @property
    def limit_price(self) -> float | None:
        return self.ticket.limit_price

    @property
    def reference(self) -> float:
        return self.ticket.reference

    @property
    def leverage(self) -> float:
        return self.ticket.leverage

    @property
    def reduce_only(self) -> bool:
        return self.ticket.reduce_only

    @property
    def alive(self) -> bool:
        return self.state not in TERMINAL

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average_price(self) -> float | None:
        return self.cost / float(self.filled) if self.filled > 0 else None

    @property
    def rests(self) -> bool:
        """Whether it is a priced order that a more urgent exit replaces by a market order."""
        return self.alive and self.type in PRICED


def intent(direction: str, *, opening: bool) -> str:
    """open_long, close_long, open_short or close_short.

    >>> intent("LONG", opening=True), intent("SHORT", opening=False)
    ('open_long', 'close_short')
    """
    return f"{'open' if opening else 'close'}_{direction.lower()}"
