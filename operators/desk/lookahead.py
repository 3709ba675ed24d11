"""Where a machine can next do something: everything in between is left out.

Every answer may be too early (the instant is visited and nothing happens) but never too late.
"""

from __future__ import annotations

import math

import numpy as np

from operators.desk.exits import activation_price, trailing_factor
from operators.desk.machine import NEVER, Machine, State
from operators.desk.market import MarketSlice
from operators.desk.moment import EVENT, Key
from operators.desk.orders import Phase, WorkingOrder
from operators.desk.positions import OpenPosition
from operators.desk.scan import next_beyond, next_outside, next_print, next_rise, next_trailing
from operators.desk.sections import StrategySections
from operators.desk.signals import previous_s1
from operators.evaluation import BOOK_INSTANT
from operators.strategy.compiled import E1, O1, S1, Z1, ZE1
from operators.tape import MICROSECONDS


def next_index(machine: Machine, sections: StrategySections, position: OpenPosition | None, part: MarketSlice) -> int:
    """The first evaluation instant from `part.index` on at which the machine may act, or the slice's length."""
    start, stop = part.index, part.length
    if start >= stop:
        return stop
    held = position if position is not None and position.strategy == machine.name else None
    match machine.state:
        case State.INACTIVE:
            stop = start if machine.off is None else stop
        case State.MONITORING:
            verdicts = part.verdicts[machine.strategy].sections.get(S1)
            if verdicts is not None:
                stop = min(stop, int(next_rise(verdicts, start, previous_s1(machine, part, start))))
        case State.SIGNAL_CANCELLED | State.EXITED:
            stop = min(stop, part.index_at(machine.cooldown_until))
        case State.SIGNAL_DETECTED | State.ENTRY_PENDING:
            stop = _before_position(machine, sections, part, start, stop)
        case State.POSITION_ACTIVE | State.CLOSE_PENDING:
            if held is not None:
                stop = _with_position(machine, sections, held, part, start, stop)
    for order in (machine.entry, *machine.closes):
        if order is not None and order.alive:
            stop = min(stop, _next_for_order(order, part, start, stop))
    if held is not None and held.liquidation is not None and math.isnan(part.memory.fair):
        stop = min(stop, _next_liquidation(held, part, start, stop))
    return max(start, stop)


def next_mark(position: OpenPosition | None, part: MarketSlice, passed: Key) -> int:
    """The first fair price after `passed` that liquidates the position, as an index into `part.marks`, or −1."""
    if position is None or position.liquidation is None:
        return -1
    for index, mark in enumerate(part.marks):
        if (mark.ts, EVENT, mark.seq) <= passed[:3]:
            continue
        fair = mark.payload.get("fair")
        if fair is not None and position.direction * (float(fair) - position.liquidation) <= 0:
            return index
    return -1


def _before_position(machine: Machine, sections: StrategySections, part: MarketSlice, start: int, stop: int) -> int:
    needed = sections.needed(machine)
    if machine.entry_cancel is None:
        timeout = sections.strategy.document.o1_cancel.timeout_seconds
        stop = min(stop, part.index_at(machine.signal_ts + round(timeout * MICROSECONDS)))
    for name in (O1, Z1):
        if name in needed and start < stop:
            stop = min(stop, sections.next_true(name, machine, None, part, start, stop))
    return stop


def _with_position(
    machine: Machine, sections: StrategySections, position: OpenPosition, part: MarketSlice, start: int, stop: int
) -> int:
    close = machine.working_close
    active = machine.state is State.POSITION_ACTIVE
    if machine.retry_at != NEVER:
        stop = min(stop, part.index_at(machine.retry_at))
    if not active and (close is None or not close.rests):
        return stop
    document = sections.strategy.document
    longest = document.limits.max_position_seconds
    if longest is not None:
        stop = min(stop, part.index_at(position.opened_at + round(longest * MICROSECONDS)))
    stop = _next_stop(machine, sections, position, part, start, stop, target=active)
    for name in (E1, ZE1) if active else (E1,):
        if name in sections.present and start < stop:
            stop = min(stop, sections.next_true(name, machine, position, part, start, stop))
    return stop


def _next_stop(
    machine: Machine,
    sections: StrategySections,
    position: OpenPosition,
    part: MarketSlice,
    start: int,
    stop: int,
    *,
    target: bool,
) -> int:
    """The first trade that reaches the stop, the target or the trailing stop."""
    prices = part.evaluation.batch.trades.price
    first = trades_before(part, start)
    if first >= len(prices):
        return stop
    against = position.stop if position.stop is not None else math.nan
    favour = position.target if position.target is not None and target else math.nan
    low, high = (against, favour) if position.direction > 0 else (favour, against)
    found = len(prices)
    if not (math.isnan(low) and math.isnan(high)):
        found = min(found, int(next_outside(prices, first, low, high)))
    entry = sections.strategy.document.z1_entry
    trailing = entry.trailing_stop if entry is not None else None
    if trailing is not None:
        best = position.high if position.direction > 0 else position.low
        activation = activation_price(trailing, position)
        factor = trailing_factor(trailing, position.direction)
        armed = machine.trailing_armed
        found = min(found, int(next_trailing(prices, first, position.direction, best, armed, activation, factor)))
    return min(stop, part.instant_of_trade(found)) if found < len(prices) else stop


def _next_for_order(order: WorkingOrder, part: MarketSlice, start: int, stop: int) -> int:
    """The next instant that an order may fill at or be too old."""
    if not order.cancel_requested:
        stop = min(stop, max(start, part.index_at(order.deadline)))
    trades = part.evaluation.batch.trades
    first = trades_before(part, start)
    if order.phase is Phase.WAITING:
        books = np.flatnonzero(part.evaluation.instants.kind[start:stop] == BOOK_INSTANT)
        return start + int(books[0]) if len(books) else stop
    found = len(trades)
    if order.phase is Phase.TAKING:
        found = int(next_print(trades.side, first, order.direction))
    elif order.phase is Phase.RESTING and order.limit_price is not None:
        found = int(next_beyond(trades.price, first, order.direction, order.limit_price))
    return min(stop, part.instant_of_trade(found)) if found < len(trades) else stop


def _next_liquidation(position: OpenPosition, part: MarketSlice, start: int, stop: int) -> int:
    """The first trade that liquidates (where the tape has no fair price)."""
    prices = part.evaluation.batch.trades.price
    level = position.liquidation if position.liquidation is not None else math.nan
    low, high = (level, math.nan) if position.direction > 0 else (math.nan, level)
    found = int(next_outside(prices, trades_before(part, start), low, high))
    return min(stop, part.instant_of_trade(found)) if found < len(prices) else stop


def trades_before(part: MarketSlice, index: int) -> int:
    """How many trades of the slice lie before an evaluation instant."""
    return int(part.evaluation.instants.trades[index - 1]) if index > 0 else 0
