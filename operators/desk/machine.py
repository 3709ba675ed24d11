"""The state machine of one (strategy, symbol): its states, triggers and what it remembers.

The moves themselves are made in `signals` (before a position) and `exits` (with one); every move is a stored row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from operators.desk.approach import Approach
from operators.desk.orders import WorkingOrder
from operators.strategy.verdict import FALSE


class State(StrEnum):
    INACTIVE = "INACTIVE"
    MONITORING = "MONITORING"
    SIGNAL_DETECTED = "SIGNAL_DETECTED"
    SIGNAL_CANCELLED = "SIGNAL_CANCELLED"
    ENTRY_PENDING = "ENTRY_PENDING"
    POSITION_ACTIVE = "POSITION_ACTIVE"
    CLOSE_PENDING = "CLOSE_PENDING"
    EXITED = "EXITED"


HOLDING: Final = frozenset({State.SIGNAL_DETECTED, State.ENTRY_PENDING, State.POSITION_ACTIVE, State.CLOSE_PENDING})
"""States that hold a slot and the symbol."""

TRADING: Final = frozenset({State.ENTRY_PENDING, State.POSITION_ACTIVE, State.CLOSE_PENDING})
"""States with an order or a position."""


class Trigger(StrEnum):
    """Why a machine moved. Refusals are stored as `refused:` and the rules that refused."""

    ACTIVATED = "activated"
    S1 = "s1"
    O1 = "o1"
    O1_TIMEOUT = "o1_timeout"
    Z1 = "z1"
    FIRST_FILL = "first_fill"
    ORDER_TIMEOUT = "order_timeout"
    NEXT_LEG = "next_leg"
    ENTRY_REJECTED = "entry_rejected"
    ENTRY_UNFILLED = "entry_unfilled"
    LIQUIDATION = "liquidation"
    STOP_LOSS = "stop_loss"
    E1 = "e1"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    MAX_POSITION_SECONDS = "max_position_seconds"
    ZE1 = "ze1"
    CLOSE_ESCALATED = "close_escalated"
    LATE_FILL = "late_fill"
    FLAT = "flat"
    COOLDOWN_OVER = "cooldown_over"
    DEACTIVATED = "deactivated"
    SESSION_STOP = "session_stop"
    KILL_SWITCH = "kill_switch"
    FLATTEN = "flatten"


SEVERITY: Final = (
    Trigger.LIQUIDATION,
    Trigger.STOP_LOSS,
    Trigger.E1,
    Trigger.TRAILING_STOP,
    Trigger.TAKE_PROFIT,
    Trigger.MAX_POSITION_SECONDS,
    Trigger.ZE1,
    Trigger.KILL_SWITCH,
    Trigger.SESSION_STOP,
    Trigger.DEACTIVATED,
    Trigger.FLATTEN,
)
"""Reasons to close, the most severe first."""

EMERGENCIES: Final = frozenset({Trigger.LIQUIDATION, Trigger.STOP_LOSS, Trigger.E1, Trigger.TRAILING_STOP})
"""Reasons to close after which the E1 cooldown applies."""

NEVER: Final = 2**62
"""A tape time that does not come."""


@dataclass(slots=True)
class Machine:
    """State of one (strategy, symbol). Times are tape time in µs.

    `n` numbers the next stored transition. `edge_from` is the first evaluation instant of the slice at which S1 may
    fire without having been not-TRUE before (the state was just entered); `fresh` carries that over slices.
    `holds` are the starts of running `for_seconds` holds by condition index. `moves` are the (from, to) pairs made
    at the instant in hand: each may happen once. `approach` is what its sections came near to, `looked_from` the first
    instant of the slice that it has not seen.
    """

    strategy: int
    name: str
    symbol: str
    state: State = State.INACTIVE
    n: int = 0
    fresh: bool = False
    s1_previous: int = FALSE
    signal_ts: int = 0
    cooldown_until: int = 0
    entry: WorkingOrder | None = None
    entry_cancel: Trigger | None = None
    next_leg_left: bool = False
    stop_level: float | None = None
    target_level: float | None = None
    closes: list[WorkingOrder] = field(default_factory=list)
    exit_reason: Trigger | None = None
    close_attempts: int = 0
    retry_at: int = NEVER
    trailing_armed: bool = False
    deactivating: Trigger | None = None
    off: Trigger | None = None
    holds: dict[int, int] = field(default_factory=dict)
    edge_from: int = -1
    next_index: int = 0
    dirty: bool = True
    moves: set[tuple[State, State]] = field(default_factory=set)
    verdicts: dict[str, int] = field(default_factory=dict)
    entry_filled: bool = False
    approach: Approach | None = None
    looked_from: int = 0

    @property
    def working_close(self) -> WorkingOrder | None:
        """The newest closing order that is not terminal."""
        for order in reversed(self.closes):
            if order.alive:
                return order
        return None

    @property
    def entry_alive(self) -> bool:
        return self.entry is not None and self.entry.alive

    def more_severe(self, reason: Trigger) -> bool:
        """Whether a reason to close outranks the one in force."""
        return self.exit_reason is None or SEVERITY.index(reason) < SEVERITY.index(self.exit_reason)
