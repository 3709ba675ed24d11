"""Rows that a session stores besides its tape. One dataclass per table; the field names are the column names.

Times are integer microseconds of tape time, None is NULL. `TABLE` names the table. Session ids are part of each row,
so that rows are complete; which fields identify a row is in `operators.statistics.rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class StateTransition:
    """One move (or refused move) of a (strategy, symbol) state machine with the evidence that decided it.

    `conditions` is a JSON array; each element has path, indicator, op, threshold, value, verdict and, where given,
    label and for_seconds.
    """

    TABLE: ClassVar[str] = "state_transitions"
    timestamp: int
    session_id: str
    account: str
    strategy: str
    symbol: str
    n: int
    from_state: str
    to_state: str
    trigger: str
    refused: bool
    conditions: str


@dataclass(frozen=True, slots=True)
class StrategySignal:
    """A signal that a section gave (S1_SIGNAL, O1_CANCEL, Z1_ENTRY, ZE1_CLOSE, E1_EMERGENCY)."""

    TABLE: ClassVar[str] = "strategy_signals"
    timestamp: int
    signal_id: str
    session_id: str
    account: str
    strategy: str
    symbol: str
    section: str
    direction: str
    price: float | None
    indicator_values: str


@dataclass(frozen=True, slots=True)
class Order:
    """The latest state of an order; `timestamp` is its creation and never changes."""

    TABLE: ClassVar[str] = "orders"
    timestamp: int
    order_id: str
    session_id: str
    account: str
    strategy: str
    symbol: str
    intent: str
    type: str
    quantity: float
    limit_price: float | None
    state: str
    filled_quantity: float
    average_price: float | None
    fee: float
    reason: str | None
    exchange_order_id: str | None
    updated_at: int


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One change of an order; n counts the changes of that order from 0."""

    TABLE: ClassVar[str] = "order_events"
    timestamp: int
    order_id: str
    n: int
    session_id: str
    account: str
    state: str
    filled_quantity: float
    average_price: float | None
    fee: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; `liquidity` is taker or maker."""

    TABLE: ClassVar[str] = "fills"
    timestamp: int
    fill_id: str
    order_id: str
    session_id: str
    account: str
    symbol: str
    price: float
    quantity: float
    fee: float
    liquidity: str


@dataclass(frozen=True, slots=True)
class Position:
    """The latest state of a position; `timestamp` is its first fill and never changes. mae / mfe in quote."""

    TABLE: ClassVar[str] = "positions"
    timestamp: int
    position_id: str
    session_id: str
    account: str
    strategy: str
    symbol: str
    side: str
    quantity: float
    average_entry: float
    average_exit: float | None
    leverage: float
    margin: float
    realized_pnl: float
    fees: float
    funding: float
    liquidation_price: float | None
    stop: float | None
    target: float | None
    mae: float
    mfe: float
    status: str
    exit_reason: str | None
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class EquitySample:
    """Account equity at a grid sample or a fill."""

    TABLE: ClassVar[str] = "equity"
    timestamp: int
    session_id: str
    account: str
    equity: float
    balance: float
    unrealized: float
    margin_used: float
    open_positions: int


@dataclass(frozen=True, slots=True)
class RiskEvent:
    """Something the account should know about its risk; n counts per account from 0."""

    TABLE: ClassVar[str] = "risk_events"
    timestamp: int
    session_id: str
    account: str
    n: int
    severity: str
    type: str
    message: str
    details: str
    acknowledged_at: int | None


@dataclass(frozen=True, slots=True)
class ClosestApproach:
    """The value of one condition that came nearest to what it asks for while its section was looked at, and how long
    its verdicts were what, up to tape time `until`. `timestamp` is the start of the session's tape; `condition` is the
    path in the document; `threshold_high` is the second bound of `between` and `outside`. PENDING is also told apart:
    before the indicator's first value, without a value later on, and on a tape without the stream that it needs."""

    TABLE: ClassVar[str] = "closest_approach"
    timestamp: int
    session_id: str
    account: str
    strategy: str
    symbol: str
    section: str
    condition: str
    threshold: float
    best_value: float | None
    best_at: int | None
    true_seconds: float
    false_seconds: float
    pending_seconds: float
    indicator: str
    op: str
    threshold_high: float | None
    warmup_seconds: float
    missing_seconds: float
    no_stream_seconds: float
    until: int


@dataclass(frozen=True, slots=True)
class GroupApproach:
    """The largest number of a section's conditions that were TRUE at once while it was looked at, up to tape time
    `until`, first at `at`. `lacking` is a JSON array with the paths of those that were not."""

    TABLE: ClassVar[str] = "group_approach"
    timestamp: int
    session_id: str
    account: str
    strategy: str
    symbol: str
    section: str
    max_true: int
    at: int
    conditions: int
    lacking: str
    looked_seconds: float
    until: int


ResultRow = (
    StateTransition
    | StrategySignal
    | Order
    | OrderEvent
    | Fill
    | Position
    | EquitySample
    | RiskEvent
    | ClosestApproach
    | GroupApproach
)
RESULT_ROWS: tuple[type[ResultRow], ...] = (
    StateTransition,
    StrategySignal,
    Order,
    OrderEvent,
    Fill,
    Position,
    EquitySample,
    RiskEvent,
)
"""What a session decided and what came of it."""

APPROACH_ROWS: tuple[type[ResultRow], ...] = (ClosestApproach, GroupApproach)
"""How near it came to more: written as it goes on, the newest row of an identity counts."""
