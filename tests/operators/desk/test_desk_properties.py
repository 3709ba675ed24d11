"""What holds for every tape: the desk against one that visits every instant, every slicing, snapshots, conservation."""

from __future__ import annotations

import math
import pickle
import random
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.desk.agenda import Agenda
from operators.desk.desk import Desk
from operators.desk.market import MarketSlice, empty_evaluation
from operators.desk.step import DeskLogic
from operators.strategy.compiled import Decisions

SYMBOLS = ("ABC_USDT", "XYZ_USDT")
QUICK = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


class NextInstant(Agenda):
    """It skips nothing."""

    def next_index(self, part: MarketSlice) -> int:
        return part.index


class EveryInstant(Desk):
    """The slow, obvious desk."""

    agenda_type = NextInstant


def random_steps(seed: int, length: int) -> list[dict[str, Any]]:
    """Random events: small time steps (often none), few prices, values that switch sections on and off."""
    chance = random.Random(seed)
    shares = {"s1": 0.3, "o1": 0.03, "z1": 0.4, "ze1": 0.08, "e1": 0.03}
    return [
        {
            "gap": chance.choice([0.0, 0.0, 0.05, 0.13, 0.3, 1.0, 2.5, 15.0]),
            "symbol": chance.choice(SYMBOLS),
            "price": chance.choice([95.0, 98.0, 99.0, 99.5, 100.0, 100.5, 101.0, 104.0, 80.0, 120.0]),
            "qty": chance.choice([0.3, 1.0, 4.0, 50.0]),
            "side": chance.choice([1, -1, 0]),
            "what": chance.choice(["trade"] * 6 + ["book"] * 3 + ["mark", "invalid", "funding"]),
            "settled": chance.random() < 0.3,
            "levels": {
                name: None if chance.random() < 0.02 else int(chance.random() < share) for name, share in shares.items()
            },
        }
        for _ in range(length)
    ]


def tape_of(bench: SimpleNamespace, events: list[dict[str, Any]], grid: float, *, books: bool, marks: bool) -> Any:
    tape = bench.Tape(grid=grid).contract(*SYMBOLS)
    for symbol in SYMBOLS:
        tape.trade(0.5, 100.0, symbol=symbol)
    second = 1.0
    for step in events:
        second += step["gap"]
        symbol, price, levels = step["symbol"], step["price"], step["levels"]
        if step["what"] == "book" and books:
            qty = step["qty"]
            tape.book(
                second,
                [(price - 1, qty), (price - 2, 3 * qty)],
                [(price + 1, qty), (price + 2, 2 * qty)],
                symbol,
                **levels,
            )
        elif step["what"] == "mark" and marks:
            tape.event(second, "mark", {"fair": price, "index": None}, symbol)
        elif step["what"] == "invalid" and books:
            tape.event(second, "book_invalid", {}, symbol)
        elif step["what"] == "funding":
            # a settled rate may come before, at or after its settlement
            settlement = bench.us((second // 4) * 4 + (0 if step["settled"] else 4))
            payload = {"rate": 0.001 * step["price"], "next_settle_ts": settlement, "settled": step["settled"]}
            tape.event(second, "funding", payload, symbol)
        else:
            tape.trade(second, price, step["qty"], step["side"], symbol, **levels)
    return tape


def variants(bench: SimpleNamespace) -> list[list[Any]]:
    """Strategies that between them use every order type, stop and kind of condition."""
    when, make = bench.when, bench.strategy
    held = {"any": [when("UNREALIZED_PNL_PCT", "<=", -3.0, for_seconds=0.2), when("e1")]}
    planned = {
        "any": [
            when("RETRACEMENT_FROM_PEAK_PCT", ">=", 4.0),
            {"all": [when("POSITION_AGE_SECONDS", ">=", 5.0), when("ze1")]},
        ]
    }
    old = {"any": [when("SIGNAL_AGE_SECONDS", ">=", 2.0, for_seconds=0.1), when("o1")]}
    entry = bench.strategy().document.model_dump(mode="json")["z1_entry"]

    def z1(**changes: Any) -> dict[str, Any]:
        return {**entry, **changes}

    limit = {"type": "limit", "offset_percent": -0.5, "timeout_seconds": 1, "then": "market"}
    return [
        [
            make(
                "long",
                z1_entry=z1(stop_loss={"percent": 5}, take_profit={"percent": 6}),
                o1_cancel={"timeout_seconds": 3, "cooldown_seconds": 1, "when": when("o1")},
                limits={"max_position_seconds": 10},
            ),
            make(
                "short",
                direction="SHORT",
                z1_entry=z1(trailing_stop={"percent": 2, "activation_percent": 1}, order=limit),
                o1_cancel={"timeout_seconds": 4, "cooldown_seconds": 0, "when": old},
                ze1_close={"when": planned, "order": limit, "cooldown_seconds": 0},
            ),
        ],
        [
            make(
                "quick",
                direction="SHORT",
                z1_entry=z1(leverage=10, order={"type": "ioc", "offset_percent": 0.5, "timeout_seconds": 5}),
                e1_emergency={"when": held, "cooldown_seconds": 0},
                ze1_close={"when": planned, "cooldown_seconds": 0, "order": {**limit, "then": None}},
            ),
            make(
                "maker",
                z1_entry=z1(
                    leverage=5,
                    order={"type": "post_only", "offset_percent": -0.2, "timeout_seconds": 2, "then": "market"},
                    trailing_stop={"percent": 3},
                ),
                e1_emergency={"when": held, "cooldown_seconds": 0},
            ),
        ],
        [
            make(
                "patient",
                z1_entry=z1(stop_loss={"percent": 3}, trailing_stop={"percent": 2, "activation_percent": 0.5}),
                e1_emergency={"when": held, "cooldown_seconds": 2},
                ze1_close={
                    "when": {"any": [when("POSITION_AGE_SECONDS", ">=", 2.0), when("ze1")]},
                    "order": {"type": "limit", "offset_percent": -6, "timeout_seconds": 20},
                    "cooldown_seconds": 3,
                },
                limits={"max_position_seconds": 12},
            ),
            make("signals", z1_entry=None, ze1_close={"when": None}, e1_emergency={"when": None}),
        ],
        [  # holds on market data in every section, and time-outs that fall between events
            make(
                "steady",
                s1_signal={"when": {"any": [when("s1", for_seconds=0.2), when("z1", for_seconds=1.7)]}},
                o1_cancel={
                    "timeout_seconds": 1.37,
                    "cooldown_seconds": 0.71,
                    "when": {"not": when("o1", "<", 1.0, for_seconds=0.05)},
                },
                z1_entry=z1(when=when("z1", for_seconds=0.13), order={**limit, "timeout_seconds": 0.33}),
                ze1_close={
                    "when": {"all": [when("ze1", for_seconds=0.3), when("e1", "<", 1.0)]},
                    "order": {**limit, "timeout_seconds": 0.57},
                    "cooldown_seconds": 0.43,
                },
                e1_emergency={"when": when("e1", for_seconds=0.9), "cooldown_seconds": 1.19},
                limits={"max_position_seconds": 3.21},
            ),
            make(
                "hasty",
                direction="SHORT",
                s1_signal={"when": when("s1", for_seconds=0.9)},
                o1_cancel={"timeout_seconds": 0.4, "cooldown_seconds": 0, "when": None},
                z1_entry=z1(trailing_stop={"percent": 1}),
            ),
        ],
    ]


def stored(run: Any) -> dict[str, list[Any]]:
    """All rows by table, orders and positions in their latest state, in a comparable form."""
    tables: dict[str, list[Any]] = defaultdict(list)
    for table in ("state_transitions", "strategy_signals", "order_events", "fills", "equity", "risk_events"):
        tables[table] = [repr(row) for row in run.of(table)]
    for table in ("orders", "positions"):
        tables[table] = sorted(repr(row) for row in run.of(table))
    tables["approach"] = [repr(row) for row in run.desk.approach_rows()]
    return tables


accounts = st.fixed_dictionaries(
    {
        "feed_delay_ms": st.sampled_from([0.0, 60.0]),
        "order_latency_ms": st.sampled_from([0.0, 70.0]),
        "participation": st.sampled_from([0.2, 1.0]),
        "slippage_bps": st.sampled_from([0.0, 5.0]),
        "max_active_signals": st.sampled_from([1, 3]),
    }
)


@QUICK
@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 150),
    grid=st.sampled_from([0.0, 1.0]),
    books=st.booleans(),
    marks=st.booleans(),
    which=st.integers(0, 3),
    account=accounts,
    cuts=st.lists(st.integers(0, 200_000), max_size=12),
)
def test_jumping_slicing_and_restoring_change_nothing(
    bench: SimpleNamespace,
    seed: int,
    length: int,
    grid: float,
    books: bool,
    marks: bool,
    which: int,
    account: dict[str, Any],
    cuts: list[int],
) -> None:
    tape = tape_of(bench, random_steps(seed, length), grid, books=books, marks=marks)
    strategies = variants(bench)[which]
    chosen = bench.account(**account)
    at = [bench.START + 1_000 * cut for cut in cuts]

    whole = bench.run(tape, strategies, chosen, books=books)
    expected = stored(whole)
    assert stored(bench.run(tape, strategies, chosen, books=books, desk_type=EveryInstant)) == expected
    assert stored(bench.run(tape, strategies, chosen, books=books, cuts=at)) == expected
    assert stored(bench.run(tape, strategies, chosen, books=books, cuts=at, snapshots=True)) == expected
    check_conservation(whole, chosen.equity)


def check_conservation(run: Any, initial: float) -> None:
    """Nothing is bought that is not sold, held or counted; the balance is the sum of its parts."""
    fills, orders, positions = run.of("fills"), {o.order_id: o for o in run.of("orders")}, run.of("positions")
    held: dict[str, float] = defaultdict(float)
    for fill in fills:
        order = orders[fill.order_id]
        opens = order.intent.startswith("open")
        held[fill.symbol] += fill.quantity if opens else -fill.quantity
        assert held[fill.symbol] > -1e-9
        assert fill.quantity > 0
    for order in orders.values():
        mine = [fill for fill in fills if fill.order_id == order.order_id]
        assert math.isclose(sum(fill.quantity for fill in mine), order.filled_quantity, abs_tol=1e-9)
        assert order.filled_quantity <= order.quantity + 1e-9
        assert order.state in ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
    for symbol, quantity in held.items():
        still = sum(p.quantity for p in positions if p.symbol == symbol and p.status != "CLOSED")
        assert math.isclose(quantity, still, abs_tol=1e-9)
    last = run.of("equity")[-1]
    realized = sum(p.realized_pnl for p in positions)
    costs = sum(p.fees for p in positions) + sum(p.funding for p in positions)
    assert math.isclose(last.balance, initial + realized - costs, rel_tol=1e-9)
    assert math.isclose(last.equity, last.balance + last.unrealized, rel_tol=1e-12)
    holding = {"SIGNAL_DETECTED", "ENTRY_PENDING", "POSITION_ACTIVE", "CLOSE_PENDING"}
    state: dict[tuple[str, str], str] = {}
    for row in run.of("state_transitions"):
        before = state.get((row.strategy, row.symbol), "INACTIVE")
        assert row.from_state == before
        state[row.strategy, row.symbol] = row.to_state
        assert sum(name in holding for (_, s), name in state.items() if s == row.symbol) <= 1


@QUICK
@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 120),
    which=st.integers(0, 3),
    cuts=st.lists(st.integers(0, 100_000), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_what_several_workers_send_in_any_order_decides_the_same(
    bench: SimpleNamespace, seed: int, length: int, which: int, cuts: list[int], order: random.Random
) -> None:
    """Each symbol from a source of its own; every step and every restart in between goes through a snapshot."""
    tape = tape_of(bench, random_steps(seed, length), 1.0, books=False, marks=False)
    strategies, chosen = variants(bench)[which], bench.account(order_latency_ms=70.0)
    at = [bench.START + 1_000 * cut for cut in cuts]
    expected = stored(bench.run(tape, strategies, chosen, cuts=at))
    streams = {symbol: frozenset({"trades"}) for symbol in SYMBOLS}

    def build(account: str) -> Desk:
        return Desk(chosen, "test_session", strategies, SYMBOLS, streams)

    sent: list[list[Any]] = [[], []]
    for header, parts in bench.slices(tape, strategies, at, streams=streams, restarts=True):
        for source, symbol in enumerate(SYMBOLS):
            own = [part for part in parts if part.evaluation.batch.symbol == symbol]
            others = [part for part in parts if not part.evaluation.batch.symbol] if source == 0 else []
            mine = replace(header, source=source, sources=2, parts=max(1, len(own + others)))
            if not own + others:  # a source that has nothing says so
                own = [Decisions("main", empty_evaluation("", mine), ())]
            for part in own + others:
                batch = replace(part.evaluation.batch, header=mine)
                sent[source].append(replace(part, evaluation=replace(part.evaluation, batch=batch)))
    logic, rows = DeskLogic(build), []
    while any(sent):  # each source in its own order
        source = order.choice([number for number, waiting in enumerate(sent) if waiting])
        rows += [row for _, some in logic.on_batch([sent[source].pop(0)])[0] for row in some]
        logic = DeskLogic(build, pickle.loads(pickle.dumps(logic.snapshot())))
    rows += [row for _, some in logic.on_eof()[0] for row in some]
    for table in ("state_transitions", "strategy_signals", "fills"):
        assert [repr(row) for row in rows if table == row.TABLE] == expected[table]
    told = {repr(row) for row in rows if row.TABLE.endswith("_approach")}
    assert set(expected["approach"]) <= told


@pytest.mark.parametrize("cut", range(0, 90, 3))
def test_a_snapshot_at_any_slice_boundary_goes_on_the_same(bench: SimpleNamespace, cut: int) -> None:
    tape = bench.Tape(grid=1.0).contract()
    for second in range(1, 90):
        wave = 100.0 + 4.0 * math.sin(second / 5)
        tape.trade(second, round(wave, 2), 3.0, 1 if second % 3 else -1, s1=second % 20 == 0, z1=second % 7 == 0)
    strategies = variants(bench)[1]
    expected = stored(bench.run(tape, strategies))
    assert expected["fills"]
    assert stored(bench.run(tape, strategies, cuts=[bench.us(cut)], snapshots=True)) == expected
