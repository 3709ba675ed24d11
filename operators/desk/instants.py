"""One instant after the other.

Within one instant: (1) venue fills, (2) funding, (3) liquidation, (4) exits, strategies in the account document's
order, (5) the same strategies' signals; (4) and (5) again while machines move; (6) new orders leave.
"""

from __future__ import annotations

from typing import Final

from operators.contracts import ContractSpecification
from operators.desk.account import AccountSettings
from operators.desk.agenda import Item
from operators.desk.commands import Commands
from operators.desk.dealing import ACTIVATE, CANCEL, SETTLE
from operators.desk.exits import Exits
from operators.desk.lifecycle import Lifecycle
from operators.desk.lookahead import trades_before
from operators.desk.market import MarketSlice
from operators.desk.memory import Due, MarketMemory
from operators.desk.moment import EVENT, Key, Moment
from operators.desk.signals import Signals
from operators.tape import TapeEvent

VISITED: Final = frozenset(
    {"contract", "funding", "command", "entries_blocked", "entries_allowed", "symbol_added", "symbol_removed"}
)
"""Tape events that are visited one by one."""


class Instants:
    """Carries out what happens at one instant of one symbol."""

    def __init__(self, settings: AccountSettings, lifecycle: Lifecycle, commands: Commands) -> None:
        self._lifecycle = lifecycle
        self._moves = lifecycle.moves
        self._dealing = lifecycle.dealing
        self._accounting = lifecycle.accounting
        self._signals = Signals(settings, lifecycle)
        self._exits = Exits(lifecycle)
        self._commands = commands

    def visit(self, part: MarketSlice, key: Key, item: Item) -> None:
        """Go to a place of the total order and do what is to be done there."""
        ts, phase, order, _ = key
        part.passed = key
        if item is Item.EVALUATION:
            moment = part.evaluated(part.upcoming)
            self.advance(part, moment.index)
            self._instant(part, moment, None)
        else:
            moment = part.moment(ts, phase, order)
            self.advance(part, moment.instants)
            if item is Item.DUE:
                self._instant(part, moment, part.memory.due.pop(0))
            elif item is Item.EVENT:
                event = part.events[part.next_event]
                part.next_event += 1
                self._on_event(event, part, moment)
            else:
                self._prepare(part)
                self._exits.liquidate(part, moment)
                self._send(part, moment)
        part.index = max(part.index, moment.instants)
        part.committed = max(part.committed, moment.instants)

    def advance(self, part: MarketSlice, upto: int) -> None:
        """Let extremes and holds see the instants before `upto`, at which nothing happened."""
        start = part.committed
        if upto <= start:
            return
        position = self._accounting.positions.get(part.memory.symbol)
        for machine in part.memory.machines:
            sections = self._moves.sections[machine.strategy]
            self._moves.approaches.stretch(machine, position, part, start, upto)
            sections.commit(machine, position, part, start, upto)
            if position is not None and position.strategy == machine.name:
                self._exits.see_trades(machine, position, part, trades_before(part, start), trades_before(part, upto))
        part.committed = part.index = upto

    def _prepare(self, part: MarketSlice) -> None:
        for machine in part.memory.machines:
            machine.moves.clear()
            machine.verdicts.clear()
            machine.entry_filled = False

    def _instant(self, part: MarketSlice, moment: Moment, due: Due | None) -> None:
        """One instant of a symbol, steps 1 to 6."""
        self._prepare(part)
        self._fill(part, moment, due)
        self._see(part, moment)
        self._exits.liquidate(part, moment)
        self._decide(part, moment)
        self._send(part, moment)

    def _fill(self, part: MarketSlice, moment: Moment, due: Due | None) -> None:
        """Step 1, and step 2 where a settlement is due."""
        if due is not None and due.kind == SETTLE:
            self._accounting.settle_funding(part, moment)
            for machine in part.memory.machines:
                machine.dirty = True
            return
        if due is not None:
            owner = due.machine
            assert owner is not None  # noqa: S101 - orders have one
            if due.kind == ACTIVATE:
                self._dealing.activate(due, part, moment, self._moves.document(owner).z1_entry)
            elif due.kind == CANCEL:
                self._dealing.confirm_cancel(due, moment.ts)
            self._lifecycle.after_orders(owner, part, moment)
            return
        for machine in part.memory.machines:
            for order in (machine.entry, *machine.closes):
                if order is None or not order.alive:
                    continue
                entry = self._moves.document(machine).z1_entry
                if self._dealing.meet_instant(machine, order, part, moment, entry):
                    self._lifecycle.after_orders(machine, part, moment)

    def _see(self, part: MarketSlice, moment: Moment) -> None:
        """The position sees the trade of the instant."""
        position = self._accounting.positions.get(part.memory.symbol)
        if moment.is_trade and position is not None:
            for machine in part.memory.machines:
                if machine.name == position.strategy:
                    self._exits.see_trades(machine, position, part, moment.trades - 1, moment.trades)

    def _decide(self, part: MarketSlice, moment: Moment) -> None:
        """Steps 4 and 5, repeated while machines move."""
        acting = part.memory.machines
        if moment.index >= 0:
            # what was looked ahead still holds: nothing can move the others here
            idle = [machine for machine in acting if not machine.dirty and machine.next_index > moment.index]
            if idle:
                acting = [machine for machine in acting if machine.dirty or machine.next_index <= moment.index]
        else:
            idle = []
        moved = True
        while moved:
            moved = False
            for machine in acting:
                moved |= self._exits.step(machine, part, moment)
            for machine in acting:
                moved |= self._signals.step(machine, part, moment)
        if moment.index < 0:
            return
        position = self._accounting.positions.get(part.memory.symbol)
        for machine in acting:  # holds move on at every instant, whatever was asked
            sections = self._moves.sections[machine.strategy]
            if sections.any_held:
                for name in sections.needed(machine):
                    sections.verdict(name, machine, position, part, moment.index)
            self._moves.approaches.instant(machine, position, part, moment.index)
        for machine in idle:
            self._moves.approaches.stretch(machine, position, part, moment.index, moment.index + 1)
            self._moves.sections[machine.strategy].commit(machine, position, part, moment.index, moment.index + 1)

    def _send(self, part: MarketSlice, moment: Moment) -> None:
        """Step 6. Without latency what was sent is active at the end of the deciding instant: an instant of its own."""
        at_once = self._dealing.dispatch(moment)
        if at_once:
            end = Moment(moment.ts, moment.phase, moment.order, -1, moment.instants, moment.trades, moment.books)
            for due in at_once:
                self._instant(part, end, due)

    # Tape events

    def remember(self, part: MarketSlice) -> None:
        """The events of a part before the period: what they tell of the symbol, without what they would do."""
        for event in part.events:
            self._learn(event, part.memory)
        part.next_event = len(part.events)

    def _on_event(self, event: TapeEvent, part: MarketSlice, moment: Moment) -> None:
        self._prepare(part)
        if event.kind != "command":
            self._learn(event, part.memory)
        elif self._commands.concerns(event):
            self._commands.on_account(event, moment)
            self._command(event, part, moment)

    def _learn(self, event: TapeEvent, memory: MarketMemory) -> None:
        """What an event tells of the symbol."""
        match event.kind:
            case "contract":
                memory.contract = ContractSpecification.from_payload(dict(event.payload))
            case "funding":
                self._on_funding(event, memory)
                for machine in memory.machines:
                    machine.dirty = True
            case "entries_blocked" | "entries_allowed":
                memory.entries_blocked = event.kind == "entries_blocked"
            case "symbol_removed" | "symbol_added":
                memory.removed = event.kind == "symbol_removed"

    def _on_funding(self, event: TapeEvent, memory: MarketMemory) -> None:
        rate, settlement = float(event.payload["rate"]), int(event.payload["next_settle_ts"])
        if event.payload.get("settled"):
            if settlement > event.ts:
                memory.settled_rates[settlement] = rate
            self._accounting.correct_funding(memory, settlement, rate)
        else:
            memory.funding_rate = rate
        waiting = any(due.kind == SETTLE and due.ts == settlement for due in memory.due)
        if settlement > event.ts and not waiting:
            memory.arrange(Due(settlement, self._accounting.ledger.next_arranged(), SETTLE))

    def command(self, event: TapeEvent, part: MarketSlice) -> None:
        """A command for the whole account reaches this symbol."""
        moment = part.moment(event.ts, EVENT, event.seq)
        part.passed = (event.ts, EVENT, event.seq, part.memory.symbol)
        self.advance(part, moment.instants)
        self._prepare(part)
        self._command(event, part, moment)

    def _command(self, event: TapeEvent, part: MarketSlice, moment: Moment) -> None:
        for machine in part.memory.machines:
            self._commands.on_machine(event, machine, part, moment)
        self._send(part, moment)
