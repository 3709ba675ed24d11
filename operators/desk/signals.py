"""Decisions before a position: activation, S1, O1, Z1, time-outs and cooldowns."""

from __future__ import annotations

from operators.desk import evidence
from operators.desk.account import AccountSettings
from operators.desk.entries import plan_entry, rule_names
from operators.desk.evidence import of_conditions, of_rule
from operators.desk.lifecycle import Lifecycle
from operators.desk.machine import HOLDING, Machine, State, Trigger
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.orders import OrderState, Ticket, intent
from operators.desk.steps import quantity_step
from operators.strategy.compiled import O1, S1, Z1
from operators.strategy.verdict import FALSE, TRUE
from operators.tape import MICROSECONDS


class Signals:
    """Step 5 of an instant: the same strategies' O1, Z1, S1, one move per call."""

    def __init__(self, settings: AccountSettings, lifecycle: Lifecycle) -> None:
        self._settings = settings
        self._lifecycle = lifecycle
        self._accounting = lifecycle.accounting

    def step(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        """Make the machine's next move at this instant, if it has one that it has not made yet; True if it moved."""
        match machine.state:
            case State.INACTIVE:
                return self._activate(machine, part, moment)
            case State.SIGNAL_CANCELLED | State.EXITED:
                return self._cool_down(machine, part, moment)
            case State.MONITORING:
                return self._detect(machine, part, moment)
            case State.SIGNAL_DETECTED:
                return self._confirm(machine, part, moment)
            case State.ENTRY_PENDING:
                return self._await_entry(machine, part, moment)
        return False

    def _activate(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        if machine.off is not None or (machine.state, State.MONITORING) in machine.moves:
            return False
        self._lifecycle.moves.move(machine, part, moment, State.MONITORING, Trigger.ACTIVATED, [])
        return True

    def _cool_down(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        if moment.ts < machine.cooldown_until or (machine.state, State.MONITORING) in machine.moves:
            return False
        rule = of_rule("cooldown", moment.ts, machine.cooldown_until)
        self._lifecycle.moves.move(machine, part, moment, State.MONITORING, Trigger.COOLDOWN_OVER, rule)
        return True

    def _detect(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        if moment.index < 0 or not self._rises(machine, part, moment.index):
            return False
        done = machine.moves
        if (State.MONITORING, State.MONITORING) in done or (State.MONITORING, State.SIGNAL_DETECTED) in done:
            return False
        lifecycle, memory = self._lifecycle, part.memory
        values = lifecycle.moves.sections[machine.strategy].values_at(S1, machine, None, part, moment.index)
        conditions = of_conditions(values)
        if memory.holder is not None:
            rule = of_rule("symbol_taken", memory.holder, None, f"{memory.symbol} is held by {memory.holder}")
            trigger = "refused:symbol_taken"
        else:
            active = self._active_signals()
            if active < self._settings.max_active_signals:
                n = lifecycle.moves.move(machine, part, moment, State.SIGNAL_DETECTED, Trigger.S1, conditions)
                machine.signal_ts = moment.ts
                lifecycle.moves.sections[machine.strategy].forget_holds(machine, (O1, Z1))
                lifecycle.moves.signal(machine, part, moment, S1, n, values)
                return True
            rule = of_rule("max_active_signals", active, self._settings.max_active_signals, "no slot is free")
            trigger = "refused:max_active_signals"
        lifecycle.moves.move(machine, part, moment, State.MONITORING, trigger, conditions + rule, refused=True)
        return True

    def _rises(self, machine: Machine, part: MarketSlice, index: int) -> bool:
        """S1 is TRUE and was not at the previous instant, or the state was just entered."""
        verdicts = part.verdicts[machine.strategy].sections.get(S1)
        if verdicts is None or verdicts[index] != TRUE:
            return False
        return previous_s1(machine, part, index) != TRUE

    def _active_signals(self) -> int:
        markets = self._accounting.markets.values()
        return sum(machine.state in HOLDING for memory in markets for machine in memory.machines)

    def _confirm(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        lifecycle = self._lifecycle
        blocked = (State.SIGNAL_DETECTED, State.SIGNAL_CANCELLED) in machine.moves
        cancelled = self._cancelled(machine, part, moment)
        if cancelled is not None:
            if blocked:
                return False
            trigger, conditions, values = cancelled
            n = lifecycle.moves.cancel_signal(machine, part, moment, trigger, conditions)
            if values is not None:
                lifecycle.moves.signal(machine, part, moment, O1, n, values)
            return True
        if moment.index < 0:
            return False
        sections = lifecycle.moves.sections[machine.strategy]
        if sections.verdict(Z1, machine, None, part, moment.index) != TRUE:
            return False
        if blocked or (State.SIGNAL_DETECTED, State.ENTRY_PENDING) in machine.moves:
            return False
        self._enter(machine, part, moment)
        return True

    def _cancelled(
        self, machine: Machine, part: MarketSlice, moment: Moment
    ) -> tuple[Trigger, evidence.Evidence, list[evidence.Value] | None] | None:
        """Whether O1 is TRUE or the signal is too old: what to store."""
        lifecycle = self._lifecycle
        sections = lifecycle.moves.sections[machine.strategy]
        if moment.index >= 0 and sections.verdict(O1, machine, None, part, moment.index) == TRUE:
            values = sections.values_at(O1, machine, None, part, moment.index)
            return Trigger.O1, of_conditions(values), values
        timeout = lifecycle.moves.document(machine).o1_cancel.timeout_seconds
        age = moment.ts - machine.signal_ts
        if age >= round(timeout * MICROSECONDS):
            return Trigger.O1_TIMEOUT, of_rule("o1_timeout", age / MICROSECONDS, timeout, "the signal is too old"), None
        return None

    def _enter(self, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        """Z1 is TRUE: size, ask risk, send the order; or store why not."""
        lifecycle = self._lifecycle
        document = lifecycle.moves.document(machine)
        entry = document.z1_entry
        assert entry is not None  # noqa: S101 - Z1 has a verdict only where it is present
        sections = lifecycle.moves.sections[machine.strategy]
        values = sections.values_at(Z1, machine, None, part, moment.index)
        conditions = of_conditions(values)

        def read(indicator_id: str) -> float:
            return part.value(indicator_id, moment.index)

        plan = plan_entry(machine, sections.strategy, entry, part, moment, self._accounting, read)
        if plan.refusals:
            trigger = f"refused:{rule_names(plan.refusals)}"
            conditions += evidence.of_refusals(plan.refusals)
            lifecycle.moves.cancel_signal(machine, part, moment, trigger, conditions, refused=True)
            return
        proposal = plan.proposal
        assert proposal.contract is not None  # noqa: S101 - refused without one
        n = lifecycle.moves.move(machine, part, moment, State.ENTRY_PENDING, Trigger.Z1, conditions)
        lifecycle.moves.signal(machine, part, moment, Z1, n, values)
        machine.entry_cancel = None
        machine.exit_reason = None
        machine.next_leg_left = entry.order.then is not None and entry.order.type != "market"
        machine.stop_level, machine.target_level = plan.stop_level, plan.target_level
        ticket = Ticket(
            transition=n,
            intent=intent(document.direction, opening=True),
            type=entry.order.type,
            direction=plan.direction,
            quantity=proposal.quantity,
            step=quantity_step(proposal.contract),
            reference=proposal.price,
            leverage=entry.leverage,
            timeout_us=round(entry.order.timeout_seconds * MICROSECONDS),
            limit_price=plan.limit_price,
        )
        machine.entry = lifecycle.dealing.create(machine, moment, ticket)

    def _await_entry(self, machine: Machine, part: MarketSlice, moment: Moment) -> bool:
        """Nothing is filled yet: O1 or age cancels the order; what the venue confirms decides."""
        order = machine.entry
        if order is None or machine.entry_cancel is not None:
            return False
        if (State.ENTRY_PENDING, State.ENTRY_PENDING) in machine.moves:
            return False
        lifecycle = self._lifecycle
        cancelled = self._cancelled(machine, part, moment)
        if cancelled is not None:
            trigger, conditions, _ = cancelled
            lifecycle.moves.move(machine, part, moment, State.ENTRY_PENDING, trigger, conditions)
            machine.entry_cancel = trigger
            lifecycle.dealing.cancel(machine, order, str(trigger))
            return True
        if moment.ts >= order.deadline and order.state is not OrderState.NEW and not order.cancel_requested:
            age = (moment.ts - order.created) / MICROSECONDS
            allowed = (order.deadline - order.created) / MICROSECONDS
            rule = of_rule("order_timeout", age, allowed, "the entry order is too old")
            lifecycle.moves.move(machine, part, moment, State.ENTRY_PENDING, Trigger.ORDER_TIMEOUT, rule)
            lifecycle.dealing.cancel(machine, order, "time-out")
            return True
        return False


def previous_s1(machine: Machine, part: MarketSlice, index: int) -> int:
    """S1's verdict before an instant, FALSE at the first instant of a state that was just entered."""
    if index <= machine.edge_from:
        return FALSE
    if index == 0:
        return machine.s1_previous
    return int(part.verdicts[machine.strategy].sections[S1][index - 1])
