"""The desk against a model written from the specification's table: every event one by one, no look-ahead, no arrays.

The model knows one symbol without books, market orders and the stops; that is enough to check the order of things,
edges, time-outs, cooldowns, slots, partial fills, cancels and repeated closes. It shares no code with the desk.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECOND = 1_000_000
LATENCY = 130_000
STEP = Decimal("0.1")


@dataclass
class Rules:
    """One strategy, as the model sees it."""

    name: str
    direction: int
    quote: float = 500.0
    timeout: float = 240.0
    o1_cooldown: float = 30.0
    order_timeout: float = 60.0
    stop: float | None = None
    target: float | None = None
    trail: float | None = None
    longest: float | None = None
    ze1_cooldown: float = 60.0
    e1_cooldown: float = 120.0


@dataclass
class ModelOrder:
    direction: int
    closing: bool
    quantity: Decimal
    deadline: int
    filled: Decimal = Decimal(0)
    accrued: Decimal = Decimal(0)
    active: bool = False
    ended: bool = False
    cancelling: bool = False


@dataclass
class Slot:
    """One state machine."""

    rules: Rules
    state: str = "INACTIVE"
    since: int = 0
    until: int = 0
    fresh: bool = False
    before: bool = False
    entry: ModelOrder | None = None
    giving_up: str | None = None
    close: ModelOrder | None = None
    reason: str = ""
    retry: int | None = None
    attempts: int = 0
    held: Decimal = Decimal(0)
    average: float = 0.0
    opened: int = 0
    best: float = math.nan
    filled_now: bool = False
    done: set[tuple[str, str]] = field(default_factory=set)


class Model:
    """Walks the tape: what falls due before what happens, at each instant fills, exits, signals, then sending."""

    def __init__(self, rules: list[Rules], slots: int, participation: float, slippage_bps: float) -> None:
        self.slots = [Slot(one) for one in rules]
        self.free = slots
        self.participation = Decimal(repr(participation))
        self.slippage_bps = slippage_bps
        self.moves: list[tuple[int, str, str, str]] = []
        self.fills: list[tuple[int, str, float, float]] = []
        self.due: list[tuple[int, int, str, Slot, ModelOrder]] = []
        self.counter = 0
        self.sent: list[tuple[str, Slot, ModelOrder]] = []
        self.price = math.nan

    def run(self, trades: list[tuple[int, float, float, int, dict[str, float]]]) -> None:
        last = trades[-1][0]
        for ts, price, qty, side, values in trades:
            self.fall_due(ts)
            self.price = price
            self.instant(ts, (price, qty, side), values, None)
        self.fall_due(last)

    def fall_due(self, ts: int) -> None:
        while True:
            ready = sorted(item for item in self.due if item[0] <= ts)
            if not ready:
                return
            self.due.remove(ready[0])
            self.instant(ready[0][0], None, None, ready[0])

    def instant(
        self,
        ts: int,
        trade: tuple[float, float, int] | None,
        values: dict[str, float] | None,
        due: tuple[int, int, str, Slot, ModelOrder] | None,
    ) -> None:
        for slot in self.slots:
            slot.done.clear()
            slot.filled_now = False
        if due is not None:
            self.on_due(ts, *due[2:])
        if trade is not None:
            for slot in self.slots:
                for order in (slot.entry, slot.close):
                    if order is not None and order.active and not order.ended:
                        self.meet(ts, slot, order, *trade)
                if slot.held:
                    better = max if slot.rules.direction > 0 else min
                    slot.best = trade[0] if math.isnan(slot.best) else better(slot.best, trade[0])
        moved = True
        while moved:
            moved = False
            for slot in self.slots:
                moved |= self.exit(ts, slot, trade, values)
            for slot in self.slots:
                moved |= self.signal(ts, slot, values)
        if values is not None:
            for slot in self.slots:
                slot.before = values["s1"] >= 1
                slot.fresh = False
        for kind, slot, order in self.sent:
            self.counter += 1
            self.due.append((ts + LATENCY, self.counter, kind, slot, order))
        self.sent.clear()

    def move(self, ts: int, slot: Slot, to: str, trigger: str) -> None:
        self.moves.append((ts, slot.rules.name, trigger, to))
        slot.done.add((slot.state, to))
        slot.fresh = to == "MONITORING" and slot.state != "MONITORING"
        slot.state = to

    def on_due(self, ts: int, kind: str, slot: Slot, order: ModelOrder) -> None:
        if order.ended:
            return
        if kind == "cancel":
            order.ended = True
        elif order.closing:
            order.quantity = slot.held
            order.ended = not slot.held
            order.active = True
        else:
            order.active = True
        self.react(ts, slot)

    def meet(self, ts: int, slot: Slot, order: ModelOrder, price: float, qty: float, side: int) -> None:
        if side == -order.direction:
            return
        order.accrued += self.participation * Decimal(repr(qty))
        steps = min(order.accrued // STEP, (order.quantity - order.filled) // STEP)
        if steps <= 0:
            return
        quantity = steps * STEP
        order.accrued -= quantity
        order.filled += quantity
        ours = price * (1.0 + order.direction * self.slippage_bps * 1e-4 * (1 if side else 2))
        self.fills.append((ts, slot.rules.name, ours, float(quantity)))
        if order.closing:
            slot.held -= quantity
        else:
            held, added = float(slot.held), float(quantity)
            if not slot.held:
                slot.opened, slot.best = ts, math.nan
                slot.average = ours
            else:
                slot.average = (slot.average * held + ours * added) / float(slot.held + quantity)
            slot.held += quantity
            slot.filled_now = True
        order.ended = order.filled == order.quantity
        self.react(ts, slot)

    def react(self, ts: int, slot: Slot) -> None:
        entry, close = slot.entry, slot.close
        if slot.state == "ENTRY_PENDING" and slot.held:
            self.move(ts, slot, "POSITION_ACTIVE", "first_fill")
        elif slot.state == "ENTRY_PENDING" and entry is not None and entry.ended:
            self.cancelled(ts, slot, slot.giving_up or "entry_unfilled")
        if slot.state != "CLOSE_PENDING":
            return
        if not slot.held:
            if close is not None:
                close.ended = True
            if entry is None or entry.ended:
                self.move(ts, slot, "EXITED", "flat")
                self.free += 1
                emergency = slot.reason in ("stop_loss", "e1", "trailing_stop")
                seconds = slot.rules.e1_cooldown if emergency else slot.rules.ze1_cooldown
                slot.until = ts + round(seconds * SECOND)
        elif close is not None and close.ended and slot.retry is None:
            if close.filled == close.quantity:
                self.move(ts, slot, "CLOSE_PENDING", "late_fill")
                self.send_close(ts, slot)
            else:
                slot.attempts += 1
                slot.retry = ts + min(2 ** (slot.attempts - 1), 60) * SECOND

    def send_close(self, ts: int, slot: Slot) -> None:
        slot.close = ModelOrder(-slot.rules.direction, True, slot.held, ts + 60 * SECOND)
        self.sent.append(("activate", slot, slot.close))

    def cancel(self, slot: Slot, order: ModelOrder | None) -> None:
        if order is not None and not order.ended and not order.cancelling:
            order.cancelling = True
            self.sent.append(("cancel", slot, order))

    def is_new(self, order: ModelOrder) -> bool:
        return any(sent is order and kind == "activate" for kind, _, sent in self.sent)

    def exit(
        self, ts: int, slot: Slot, trade: tuple[float, float, int] | None, values: dict[str, float] | None
    ) -> bool:
        rules, s = slot.rules, slot.rules.direction
        if slot.state == "POSITION_ACTIVE":
            if slot.entry is not None and ts >= slot.entry.deadline:
                self.cancel(slot, slot.entry)
            price = self.price
            stops = trade is not None and not slot.filled_now
            checks = [
                (
                    "stop_loss",
                    stops and rules.stop and s * (price - slot.average * (1.0 - s * rules.stop / 100.0)) <= 0,
                ),
                ("e1", values is not None and values["e1"] >= 1),
                (
                    "trailing_stop",
                    stops and rules.trail and s * (price - slot.best * (1.0 - s * rules.trail / 100)) <= 0,
                ),
                (
                    "take_profit",
                    stops and rules.target and s * (price - slot.average * (1.0 + s * rules.target / 100.0)) >= 0,
                ),
                ("max_position_seconds", rules.longest and ts - slot.opened >= round(rules.longest * SECOND)),
                ("ze1", values is not None and values["ze1"] >= 1),
            ]
            for reason, true in checks:
                if true:
                    self.move(ts, slot, "CLOSE_PENDING", reason)
                    slot.reason, slot.retry, slot.attempts = reason, None, 0
                    self.cancel(slot, slot.entry)
                    self.send_close(ts, slot)
                    return True
        elif slot.state == "CLOSE_PENDING" and ("CLOSE_PENDING", "CLOSE_PENDING") not in slot.done and slot.held:
            if slot.retry is not None and ts >= slot.retry:
                slot.retry = None
                self.move(ts, slot, "CLOSE_PENDING", "close_escalated")
                self.send_close(ts, slot)
                return True
            if slot.close is not None and not slot.close.ended and ts >= slot.close.deadline:
                self.cancel(slot, slot.close)
        return False

    def signal(self, ts: int, slot: Slot, values: dict[str, float] | None) -> bool:
        rules = slot.rules
        if slot.state == "INACTIVE":
            self.move(ts, slot, "MONITORING", "activated")
            return True
        if slot.state in ("EXITED", "SIGNAL_CANCELLED"):
            if ts < slot.until or (slot.state, "MONITORING") in slot.done:
                return False
            self.move(ts, slot, "MONITORING", "cooldown_over")
            return True
        if slot.state == "MONITORING":
            rising = values is not None and values["s1"] >= 1 and (slot.fresh or not slot.before)
            if not rising or {("MONITORING", "MONITORING"), ("MONITORING", "SIGNAL_DETECTED")} & slot.done:
                return False
            holder = any(
                o.state in ("SIGNAL_DETECTED", "ENTRY_PENDING", "POSITION_ACTIVE", "CLOSE_PENDING") for o in self.slots
            )
            if holder or not self.free:
                name = "symbol_taken" if holder else "max_active_signals"
                self.move(ts, slot, "MONITORING", f"refused:{name}")
                return True
            self.free -= 1
            slot.since = ts
            self.move(ts, slot, "SIGNAL_DETECTED", "s1")
            return True
        if slot.state not in ("SIGNAL_DETECTED", "ENTRY_PENDING"):
            return False
        trigger = None
        if values is not None and values["o1"] >= 1:
            trigger = "o1"
        elif ts - slot.since >= round(rules.timeout * SECOND):
            trigger = "o1_timeout"
        if slot.state == "ENTRY_PENDING":
            assert slot.entry is not None
            if slot.giving_up is not None or ("ENTRY_PENDING", "ENTRY_PENDING") in slot.done:
                return False
            if trigger is not None:
                slot.giving_up = trigger
            elif ts >= slot.entry.deadline and not slot.entry.cancelling and not self.is_new(slot.entry):
                trigger = "order_timeout"
            if trigger is None:
                return False
            self.move(ts, slot, "ENTRY_PENDING", trigger)
            self.cancel(slot, slot.entry)
            return True
        if ("SIGNAL_DETECTED", "SIGNAL_CANCELLED") in slot.done:
            return False
        if trigger is not None:
            self.cancelled(ts, slot, trigger)
            return True
        if values is None or not values["z1"] >= 1:
            return False
        quantity = Decimal(repr(rules.quote)) / Decimal(repr(self.price)) // STEP * STEP
        self.move(ts, slot, "ENTRY_PENDING", "z1")
        slot.giving_up, slot.close = None, None
        slot.entry = ModelOrder(rules.direction, False, quantity, ts + round(rules.order_timeout * SECOND))
        self.sent.append(("activate", slot, slot.entry))
        return True

    def cancelled(self, ts: int, slot: Slot, trigger: str) -> None:
        self.move(ts, slot, "SIGNAL_CANCELLED", trigger)
        self.free += 1
        slot.until = ts + round(slot.rules.o1_cooldown * SECOND)


CHANCES = {"s1": 0.3, "o1": 0.03, "z1": 0.4, "ze1": 0.06, "e1": 0.03}
"""How often each section is TRUE: often enough for whole cycles."""


def random_trades(seed: int, length: int) -> list[tuple[float, float, float, int, dict[str, int]]]:
    """(gap in seconds, price, quantity, side, values) of a dense random tape."""
    chance = random.Random(seed)
    return [
        (
            chance.choice([0.0, 0.0, 0.05, 0.13, 0.4, 1.0, 3.0, 12.0]),
            chance.choice([96.0, 98.5, 99.5, 100.0, 100.5, 101.0, 102.0, 104.0]),
            chance.choice([0.05, 0.7, 3.0, 20.0]),
            chance.choice([1, 1, -1, -1, 0]),
            {name: int(chance.random() < share) for name, share in CHANCES.items()},
        )
        for _ in range(length)
    ]


PERCENT = st.sampled_from([None, 0.5, 1.0, 2.0])
RULES = st.builds(
    Rules,
    name=st.just("one"),
    direction=st.sampled_from([1, -1]),
    timeout=st.sampled_from([0.5, 5.0, 60.0]),
    o1_cooldown=st.sampled_from([0.0, 2.0]),
    order_timeout=st.sampled_from([0.0, 1.0, 30.0]),
    stop=PERCENT,
    target=PERCENT,
    trail=PERCENT,
    longest=st.sampled_from([None, 2.0, 20.0]),
    ze1_cooldown=st.sampled_from([0.0, 3.0]),
    e1_cooldown=st.sampled_from([0.0, 10.0]),
)


def compiled(bench: SimpleNamespace, rules: Rules) -> Any:
    """The same strategy as a document."""
    when = bench.when
    entry = {
        "when": when("z1"),
        "size": {"mode": "quote", "value": rules.quote},
        "order": {"type": "market", "timeout_seconds": rules.order_timeout},
        "stop_loss": {"percent": rules.stop} if rules.stop else None,
        "take_profit": {"percent": rules.target} if rules.target else None,
        "trailing_stop": {"percent": rules.trail} if rules.trail else None,
    }
    return bench.strategy(
        rules.name,
        direction="LONG" if rules.direction > 0 else "SHORT",
        o1_cancel={"timeout_seconds": rules.timeout, "cooldown_seconds": rules.o1_cooldown, "when": when("o1")},
        z1_entry=entry,
        ze1_close={"when": when("ze1"), "cooldown_seconds": rules.ze1_cooldown},
        e1_emergency={"when": when("e1"), "cooldown_seconds": rules.e1_cooldown},
        limits={"max_position_seconds": rules.longest},
    )


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 150),
    first=RULES,
    second=RULES,
    participation=st.sampled_from([0.2, 1.0]),
    slippage=st.sampled_from([0.0, 5.0]),
)
def test_the_desk_does_what_the_table_says(
    bench: SimpleNamespace,
    seed: int,
    length: int,
    first: Rules,
    second: Rules,
    participation: float,
    slippage: float,
) -> None:
    second.name = "two"
    tape = bench.Tape().contract()
    second_now = 1.0
    for gap, price, qty, side, levels in random_trades(seed, length):
        second_now += gap
        tape.trade(second_now, price, qty, side, **levels)
    model = Model([first, second], 3, participation, slippage)
    model.run([(row.ts, *row.content, row.values) for row in tape.rows[bench.ABC]])

    account = bench.account(participation=participation, slippage_bps=slippage)
    run = bench.run(tape, [compiled(bench, first), compiled(bench, second)], account)
    moves = [(row.timestamp, row.strategy, row.trigger, row.to_state) for row in run.of("state_transitions")]
    assert moves == model.moves
    strategies = {order.order_id: order.strategy for order in run.of("orders")}
    fills = [(row.timestamp, strategies[row.order_id], row.price, row.quantity) for row in run.of("fills")]
    assert fills == model.fills
