"""How a state machine reacts to what becomes of its orders."""

from __future__ import annotations

from typing import Final

from operators.desk.closing import Closing
from operators.desk.dealing import Dealing
from operators.desk.evidence import of_rule
from operators.desk.machine import NEVER, Machine, State, Trigger
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.moves import Moves
from operators.desk.orders import MARKET, OrderState, Ticket, WorkingOrder
from operators.strategy.compiled import E1, ZE1
from operators.strategy.entry import OrderSettings
from operators.tape import MICROSECONDS

REJECTION_COOLDOWN: Final = 5 * MICROSECONDS


class Lifecycle:
    """First fills, unfilled entries, and closes that go on until nothing is held."""

    def __init__(self, moves: Moves, dealing: Dealing) -> None:
        self.moves = moves
        self.dealing = dealing
        self.closing = Closing(moves, dealing)
        self.accounting = moves.accounting

    def after_orders(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        """React to fills, ends and rejections of the machine's orders."""
        position = self.accounting.positions.get(machine.symbol)
        if machine.state is State.ENTRY_PENDING:
            if position is not None:
                self._first_fill(machine, part, moment)
            elif machine.entry is not None and not machine.entry.alive:
                self._entry_unfilled(machine, machine.entry, part, moment)
        if machine.state is State.CLOSE_PENDING:
            self.closing.settle(machine, part, moment)
        kept = machine.state is State.INACTIVE and part.memory.holder == machine.name
        if kept and position is None and not machine.entry_alive:
            part.memory.holder = None

    def _first_fill(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        sections = self.moves.sections[machine.strategy]
        machine.entry_cancel = None
        machine.trailing_armed = False
        machine.exit_reason = None
        machine.closes = []
        machine.close_attempts = 0
        machine.retry_at = NEVER
        order = machine.entry
        filled = float(order.filled) if order is not None else None
        quantity = float(order.quantity) if order is not None else None
        self.moves.move(
            machine, part, moment, State.POSITION_ACTIVE, Trigger.FIRST_FILL, of_rule("first_fill", filled, quantity)
        )
        sections.forget_holds(machine, (ZE1, E1))

    def _entry_unfilled(self, machine: Machine, order: WorkingOrder, part: MarketSlice, moment: Moment) -> None:
        reason = of_rule("entry_order", str(order.state), None, order.reason)
        if machine.entry_cancel is None and machine.next_leg_left:
            machine.next_leg_left = False
            n = self.moves.move(machine, part, moment, State.ENTRY_PENDING, Trigger.NEXT_LEG, reason)
            settings = self._entry_order(machine)
            ticket = Ticket(
                transition=n,
                intent=order.intent,
                type=MARKET,
                direction=order.direction,
                quantity=order.quantity,
                step=order.step,
                reference=order.reference,
                leverage=order.leverage,
                timeout_us=round(settings.timeout_seconds * MICROSECONDS),
                leg=order.ticket.leg + 1,
            )
            machine.entry = self.dealing.create(machine, moment, ticket)
            return
        rejected = order.state is OrderState.REJECTED
        trigger = machine.entry_cancel or (Trigger.ENTRY_REJECTED if rejected else Trigger.ENTRY_UNFILLED)
        self.moves.cancel_signal(machine, part, moment, trigger, reason, at_least=REJECTION_COOLDOWN if rejected else 0)

    def _entry_order(self, machine: Machine) -> OrderSettings:
        entry = self.moves.document(machine).z1_entry
        return entry.order if entry is not None else OrderSettings()
