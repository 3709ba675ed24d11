"""Sending orders to the simulated venue, cancelling them, and taking in what it reports."""

from __future__ import annotations

from operators.desk.accounting import Accounting
from operators.desk.ids import order_id
from operators.desk.machine import Machine
from operators.desk.market import MarketSlice
from operators.desk.memory import Due
from operators.desk.moment import Moment
from operators.desk.orders import MARKET, OrderState, Phase, Ticket, WorkingOrder
from operators.desk.simulated_venue import Report, SimulatedVenue
from operators.desk.steps import ZERO
from operators.strategy.document import EntrySection

ACTIVATE = "activate"
CANCEL = "cancel"
SETTLE = "settle"


class Dealing:
    """One account's orders. What is sent at an instant leaves at its end (`dispatch`), in the order it was decided."""

    def __init__(self, accounting: Accounting, venue: SimulatedVenue, session_id: str) -> None:
        self._accounting = accounting
        self._recorder = accounting.recorder
        self._settings = accounting.settings
        self._venue = venue
        self._session_id = session_id
        self._outbox: list[tuple[str, Machine, WorkingOrder]] = []

    def create(self, machine: Machine, moment: Moment, ticket: Ticket) -> WorkingOrder:
        """A new order; it is submitted when the instant ends."""
        order = self._new(machine, moment, ticket)
        self._recorder.order(order, moment.ts)
        self._outbox.append((ACTIVATE, machine, order))
        machine.dirty = True
        return order

    def cancel(self, machine: Machine, order: WorkingOrder, reason: str) -> None:
        """Ask the venue to cancel; what fills before the cancel is active stands."""
        if order.alive and not order.cancel_requested:
            order.cancel_requested = True
            order.cancel_reason = reason
            self._outbox.append((CANCEL, machine, order))
            machine.dirty = True

    def dispatch(self, moment: Moment) -> list[Due]:
        """Step 6 of an instant: everything decided leaves. What is due at once (no latency) is handed back."""
        at_once: list[Due] = []
        for kind, machine, order in self._outbox:
            if kind == ACTIVATE:
                if order.state is not OrderState.NEW:
                    continue
                order.state = OrderState.SUBMITTED
                self._recorder.order(order, moment.ts)
            latency = self._settings.latency_us
            due = Due(moment.ts + latency, self._accounting.ledger.next_arranged(), kind, order, machine)
            if latency == 0:
                at_once.append(due)
            else:
                self._accounting.markets[machine.symbol].arrange(due)
        self._outbox.clear()
        return at_once

    def activate(self, due: Due, part: MarketSlice, moment: Moment, entry: EntrySection | None) -> None:
        """An order becomes active at the venue."""
        machine, order = due.machine, due.working
        if machine is None or order is None or not order.alive:
            return
        if part.memory.removed:
            self.end(machine, order, OrderState.REJECTED, "the symbol was removed", moment.ts)
            return
        if not self._fits_the_position(machine, order, moment.ts):
            return
        self.take_in(machine, order, self._venue.activate(order, part, moment), moment.ts, entry)

    def confirm_cancel(self, due: Due, ts: int) -> None:
        """A cancel becomes active at the venue."""
        if due.machine is not None and due.working is not None and due.working.alive:
            self.end(due.machine, due.working, OrderState.CANCELLED, due.working.cancel_reason, ts)

    def meet_instant(
        self, machine: Machine, order: WorkingOrder, part: MarketSlice, moment: Moment, entry: EntrySection | None
    ) -> bool:
        """Let a working order meet the trade or book of an instant; True if anything became of it."""
        report: Report | None = None
        if not self._fits_the_position(machine, order, moment.ts):
            return True
        if order.phase == Phase.WAITING:
            if not moment.is_trade and part.is_book(moment.index):
                book = part.book(moment)
                report = self._venue.meet_book(order, book, part, moment) if book is not None else None
        elif order.phase in (Phase.TAKING, Phase.RESTING) and moment.is_trade:
            trades = part.evaluation.batch.trades
            row = moment.trades - 1
            report = self._venue.meet_print(
                order, float(trades.price[row]), float(trades.qty[row]), int(trades.side[row])
            )
        machine.dirty = True
        if report is None or not (report.executions or report.end):
            return False
        self.take_in(machine, order, report, moment.ts, entry)
        return True

    def take_in(
        self, machine: Machine, order: WorkingOrder, report: Report, ts: int, entry: EntrySection | None
    ) -> None:
        """Book what the venue reports."""
        machine.dirty = True
        for execution in report.executions:
            if order.reduce_only:
                self._accounting.book_exit(machine, order, execution, ts)
            else:
                assert entry is not None  # noqa: S101 - only strategies with an entry section open positions
                self._accounting.book_entry(machine, order, execution, ts, entry)
                machine.entry_filled = True
            order.state = OrderState.FILLED if order.remaining <= 0 else OrderState.PARTIALLY_FILLED
            self._recorder.order(order, ts)
        if report.end is not None and order.alive:
            self.end(machine, order, report.end, report.reason, ts)

    def end(self, machine: Machine, order: WorkingOrder, state: OrderState, reason: str | None, ts: int) -> None:
        """An order ends without (or not fully) filled."""
        order.state = state
        order.reason = reason
        machine.dirty = True
        self._recorder.order(order, ts)

    def liquidate(self, machine: Machine, moment: Moment, transition: int, intent: str) -> None:
        """The venue's own closing order at the bankruptcy price."""
        position = self._accounting.positions[machine.symbol]
        ticket = Ticket(
            transition=transition,
            intent=intent,
            type=MARKET,
            direction=-position.direction,
            quantity=position.quantity,
            step=position.quantity,
            reference=position.average,
            leverage=position.leverage,
            timeout_us=0,
            reduce_only=True,
            reason="liquidation",
        )
        order = self._new(machine, moment, ticket)
        self._accounting.book_liquidation(machine, order, moment.ts)
        order.state = OrderState.FILLED
        self._recorder.order(order, moment.ts)
        machine.dirty = True

    def _new(self, machine: Machine, moment: Moment, ticket: Ticket) -> WorkingOrder:
        identity = order_id(
            self._session_id, self._settings.name, machine.name, machine.symbol, ticket.transition, ticket.leg
        )
        return WorkingOrder(identity, machine.name, machine.symbol, moment.ts, moment.ts + ticket.timeout_us, ticket)

    def _fits_the_position(self, machine: Machine, order: WorkingOrder, ts: int) -> bool:
        """A reduce-only order never exceeds what is held; without anything held it ends."""
        if not order.reduce_only:
            return True
        position = self._accounting.positions.get(machine.symbol)
        held = position.quantity if position is not None else ZERO
        if held <= 0:
            self.end(machine, order, OrderState.CANCELLED, "nothing is held", ts)
            return False
        if order.phase == Phase.TRAVELLING or order.remaining > held:
            order.quantity = order.filled + held
        return True
