"""Closing a position: one reduce-only order, escalated until nothing is held. It never gives up."""

from __future__ import annotations

from typing import Final

from operators.desk.dealing import Dealing
from operators.desk.evidence import Evidence, of_rule
from operators.desk.machine import EMERGENCIES, NEVER, Machine, State, Trigger
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.moves import Moves
from operators.desk.orders import MARKET, PRICED, OrderState, Ticket, WorkingOrder, intent
from operators.desk.steps import ZERO, limit_price, quantity_step
from operators.strategy.entry import OrderSettings
from operators.tape import MICROSECONDS

AT_MARKET: Final = OrderSettings(type="market", timeout_seconds=60.0)
"""How everything but a planned close leaves."""
FIRST_PAUSE: Final = 1 * MICROSECONDS
LONGEST_PAUSE: Final = 60 * MICROSECONDS


class Closing:
    """The closing orders of one account."""

    def __init__(self, moves: Moves, dealing: Dealing) -> None:
        self._moves = moves
        self._dealing = dealing
        self._accounting = moves.accounting

    def start(self, machine: Machine, part: MarketSlice, moment: Moment, reason: Trigger, conditions: Evidence) -> int:
        """To CLOSE_PENDING: the entry's rest is cancelled and, where something is held, a close is sent."""
        n = self._moves.move(machine, part, moment, State.CLOSE_PENDING, reason, conditions)
        if machine.more_severe(reason):
            machine.exit_reason = reason
        if machine.entry is not None:
            self._dealing.cancel(machine, machine.entry, f"closing: {reason}")
        machine.retry_at = NEVER
        if reason is not Trigger.LIQUIDATION and machine.symbol in self._accounting.positions:
            settings = self._moves.document(machine).ze1_close.order
            planned = settings if reason is Trigger.ZE1 else AT_MARKET
            self._send(machine, part, moment, n, planned, 0)
        return n

    def replace(
        self, machine: Machine, part: MarketSlice, moment: Moment, reason: Trigger, conditions: Evidence
    ) -> int:
        """A more severe reason while a limit close rests: it is cancelled, a market close goes at once."""
        n = self._moves.move(machine, part, moment, State.CLOSE_PENDING, reason, conditions)
        if machine.more_severe(reason):
            machine.exit_reason = reason
        for order in machine.closes:
            self._dealing.cancel(machine, order, f"replaced: {reason}")
        self._send(machine, part, moment, n, AT_MARKET, 0)
        return n

    def retry(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        """The back-off of a failed market close is over: send the next one."""
        machine.retry_at = NEVER
        attempt = machine.close_attempts
        rule = of_rule("close_retry", attempt, None, "the market close is sent again")
        n = self._moves.move(machine, part, moment, State.CLOSE_PENDING, Trigger.CLOSE_ESCALATED, rule)
        self._send(machine, part, moment, n, AT_MARKET, attempt)

    def _send(
        self,
        machine: Machine,
        part: MarketSlice,
        moment: Moment,
        n: int,
        settings: OrderSettings,
        leg: int,
    ) -> None:
        position = self._accounting.positions.get(machine.symbol)
        contract = part.memory.contract
        if position is None or contract is None:
            return
        direction = -position.direction
        kind, limit = settings.type, None
        reference = part.last_price(moment)
        if kind in PRICED:
            quote = reference_price(part, moment, direction)
            if quote is None:
                kind = MARKET  # no quote to price a limit from: out at market
            else:
                limit = limit_price(quote, direction, settings.offset_percent, contract.price_unit)
                reference = limit
        ticket = Ticket(
            transition=n,
            intent=intent(position.side, opening=False),
            type=kind,
            direction=direction,
            quantity=position.quantity,
            step=quantity_step(contract),
            reference=reference,
            leverage=position.leverage,
            timeout_us=round(settings.timeout_seconds * MICROSECONDS),
            limit_price=limit,
            reduce_only=True,
            leg=leg,
        )
        machine.closes = [order for order in machine.closes if order.alive]
        machine.closes.append(self._dealing.create(machine, moment, ticket))

    def settle(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        position = self._accounting.positions.get(machine.symbol)
        held = position.quantity if position is not None else ZERO
        if held <= 0:
            for order in machine.closes:
                if order.alive:
                    self._dealing.end(machine, order, OrderState.CANCELLED, "the position is flat", moment.ts)
            if not machine.entry_alive:
                self._end(machine, part, moment)
            return
        if machine.working_close is not None or machine.retry_at != NEVER:
            return
        last = machine.closes[-1] if machine.closes else None
        if last is None or last.state is OrderState.FILLED:
            rule = of_rule("late_fill", float(held), 0.0, "filled after the close was sent: closed too")
            n = self._moves.move(machine, part, moment, State.CLOSE_PENDING, Trigger.LATE_FILL, rule)
            self._send(machine, part, moment, n, AT_MARKET, 0)
            return
        self._escalate(machine, last, float(held), part, moment)

    def _escalate(self, machine: Machine, last: WorkingOrder, held: float, part: MarketSlice, moment: Moment) -> None:
        """A close ended with something still held: limit → market, market → market again after a pause."""
        was_limit = last.type in PRICED
        planned = was_limit and self._moves.document(machine).ze1_close.order.then == MARKET
        machine.close_attempts += 1
        if not planned:
            self._accounting.risk_event(
                moment.ts,
                "WARNING" if was_limit else "CRITICAL",
                "close_escalated",
                f"{machine.name} {machine.symbol}: a {last.type} close ended {last.state} with {held:g} still held",
                {
                    "strategy": machine.name,
                    "symbol": machine.symbol,
                    "order_id": last.order_id,
                    "state": str(last.state),
                    "reason": last.reason,
                    "held": held,
                    "attempt": machine.close_attempts,
                },
            )
        if was_limit:
            rule = of_rule("close_order", str(last.state), None, last.reason)
            trigger = Trigger.NEXT_LEG if planned else Trigger.CLOSE_ESCALATED
            n = self._moves.move(machine, part, moment, State.CLOSE_PENDING, trigger, rule)
            self._send(machine, part, moment, n, AT_MARKET, machine.close_attempts)
            return
        pause = min(FIRST_PAUSE * 2 ** min(machine.close_attempts - 1, 10), LONGEST_PAUSE)
        machine.retry_at = moment.ts + pause
        machine.dirty = True

    def _end(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        reason = str(machine.exit_reason)
        rule = of_rule("flat", reason, None, "nothing is held and no entry order is alive")
        machine.entry = None
        machine.closes = []
        machine.close_attempts = 0
        machine.retry_at = NEVER
        if machine.deactivating is not None:
            machine.deactivating = None
            self._moves.move(machine, part, moment, State.INACTIVE, Trigger.FLAT, rule)
            return
        self._moves.move(machine, part, moment, State.EXITED, Trigger.FLAT, rule)
        document = self._moves.document(machine)
        emergency = machine.exit_reason in EMERGENCIES
        seconds = document.e1_emergency.cooldown_seconds if emergency else document.ze1_close.cooldown_seconds
        machine.cooldown_until = moment.ts + round(seconds * MICROSECONDS)


def reference_price(part: MarketSlice, moment: Moment, direction: int) -> float | None:
    """What a limit price is worked out from: the best opposite quote, without books the last price."""
    if not part.memory.has_books:
        last = part.last_price(moment)
        return last if last > 0 else None
    book = part.book(moment)
    if book is None:
        return None
    best = float(book.opposite(direction)[0][0])
    return best if best > 0 else None
