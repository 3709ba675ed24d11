"""Commands and other tape events that the desk acts on.

A `command` event's payload is `{"command": name, …}`, for all accounts or the one in `"account"`; with the event's
symbol empty it concerns all symbols:

| command | effect |
|---|---|
| `stop` | no new entries; positions as `on_stop` says |
| `kill_switch` (`"on": true / false`) | the same until switched off |
| `deactivate`, `activate` (`"strategy"`, left out = all) | the same for one strategy |
| `flatten` | cancel what is pending, close what is open, go on |
| `acknowledge` | a drawdown halt ends; the peak counts from here |
| `limits` (`"risk": {…}`) | changed risk limits |
"""

from __future__ import annotations

from operators.desk.account import RiskLimits
from operators.desk.evidence import of_rule
from operators.desk.lifecycle import Lifecycle
from operators.desk.machine import TRADING, Machine, State, Trigger
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.errors import TapeflowError
from operators.tape import TapeEvent

OFF_SWITCHES = {
    "stop": Trigger.SESSION_STOP,
    "kill_switch": Trigger.KILL_SWITCH,
    "deactivate": Trigger.DEACTIVATED,
}


class UnknownCommand(TapeflowError):
    """A command on the tape that the desk does not know."""


class Commands:
    """Carries out commands on the machines of one account."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._accounting = lifecycle.accounting

    def concerns(self, event: TapeEvent) -> bool:
        """Whether a command is meant for this account."""
        account = event.payload.get("account")
        return account is None or account == self._accounting.settings.name

    def on_account(self, event: TapeEvent, moment: Moment) -> None:
        """What a command changes for the account as a whole."""
        command = event.payload.get("command")
        ledger = self._accounting.ledger
        match command:
            case "kill_switch":
                ledger.kill_switch = bool(event.payload.get("on", True))
            case "acknowledge":
                self._accounting.acknowledge(moment)
            case "limits":
                changed = {**ledger.limits.model_dump(), **event.payload.get("risk", {})}
                ledger.limits = RiskLimits.model_validate(changed)
            case "stop" | "activate" | "deactivate" | "flatten":
                pass
            case _:
                raise UnknownCommand(
                    f"command {command!r} at {event.ts} µs; allowed: stop, kill_switch, activate, deactivate, "
                    "flatten, acknowledge, limits"
                )

    def on_machine(self, event: TapeEvent, machine: Machine, part: MarketSlice, moment: Moment) -> None:
        """What a command changes for one machine."""
        payload = event.payload
        command = payload.get("command")
        if payload.get("strategy") not in (None, machine.name):
            return
        if command == "flatten":
            if machine.state in TRADING:
                self._close(machine, part, moment, Trigger.FLATTEN)
        elif command == "activate" or (command == "kill_switch" and not payload.get("on", True)):
            machine.off = None
            machine.dirty = True
        elif command in OFF_SWITCHES:
            self._switch_off(machine, part, moment, OFF_SWITCHES[command])

    def _switch_off(self, machine: Machine, part: MarketSlice, moment: Moment, reason: Trigger) -> None:
        machine.off = reason
        machine.dirty = True
        if machine.state is State.INACTIVE:
            return
        keep = self._accounting.settings.on_stop == "keep"
        if machine.state not in TRADING or keep:
            for order in (machine.entry, *machine.closes):
                if order is not None:
                    self._lifecycle.dealing.cancel(machine, order, str(reason))
            self._lifecycle.moves.move(machine, part, moment, State.INACTIVE, reason, of_rule(str(reason), None, None))
            if machine.entry_alive:
                part.memory.holder = machine.name
            return
        machine.deactivating = reason
        self._close(machine, part, moment, reason)

    def _close(self, machine: Machine, part: MarketSlice, moment: Moment, reason: Trigger) -> None:
        rule = of_rule(str(reason), None, None)
        if machine.state is not State.CLOSE_PENDING:
            self._lifecycle.closing.start(machine, part, moment, reason, rule)
            return
        close = machine.working_close
        if close is not None and close.rests:
            self._lifecycle.closing.replace(machine, part, moment, reason, rule)
