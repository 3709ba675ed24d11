"""Moves of the state machines. Every move is a stored row, every signal that was acted on another."""

from __future__ import annotations

from typing import Final

from operators.desk import evidence
from operators.desk.accounting import Accounting
from operators.desk.approaches import Approaches
from operators.desk.evidence import Evidence, Value
from operators.desk.ids import signal_id
from operators.desk.machine import HOLDING, Machine, State
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.sections import StrategySections
from operators.results import StrategySignal
from operators.strategy.compiled import E1, O1, S1, Z1, ZE1
from operators.strategy.document import StrategyDocument
from operators.tape import MICROSECONDS

SIGNAL_NAMES: Final = {
    S1: "S1_SIGNAL",
    O1: "O1_CANCEL",
    Z1: "Z1_ENTRY",
    ZE1: "ZE1_CLOSE",
    E1: "E1_EMERGENCY",
}


class Moves:
    """Moves the machines of one account; `sections` are its strategies in order."""

    def __init__(self, accounting: Accounting, sections: list[StrategySections], approaches: Approaches) -> None:
        self.accounting = accounting
        self.sections = sections
        self.approaches = approaches
        self._recorder = accounting.recorder

    def document(self, machine: Machine) -> StrategyDocument:
        return self.sections[machine.strategy].strategy.document

    def move(
        self,
        machine: Machine,
        part: MarketSlice,
        moment: Moment,
        to: State,
        trigger: str,
        conditions: Evidence,
        *,
        refused: bool = False,
    ) -> int:
        """Make and store a move; the number of its row. Slot and symbol are taken and freed by the states."""
        before = machine.state
        if to is not before:
            self.approaches.leave(machine, self.accounting.positions.get(machine.symbol), part, moment)
        n = machine.n
        text = evidence.to_json(conditions)
        self._recorder.transition(machine, moment.ts, str(before), str(to), str(trigger), refused, text)
        machine.n += 1
        machine.moves.add((before, to))
        machine.state = to
        machine.dirty = True
        if to is not before:
            self.approaches.enter(machine, moment)
        if to in HOLDING:
            part.memory.holder = machine.name
        elif before in HOLDING and machine.symbol not in self.accounting.positions:
            part.memory.holder = None
        if to is State.MONITORING and before is not State.MONITORING:
            machine.fresh = True
            machine.edge_from = moment.index if moment.index >= 0 else moment.instants
        return n

    def signal(
        self,
        machine: Machine,
        part: MarketSlice,
        moment: Moment,
        section: str,
        n: int,
        values: list[Value],
    ) -> None:
        """Store that a section gave a signal that was acted on (transition row `n`)."""
        account, session = self.accounting.settings.name, self._recorder.session_id
        price = part.last_price(moment)
        self._recorder.signal(
            StrategySignal(
                moment.ts,
                signal_id(session, account, machine.name, machine.symbol, n),
                session,
                account,
                machine.name,
                machine.symbol,
                SIGNAL_NAMES[section],
                self.document(machine).direction,
                price if price > 0 else None,
                evidence.indicator_values(values),
            )
        )

    def cancel_signal(
        self,
        machine: Machine,
        part: MarketSlice,
        moment: Moment,
        trigger: str,
        conditions: Evidence,
        *,
        refused: bool = False,
        at_least: int = 0,
    ) -> int:
        """SIGNAL_CANCELLED with the O1 cooldown."""
        n = self.move(machine, part, moment, State.SIGNAL_CANCELLED, trigger, conditions, refused=refused)
        cooldown = round(self.document(machine).o1_cancel.cooldown_seconds * MICROSECONDS)
        machine.cooldown_until = moment.ts + max(cooldown, at_least)
        machine.entry = None
        machine.entry_cancel = None
        return n
