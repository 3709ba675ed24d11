"""From a confirmed signal to an order: price, protective levels, size, risk; or everything that refuses it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from operators.desk.accounting import Accounting
from operators.desk.closing import reference_price
from operators.desk.machine import Machine
from operators.desk.market import MarketSlice
from operators.desk.moment import Moment
from operators.desk.orders import PRICED
from operators.desk.risk import Proposal, check
from operators.desk.sizing import Refusal, base_notional, clamped, quantity_for, scaled
from operators.desk.steps import ZERO, limit_price
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.document import EntrySection
from operators.strategy.entry import StopPercent

ReadIndicator = Callable[[str], float]
"""The value of an indicator (canonical id) at the deciding instant."""


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """What would be sent, and why it is refused (empty = it may go). Levels are None where a percentage sets them."""

    proposal: Proposal
    direction: int
    limit_price: float | None
    stop_level: float | None
    target_level: float | None
    refusals: tuple[Refusal, ...]


def plan_entry(
    machine: Machine,
    strategy: CompiledStrategy,
    entry: EntrySection,
    part: MarketSlice,
    moment: Moment,
    accounting: Accounting,
    read: ReadIndicator,
) -> EntryPlan:
    """Work out an entry at the deciding instant. Everything that can be checked is checked."""
    document = strategy.document
    direction = 1 if document.direction == "LONG" else -1
    memory = part.memory
    contract = memory.contract
    if contract is not None and memory.removed:
        contract = replace(contract, state="removed")
    last = part.last_price(moment)
    refusals: list[Refusal] = []
    price, limit = last, None
    if not last > 0:
        refusals.append(Refusal("input", last, "> 0", "there is no last price"))
    if entry.order.type in PRICED and contract is not None:
        quote = reference_price(part, moment, direction)
        if quote is None:
            refusals.append(Refusal("input", None, "a valid book", "there is no quote to price the limit from"))
        else:
            price = limit = limit_price(quote, direction, entry.order.offset_percent, contract.price_unit)
    rates = accounting.fees.at(moment.ts)
    if rates is None:
        refusals.append(Refusal("input", None, "a fee schedule that covers the tape", "the fees are not known"))
    stop, stop_refusal = _level(strategy.stop_loss_id, read, price, -direction, "stop_loss")
    target, target_refusal = _level(strategy.take_profit_id, read, price, direction, "take_profit")
    refusals += [refusal for refusal in (stop_refusal, target_refusal) if refusal is not None]
    exposure = replace(
        accounting.exposure(machine.symbol, moment),
        trades_today=accounting.ledger.trades_on(machine.name, moment.ts),
        max_trades_per_day=document.limits.max_trades_per_day,
        max_leverage=document.limits.max_leverage,
    )
    stop_percent = _stop_percent(entry, stop, price)
    size = entry.size
    notional = base_notional(size, exposure.equity, stop_percent, rates.taker if rates is not None else None)
    if not isinstance(notional, Refusal):
        if size.risk_scaling is not None and strategy.risk_scaling_id is not None:
            notional *= scaled(size.risk_scaling.points, read(strategy.risk_scaling_id))
        notional = clamped(size, notional)
    quantity = ZERO
    if isinstance(notional, Refusal):
        refusals.append(notional)
    elif contract is not None and price > 0 and math.isfinite(notional):
        quantity = quantity_for(notional, price, contract)
    proposal = Proposal(machine.symbol, quantity, price, entry.leverage, contract, is_limit=limit is not None)
    failures = check(proposal, exposure, accounting.ledger.limits)
    if refusals:
        # without a price or a size the quantity is 0: that failure says nothing new
        failures = [failure for failure in failures if failure.rule not in ("input", "exchange_steps")] + [
            failure for failure in failures if failure.rule == "input" and "symbol" in failure.message
        ]
    return EntryPlan(proposal, direction, limit, stop, target, (*refusals, *failures))


def rule_names(refusals: tuple[Refusal, ...]) -> str:
    """The rules that refused, in order, each once."""
    names: Mapping[str, None] = dict.fromkeys(refusal.rule for refusal in refusals)
    return ",".join(names)


def _level(
    indicator_id: str | None, read: ReadIndicator, price: float, side: int, rule: str
) -> tuple[float | None, Refusal | None]:
    """A price-type indicator as a level; it must lie above the price (side +1) or below it (−1)."""
    if indicator_id is None:
        return None, None
    value = read(indicator_id)
    if not math.isfinite(value) or not side * (value - price) > 0:
        where = "above" if side > 0 else "below"
        return None, Refusal(rule, value, f"{where} {price:g}", f"{indicator_id} gives no level {where} the price")
    return value, None


def _stop_percent(entry: EntrySection, stop: float | None, price: float) -> float | None:
    if isinstance(entry.stop_loss, StopPercent):
        return entry.stop_loss.percent
    return 100.0 * abs(price - stop) / price if stop is not None and price > 0 else None
