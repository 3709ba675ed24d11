"""The desk of one account: walks each slice in the total order of `moment`, from one relevant instant to the next."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, ClassVar, Final

from operators.desk.account import AccountSettings
from operators.desk.accounting import Accounting
from operators.desk.agenda import Agenda, Item
from operators.desk.approaches import Approaches
from operators.desk.commands import Commands
from operators.desk.dealing import Dealing
from operators.desk.instants import VISITED, Instants
from operators.desk.ledger import DAY, Ledger, open_ledger
from operators.desk.lifecycle import Lifecycle
from operators.desk.machine import Machine, State
from operators.desk.market import MarketSlice, empty_evaluation
from operators.desk.memory import MarketMemory
from operators.desk.moment import CLOCK, EVENT, Key, Moment
from operators.desk.moves import Moves
from operators.desk.orders import OrderState
from operators.desk.positions import OpenPosition
from operators.desk.recorder import Recorder
from operators.desk.sections import StrategySections
from operators.desk.simulated_venue import SimulatedVenue, forget_old_liquidity, forget_returned_liquidity
from operators.errors import TapeflowError
from operators.results import ResultRow
from operators.strategy.compiled import S1, CompiledStrategy, Decisions
from operators.strategy.conditions import ALL_STREAMS
from operators.tape import BOOKS_STREAM, SliceHeader, TapeEvent

SNAPSHOT_VERSION: Final = 2


class DeskError(TapeflowError):
    """Something that the desk was given and cannot be meant."""


@dataclass(slots=True)
class DeskState:
    """Everything that a desk remembers between slices. `from_ts` is where it began to decide."""

    ledger: Ledger
    markets: dict[str, MarketMemory]
    positions: dict[str, OpenPosition]
    from_ts: int | None = None
    to_ts: int | None = None


class Desk:
    """Owns one account's machines, orders, positions and money. `strategies` in the account document's order,
    `streams` the tape's streams per symbol (a symbol that is not in it has trades and books).

    `on_slice` takes whole slices, in order. The rows that it returns are the same however the tape is sliced, but for
    orders and positions, which are in their latest state once per slice.
    """

    agenda_type: ClassVar[type[Agenda]] = Agenda

    def __init__(
        self,
        settings: AccountSettings,
        session_id: str,
        strategies: Sequence[CompiledStrategy],
        symbols: Sequence[str],
        streams: Mapping[str, frozenset[str]],
    ) -> None:
        self._names = tuple(strategy.name for strategy in strategies)
        if len(set(self._names)) != len(self._names):
            raise DeskError(f"account {settings.name}: strategies {', '.join(self._names)}; allowed: each name once")
        self._settings = settings
        self._session_id = session_id
        self._streams = streams
        self._sections = [StrategySections(strategy) for strategy in strategies]
        self._approaches = Approaches(self._sections, streams)
        markets = {symbol: self._new_market(symbol) for symbol in symbols}
        self._adopt(DeskState(open_ledger(settings.equity, settings.risk), markets, {}))

    def _new_market(self, symbol: str) -> MarketMemory:
        machines = [Machine(place, one.strategy.name, symbol) for place, one in enumerate(self._sections)]
        return MarketMemory(symbol, BOOKS_STREAM in self._streams.get(symbol, ALL_STREAMS), machines)

    def _adopt(self, state: DeskState) -> None:
        self._state = state
        self._parts: dict[str, MarketSlice] = {}
        self._recorder = Recorder(self._session_id, self._settings.name)
        self._accounting = Accounting(
            self._settings, state.ledger, state.positions, state.markets, self._parts, self._recorder
        )
        venue = SimulatedVenue(self._settings.slippage_bps, self._settings.participation)
        self._dealing = Dealing(self._accounting, venue, self._session_id)
        self._lifecycle = Lifecycle(Moves(self._accounting, self._sections, self._approaches), self._dealing)
        self._commands = Commands(self._lifecycle)
        self._instants = Instants(self._settings, self._lifecycle, self._commands)
        self._agenda = self.agenda_type(self._sections, state.positions)

    # State

    @property
    def positions(self) -> Mapping[str, OpenPosition]:
        """Open positions by symbol."""
        return self._state.positions

    @property
    def ledger(self) -> Ledger:
        return self._state.ledger

    def state_of(self, strategy: str, symbol: str) -> State:
        """The state of one machine."""
        return next(one.state for one in self._state.markets[symbol].machines if one.name == strategy)

    def snapshot(self) -> dict[str, Any]:
        """Everything needed to go on after the last slice, as plain picklable data."""
        return {"version": SNAPSHOT_VERSION, "state": pickle.dumps(self._state, pickle.HIGHEST_PROTOCOL)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot of a desk with the same settings."""
        if snapshot.get("version") != SNAPSHOT_VERSION:
            raise DeskError(f"desk snapshot of version {snapshot.get('version')}; allowed: {SNAPSHOT_VERSION}")
        state = pickle.loads(snapshot["state"])  # noqa: S301 - our own recovery data
        self._adopt(state)

    # A slice

    def on_slice(self, header: SliceHeader, parts: Sequence[Decisions]) -> list[ResultRow]:
        """Decide over one whole slice: rows in the order of decisions, then the latest orders and positions.

        Of the lead-in the desk only remembers what its events tell of the markets; nothing is decided, no row comes.
        """
        if self._state.to_ts is not None and header.from_ts != self._state.to_ts:
            raise DeskError(
                f"account {self._settings.name}: slice {header.no} starts after {header.from_ts} µs; "
                f"the desk has decided to {self._state.to_ts} µs"
            )
        self._begin(header, parts)
        account_events = sorted(
            (event for part in parts for event in part.evaluation.batch.events if not event.symbol),
            key=lambda event: (event.ts, event.seq),
        )
        if header.lead_in:
            self._remember(account_events, header.to_ts)
        else:
            self._decide(header, account_events)
        self._parts.clear()
        self._state.to_ts = header.to_ts
        if header.last:
            self._end_of_tape(header.to_ts)
        return self._recorder.drain()

    def approach_rows(self) -> list[ResultRow]:
        """The closest approach of every condition and section that was looked at, up to the last slice."""
        state = self._state
        if state.from_ts is None or state.to_ts is None:
            return []
        machines = (machine for symbol in sorted(state.markets) for machine in state.markets[symbol].machines)
        return list(self._approaches.rows(machines, self._session_id, self._settings.name, state.from_ts, state.to_ts))

    def _remember(self, account_events: list[TapeEvent], to_ts: int) -> None:
        """What came before the period; commands were meant for those who traded then."""
        for event in account_events:
            self._learn_for_all(event)
        for part in self._parts.values():
            self._instants.remember(part)
            part.finish()
        for memory in self._state.markets.values():
            memory.forget_settled(to_ts)

    def _decide(self, header: SliceHeader, account_events: list[TapeEvent]) -> None:
        if not self.ledger.started:
            self.ledger.started = True
            self._state.from_ts = header.from_ts
            self._accounting.sample(header.from_ts)
        self._walk(header, account_events)
        if self.ledger.sample_due is not None:
            self._accounting.sample(self.ledger.sample_due)
        for symbol in sorted(self._parts):
            self._end_part(self._parts[symbol], header.to_ts)

    def _begin(self, header: SliceHeader, parts: Sequence[Decisions]) -> None:
        markets = self._state.markets
        for decisions in parts:
            symbol = decisions.evaluation.batch.symbol
            if not symbol:
                continue
            if symbol not in markets:
                markets[symbol] = self._new_market(symbol)
            decided = tuple(verdicts.strategy for verdicts in decisions.verdicts)
            if len(decisions.evaluation.instants) and decided != self._names:
                raise DeskError(
                    f"account {self._settings.name}: verdicts of {', '.join(decided) or 'no strategy'} on {symbol}; "
                    f"allowed: those of {', '.join(self._names)}, in this order"
                )
            self._parts[symbol] = self._open_part(markets[symbol], decisions)
        for symbol, memory in markets.items():
            if symbol not in self._parts and memory.due and memory.due[0].ts <= header.to_ts:
                self._empty_part(symbol, header)

    def _open_part(self, memory: MarketMemory, decisions: Decisions) -> MarketSlice:
        for machine in memory.machines:
            machine.edge_from = 0 if machine.fresh else -1
            machine.dirty = True
        return MarketSlice(memory, decisions.evaluation, decisions.verdicts, VISITED)

    def _empty_part(self, symbol: str, header: SliceHeader) -> MarketSlice:
        """A symbol that the slice says nothing about, but that something falls due for."""
        decisions = Decisions(self._settings.name, empty_evaluation(symbol, header), ())
        part = self._parts[symbol] = self._open_part(self._state.markets[symbol], decisions)
        return part

    def _walk(self, header: SliceHeader, account_events: list[TapeEvent]) -> None:
        """Everything of the slice in the total order; the clock's turn at a ts comes last."""
        heap = self._upcoming(header.to_ts)
        clock = self._next_clock(header.from_ts)
        pending = deque(account_events)
        while True:
            key = heap[0][0] if heap else None
            event = pending[0] if pending else None
            if event is not None and event.ts <= clock and (key is None or (event.ts, EVENT, event.seq, "") < key):
                self._flush_sample(event.ts)
                self._on_account_event(pending.popleft(), header)
                heap = self._upcoming(header.to_ts)
            elif key is not None and key[0] <= clock:
                self._flush_sample(key[0])
                _, symbol, item = heappop(heap)
                part = self._parts[symbol]
                self._instants.visit(part, key, item)
                coming = self._agenda.next_of(part, header.to_ts)
                if coming is not None:
                    heappush(heap, (coming[0], symbol, coming[1]))
            elif clock <= header.to_ts:
                self._flush_sample(clock)
                self._on_clock(clock)
                clock = self._next_clock(clock)
            else:
                return

    def _upcoming(self, to_ts: int) -> list[tuple[Key, str, Item]]:
        """A heap of what comes next for each symbol."""
        heap = []
        for symbol, part in self._parts.items():
            coming = self._agenda.next_of(part, to_ts)
            if coming is not None:
                heap.append((coming[0], symbol, coming[1]))
        heapify(heap)
        return heap

    def _on_account_event(self, event: TapeEvent, header: SliceHeader) -> None:
        """An event for the whole account: every symbol is brought to it."""
        self._learn_for_all(event)
        if event.kind != "command" or not self._commands.concerns(event):
            return
        self._commands.on_account(event, Moment(event.ts, EVENT, event.seq, -1, 0, 0, 0))
        for symbol in sorted(self._state.markets):
            part = self._parts.get(symbol) or self._empty_part(symbol, header)
            self._instants.command(event, part)

    def _learn_for_all(self, event: TapeEvent) -> None:
        if event.kind in ("entries_blocked", "entries_allowed"):
            self.ledger.entries_blocked = event.kind == "entries_blocked"

    # The account's clock

    def _next_clock(self, ts: int) -> int:
        sample = self._settings.sample_us
        return min((ts // sample + 1) * sample, (ts // DAY + 1) * DAY)

    def _flush_sample(self, ts: int) -> None:
        """Take the sample of an earlier instant with fills before anything later is decided."""
        due = self.ledger.sample_due
        if due is not None and due < ts:
            self._accounting.sample(due)

    def _on_clock(self, ts: int) -> None:
        """A grid sample, or midnight UTC from which the daily loss counts."""
        sampled = ts % self._settings.sample_us == 0 or self.ledger.sample_due is not None
        if ts % DAY == 0:
            self.ledger.midnight_equity = self._accounting.equity(Moment(ts, CLOCK, 0, -1, 0, 0, 0))
        if not sampled:
            return
        self._accounting.sample(ts)
        for symbol in sorted(self._state.positions):
            part = self._parts.get(symbol)
            if part is not None:
                self._instants.advance(part, part.moment(ts, CLOCK, 0).instants)
            self._recorder.position(self._state.positions[symbol])

    # Ends

    def _end_part(self, part: MarketSlice, to_ts: int) -> None:
        self._instants.advance(part, part.length)
        for machine in part.memory.machines:
            machine.fresh = machine.state is State.MONITORING and machine.edge_from >= part.length
            self._approaches.end_part(machine, part)
            if part.length:
                machine.s1_previous = int(part.verdicts[machine.strategy].sections[S1][-1])
        forget_returned_liquidity(part, len(part.evaluation.batch.books))
        forget_old_liquidity(part.memory, to_ts)
        part.finish()

    def _end_of_tape(self, ts: int) -> None:
        """Working orders expire; open positions are valued at the last price, no fill is invented."""
        for symbol in sorted(self._state.markets):
            for machine in self._state.markets[symbol].machines:
                for order in (machine.entry, *machine.closes):
                    if order is not None and order.alive:
                        self._dealing.end(machine, order, OrderState.EXPIRED, "end of tape", ts)
        for symbol in sorted(self._state.positions):
            self._recorder.position(self._state.positions[symbol], end_of_tape=True)
        if self.ledger.sampled != ts:
            self._accounting.sample(ts)
