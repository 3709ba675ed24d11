"""Decisions with a position: liquidation, stop, E1, trailing stop, take profit, age, ZE1, in this order."""

from __future__ import annotations

import math

from operators.desk.evidence import Evidence, Value, of_conditions, of_rule
from operators.desk.lifecycle import Lifecycle
from operators.desk.machine import Machine, State, Trigger
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.orders import OrderState, intent
from operators.desk.positions import OpenPosition, see
from operators.desk.scan import extremes
from operators.strategy.compiled import E1, ZE1
from operators.strategy.document import EntrySection
from operators.strategy.entry import TrailingStop
from operators.strategy.verdict import TRUE
from operators.tape import MICROSECONDS

Decision = tuple[Trigger, Evidence, str | None, list[Value]]
"""Why to close, the evidence, and the section with its values where one decided."""


class Exits:
    """Steps 3 and 4 of an instant."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._accounting = lifecycle.accounting

    def see_trades(self, machine: Machine, position: OpenPosition, part: MarketSlice, start: int, stop: int) -> None:
        """Trades start..stop of the slice happened while the position was held."""
        if start < stop:
            see(position, *extremes(part.evaluation.batch.trades.price, start, stop))
            trailing = self._trailing(machine)
            if trailing is not None and armed(trailing, position, machine.trailing_armed):
                machine.trailing_armed = True

    def liquidate(self, part: MarketSlice, moment: Moment) -> bool:
        """Step 3: the venue takes over a position whose margin is used up."""
        position = self._accounting.positions.get(part.memory.symbol)
        if position is None or position.liquidation is None:
            return False
        fair = part.fair(moment)
        price = part.last_price(moment) if math.isnan(fair) else fair
        if not position.direction * (price - position.liquidation) <= 0:
            return False
        machine = next(one for one in part.memory.machines if one.name == position.strategy)
        lifecycle = self._lifecycle
        rule = of_rule("liquidation", price, position.liquidation, "the margin is used up")
        for order in machine.closes:
            if order.alive:
                lifecycle.dealing.end(machine, order, OrderState.CANCELLED, "liquidation", moment.ts)
        if machine.state is State.POSITION_ACTIVE:
            n = lifecycle.closing.start(machine, part, moment, Trigger.LIQUIDATION, rule)
        else:
            n = lifecycle.moves.move(machine, part, moment, machine.state, Trigger.LIQUIDATION, rule)
        machine.exit_reason = Trigger.LIQUIDATION
        details = {"symbol": position.symbol, "price": price, "liquidation": position.liquidation}
        self._accounting.risk_event(
            moment.ts, "CRITICAL", "liquidation", f"{position.symbol} {position.side} is liquidated", details
        )
        lifecycle.dealing.liquidate(machine, moment, n, intent(position.side, opening=False))
        lifecycle.after_orders(machine, part, moment)
        return True

    def step(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        """Step 4: close where something demands it; True if the machine moved."""
        position = self._accounting.positions.get(machine.symbol)
        if machine.state is State.POSITION_ACTIVE and position is not None:
            self._time_out_entry(machine, moment)
            decision = self._decide(machine, position, part, moment, planned=True)
            if decision is None:
                return False
            reason, conditions, section, values = decision
            n = self._lifecycle.closing.start(machine, part, moment, reason, conditions)
            if section is not None:
                self._lifecycle.moves.signal(machine, part, moment, section, n, values)
            return True
        if machine.state is State.CLOSE_PENDING:
            return self._press_close(machine, position, part, moment)
        return False

    def _press_close(self, machine: Machine, position: OpenPosition | None, part: MarketSlice, moment: Moment) -> bool:
        if (State.CLOSE_PENDING, State.CLOSE_PENDING) in machine.moves or position is None:
            return False
        lifecycle = self._lifecycle
        if moment.ts >= machine.retry_at:
            lifecycle.closing.retry(machine, part, moment)
            return True
        close = machine.working_close
        if close is None:
            return False
        if close.rests and machine.deactivating is None:
            decision = self._decide(machine, position, part, moment, planned=False)
            if decision is not None:
                reason, conditions, section, values = decision
                n = lifecycle.closing.replace(machine, part, moment, reason, conditions)
                if section is not None:
                    lifecycle.moves.signal(machine, part, moment, section, n, values)
                return True
        if moment.ts >= close.deadline and close.state is not OrderState.NEW:
            lifecycle.dealing.cancel(machine, close, "time-out")
        return False

    def _time_out_entry(self, machine: Machine, moment: Moment) -> None:
        """The rest of a partly filled entry stays until its time-out."""
        order = machine.entry
        if order is not None and order.alive and moment.ts >= order.deadline:
            self._lifecycle.dealing.cancel(machine, order, "time-out")

    def _decide(
        self, machine: Machine, position: OpenPosition, part: MarketSlice, moment: Moment, *, planned: bool
    ) -> Decision | None:
        """The most severe reason to close now. `planned`: take profit and ZE1 count too."""
        lifecycle = self._lifecycle
        sections = lifecycle.moves.sections[machine.strategy]
        price = part.last_price(moment)
        s = position.direction
        # a stop is never triggered by the event that filled its entry
        stops = moment.is_trade and not machine.entry_filled
        if stops and position.stop is not None and s * (price - position.stop) <= 0:
            return Trigger.STOP_LOSS, of_rule("stop_loss", price, position.stop), None, []
        if moment.index >= 0 and sections.verdict(E1, machine, position, part, moment.index) == TRUE:
            values = sections.values_at(E1, machine, position, part, moment.index)
            return Trigger.E1, of_conditions(values), E1, values
        trailing = self._trailing(machine)
        if stops and trailing is not None:
            level = trailing_level(trailing, position)
            if armed(trailing, position, machine.trailing_armed) and s * (price - level) <= 0:
                return Trigger.TRAILING_STOP, of_rule("trailing_stop", price, level), None, []
        if planned and stops and position.target is not None and s * (price - position.target) >= 0:
            return Trigger.TAKE_PROFIT, of_rule("take_profit", price, position.target), None, []
        longest = lifecycle.moves.document(machine).limits.max_position_seconds
        age = moment.ts - position.opened_at
        if longest is not None and age >= round(longest * MICROSECONDS):
            rule = of_rule("max_position_seconds", age / MICROSECONDS, longest)
            return Trigger.MAX_POSITION_SECONDS, rule, None, []
        if planned and moment.index >= 0 and sections.verdict(ZE1, machine, position, part, moment.index) == TRUE:
            values = sections.values_at(ZE1, machine, position, part, moment.index)
            return Trigger.ZE1, of_conditions(values), ZE1, values
        return None

    def _trailing(self, machine: Machine) -> TrailingStop | None:
        entry: EntrySection | None = self._lifecycle.moves.document(machine).z1_entry
        return entry.trailing_stop if entry is not None else None


def trailing_factor(trailing: TrailingStop, direction: int) -> float:
    """What the best price is multiplied with to get the trailing stop."""
    return 1.0 - direction * trailing.percent / 100.0


def trailing_level(trailing: TrailingStop, position: OpenPosition) -> float:
    """The trailing stop now: below the highest price for a long, above the lowest for a short."""
    best = position.high if position.direction > 0 else position.low
    return best * trailing_factor(trailing, position.direction)


def activation_price(trailing: TrailingStop, position: OpenPosition) -> float:
    """The best price from which the trailing stop is armed; with no activation it is armed from the first trade."""
    if trailing.activation_percent == 0:
        return -math.inf * position.direction
    return position.average * (1.0 + position.direction * trailing.activation_percent / 100.0)


def armed(trailing: TrailingStop, position: OpenPosition, before: bool) -> bool:
    """Once armed it stays so."""
    best = position.high if position.direction > 0 else position.low
    return before or position.direction * (best - activation_price(trailing, position)) >= 0
