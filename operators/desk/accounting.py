"""Money: what fills, funding and liquidations do to positions and balance, and what the account is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from operators.desk.account import AccountSettings
from operators.desk.costs import FeeSchedule
from operators.desk.evidence import to_json
from operators.desk.ids import position_id
from operators.desk.ledger import DAY, Ledger
from operators.desk.machine import Machine
from operators.desk.market import MarketSlice
from operators.desk.memory import MarketMemory, Provisional
from operators.desk.moment import CLOCK, Moment
from operators.desk.orders import WorkingOrder
from operators.desk.positions import OpenPosition, add, liquidate, protect, reduce
from operators.desk.recorder import Recorder
from operators.desk.risk import Exposure, daily_loss_breached, drawdown_breached
from operators.desk.simulated_venue import Execution
from operators.strategy.document import EntrySection
from operators.strategy.entry import StopPercent, TargetPercent

WARNING_SHARE: Final = 0.8
"""Share of the drawdown limit from which it is warned."""


class Accounting:
    """Positions and balance of one account. `parts` are the slices in hand by symbol."""

    def __init__(
        self,
        settings: AccountSettings,
        ledger: Ledger,
        positions: dict[str, OpenPosition],
        markets: Mapping[str, MarketMemory],
        parts: Mapping[str, MarketSlice],
        recorder: Recorder,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.positions = positions
        self.markets = markets
        self.parts = parts
        self.recorder = recorder
        self.fees: FeeSchedule = settings.fee_schedule()

    # Executions

    def book_entry(
        self, machine: Machine, order: WorkingOrder, execution: Execution, ts: int, entry: EntrySection
    ) -> bool:
        """An entry fill; True when it opens the position."""
        position = self.positions.get(machine.symbol)
        opens = position is None
        if position is None:
            side = "LONG" if order.direction > 0 else "SHORT"
            identity = position_id(order.order_id, side)
            position = OpenPosition(identity, machine.name, machine.symbol, order.direction, order.leverage, ts)
            position.stop, position.target = machine.stop_level, machine.target_level
            self.positions[machine.symbol] = position
            if order.executions == 0:
                self.ledger.count_trade(machine.name, ts)
        fee = self._execute(order, execution, ts)
        add(position, execution.price, execution.quantity, fee)
        self.protect(position, entry)
        self.recorder.position(position)
        return opens

    def book_exit(self, machine: Machine, order: WorkingOrder, execution: Execution, ts: int) -> None:
        """A closing fill."""
        position = self.positions[machine.symbol]
        fee = self._execute(order, execution, ts)
        self.ledger.realized += reduce(position, execution.price, execution.quantity, fee)
        self._close_or_keep(machine, position, ts)

    def book_liquidation(self, machine: Machine, order: WorkingOrder, ts: int) -> None:
        """The venue takes the position over at the bankruptcy price: the margin is lost, nothing else is paid."""
        position = self.positions[machine.symbol]
        quantity = position.quantity
        price, realized = liquidate(position)
        self.ledger.realized += realized
        self._record_fill(order, Execution(price, quantity, "taker"), ts, 0.0)
        self._close_or_keep(machine, position, ts)

    def protect(self, position: OpenPosition, entry: EntrySection) -> None:
        """Stop, target and liquidation price after a change of the average entry."""
        contract = self.markets[position.symbol].contract
        assert contract is not None  # noqa: S101 - nothing is entered without one
        stop = entry.stop_loss.percent if isinstance(entry.stop_loss, StopPercent) else None
        target = entry.take_profit.percent if isinstance(entry.take_profit, TargetPercent) else None
        protect(position, contract, stop, target)

    def _execute(self, order: WorkingOrder, execution: Execution, ts: int) -> float:
        rates = self.fees.at(ts)
        assert rates is not None  # noqa: S101 - entries need a known fee, and time goes forward
        fee = rates.rate(execution.liquidity) * execution.price * float(execution.quantity)
        self.ledger.fees += fee
        self._record_fill(order, execution, ts, fee)
        return fee

    def _record_fill(self, order: WorkingOrder, execution: Execution, ts: int, fee: float) -> None:
        quantity = float(execution.quantity)
        self.recorder.fill(order, ts, execution.price, quantity, fee, execution.liquidity)
        order.filled += execution.quantity
        order.cost += execution.price * quantity
        order.fee += fee
        order.executions += 1
        self.ledger.sample_due = ts

    def _close_or_keep(self, machine: Machine, position: OpenPosition, ts: int) -> None:
        if position.quantity > 0:
            contract = self.markets[position.symbol].contract
            if contract is not None:
                protect(position, contract, None, None)
            self.recorder.position(position)
            return
        position.exit_reason = str(machine.exit_reason).upper() if machine.exit_reason is not None else None
        position.closed_at = ts
        self.recorder.position(position)
        del self.positions[machine.symbol]

    # Funding

    def settle_funding(self, part: MarketSlice, moment: Moment) -> None:
        """Funding of the symbol's position at a settlement: longs pay a positive rate, shorts receive it."""
        memory = part.memory
        rate = memory.settled_rates.pop(moment.ts, None)
        if rate is None:
            rate = part.settled_at(moment.ts)
        settled = rate is not None
        rate = memory.funding_rate if rate is None else rate
        position = self.positions.get(memory.symbol)
        if position is None or math.isnan(rate):
            return
        fair = part.fair(moment)
        price = part.last_price(moment) if math.isnan(fair) else fair
        basis = position.direction * float(position.quantity) * price
        self._pay(position, rate * basis)
        memory.provisional = None if settled else Provisional(moment.ts, position, basis, rate)

    def correct_funding(self, memory: MarketMemory, settlement: int, rate: float) -> None:
        """The settled rate of a settlement that was paid with the newest rate known then."""
        paid = memory.provisional
        if paid is not None and paid.settlement == settlement:
            memory.provisional = None
            self._pay(paid.position, (rate - paid.rate) * paid.basis)

    def _pay(self, position: OpenPosition, payment: float) -> None:
        position.funding += payment
        self.ledger.funding += payment
        self.recorder.position(position)

    # Worth

    def price(self, symbol: str, moment: Moment) -> float:
        """A symbol's last price at another symbol's moment."""
        part = self.parts.get(symbol)
        if part is None:
            return self.markets[symbol].last_price
        return part.last_price_at(moment)

    def unrealized(self, moment: Moment) -> float:
        total = 0.0
        for symbol in sorted(self.positions):
            total += self.positions[symbol].unrealized(self.price(symbol, moment))
        return total

    def equity(self, moment: Moment) -> float:
        return self.ledger.balance + self.unrealized(moment)

    def exposure(self, symbol: str, moment: Moment) -> Exposure:
        """The account as the risk checks see it: positions at the last price, pending entries at their own price."""
        ledger = self.ledger
        notionals: dict[str, float] = {}
        margin = 0.0
        for name in sorted(self.markets):
            position = self.positions.get(name)
            if position is not None:
                notionals[name] = position.notional(self.price(name, moment))
                margin += position.margin
            for machine in self.markets[name].machines:
                entry = machine.entry
                if entry is not None and entry.alive:
                    pending = float(entry.remaining) * entry.reference
                    notionals[name] = notionals.get(name, 0.0) + pending
                    margin += pending / entry.leverage
        equity = self.equity(moment)
        return Exposure(
            equity=equity,
            open_positions=len(notionals),
            symbol_notional=notionals.get(symbol, 0.0),
            total_notional=sum(notionals.values()),
            margin_used=margin,
            midnight_equity=ledger.midnight_equity,
            peak_equity=ledger.peak,
            budget=self.settings.budget(symbol, equity),
            daily_loss_halted=ledger.daily_loss_day == moment.ts // DAY,
            drawdown_halted=ledger.drawdown_halted,
            kill_switch=ledger.kill_switch,
            entries_blocked=ledger.entries_blocked or self.markets[symbol].entries_blocked,
        )

    # Samples

    def sample(self, ts: int) -> float:
        """Store the equity after everything at `ts`, and watch the limits that depend on it."""
        ledger = self.ledger
        unrealized = self.unrealized(Moment(ts, CLOCK, 0, -1, 0, 0, 0)) if self.positions else 0.0
        balance = ledger.balance
        equity = balance + unrealized
        margin = sum((self.positions[symbol].margin for symbol in sorted(self.positions)), 0.0)
        ledger.sample_due = None
        ledger.sampled = ts
        self.recorder.equity(ts, equity, balance, unrealized, margin, len(self.positions))
        self._watch_limits(ts, equity)
        return equity

    def acknowledge(self, moment: Moment) -> None:
        """The drawdown was seen by its owner: entries are allowed again, the peak counts from here."""
        self.ledger.drawdown_halted = False
        self.ledger.drawdown_warned = False
        self.ledger.peak = self.equity(moment)

    def risk_event(self, ts: int, severity: str, kind: str, message: str, details: dict[str, Any]) -> None:
        self.recorder.risk(ts, self.ledger.risk_rows, severity, kind, message, to_json(details))
        self.ledger.risk_rows += 1

    def _watch_limits(self, ts: int, equity: float) -> None:
        ledger, limits = self.ledger, self.ledger.limits
        ledger.peak = max(ledger.peak, equity)
        day = ts // DAY
        if ledger.daily_loss_day != day and daily_loss_breached(equity, ledger.midnight_equity, limits):
            ledger.daily_loss_day = day
            self.risk_event(
                ts,
                "CRITICAL",
                "daily_loss_limit",
                "the daily loss limit is breached: no new entries until the next UTC day",
                {
                    "equity": equity,
                    "midnight_equity": ledger.midnight_equity,
                    "limit_pct": limits.daily_loss_limit_pct,
                },
            )
        near = drawdown_breached(equity, ledger.peak, limits, WARNING_SHARE)
        if near:
            self._watch_drawdown(ts, equity)
        ledger.drawdown_warned = near

    def _watch_drawdown(self, ts: int, equity: float) -> None:
        """The drawdown is near its limit or beyond: each is said once."""
        ledger, limits = self.ledger, self.ledger.limits
        details = {"equity": equity, "peak_equity": ledger.peak, "limit_pct": limits.max_drawdown_pct}
        if ledger.drawdown_halted:
            return
        if drawdown_breached(equity, ledger.peak, limits):
            ledger.drawdown_halted = True
            message = "the drawdown limit is breached: no new entries until acknowledged"
            self.risk_event(ts, "CRITICAL", "max_drawdown", message, details)
        elif not ledger.drawdown_warned:
            message = f"the drawdown has passed {100 * WARNING_SHARE:g} % of its limit"
            self.risk_event(ts, "WARNING", "drawdown_warning", message, details)
