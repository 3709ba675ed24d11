"""Tapes for the desk, written event by event with the values that the strategies' indicators have there.

A tape is made of seconds after `START`. Each strategy of these tests looks at one indicator per section, so that a
test says `s1=1` where it wants S1 to be TRUE, `z1=None` where Z1 has no value; a value holds until it is changed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from operators.contracts import ContractSpecification, MaintenanceTier
from operators.desk.account import AccountSettings
from operators.desk.desk import Desk
from operators.evaluation import BOOK_INSTANT, GRID_INSTANT, NO_SEQ, TRADE_INSTANT, Evaluation, Instants
from operators.results import ResultRow
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy, Decisions
from operators.strategy.conditions import SymbolConditions
from operators.strategy.document import StrategyDocument
from operators.strategy.tables import ConditionTables
from operators.tape import MICROSECONDS, Books, MarketBatch, SliceHeader, TapeEvent, Trades

START = 1_794_009_600 * MICROSECONDS  # 2026-11-07 00:00:00 UTC
ABC = "ABC_USDT"
LEVELS = 3
INDICATORS = {
    "s1": "PUMP_MAGNITUDE_PCT",
    "o1": "VOLUME_SURGE_RATIO",
    "z1": "PRICE_VELOCITY",
    "ze1": "MOMENTUM_DECAY_PCT",
    "e1": "COUNT_TRADES",
    "level": "MAX_PRICE(t1=60,t2=0)",
    "spread": "SPREAD_PCT",
}
CONTRACT = ContractSpecification(contract_size=1.0, price_unit=0.01, vol_unit=0.1, min_vol=0.1)
OPEN_LIMITS = {
    "max_position_pct": 1000.0,
    "max_open_positions": 100,
    "max_symbol_concentration_pct": 1000.0,
    "max_total_exposure_pct": 5000.0,
    "daily_loss_limit_pct": 100.0,
    "max_drawdown_pct": 100.0,
    "max_margin_used_pct": 100.0,
}


def us(seconds: float) -> int:
    """Tape time of a second of the test."""
    return START + round(seconds * MICROSECONDS)


def when(section: str, op: str = ">=", value: float = 1.0, **more: Any) -> dict[str, Any]:
    """A condition on the section's own indicator."""
    return {"indicator": INDICATORS.get(section, section), "op": op, "value": value, **more}


def strategy(name: str = "test", **changes: Any) -> CompiledStrategy:
    """A strategy that fires where the tape says so. Dotted keys change single places: `z1_entry__order={…}`."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "name": name,
        "direction": "LONG",
        "s1_signal": {"when": when("s1")},
        "o1_cancel": {"timeout_seconds": 240, "cooldown_seconds": 30, "when": when("o1")},
        "z1_entry": {"when": when("z1"), "size": {"mode": "quote", "value": 1000}, "leverage": 2},
        "ze1_close": {"when": when("ze1"), "cooldown_seconds": 60},
        "e1_emergency": {"when": when("e1"), "cooldown_seconds": 120},
    }
    for key, value in changes.items():
        place, *path = key.split("__")
        if path:
            content[place][path[0]] = value
        else:
            content[place] = value
    return compile_strategy(StrategyDocument.model_validate_json(json.dumps(content)))


def account(**changes: Any) -> AccountSettings:
    """An account without limits in the way, without slippage and with the whole of each print."""
    content: dict[str, Any] = {
        "name": "main",
        "quote": "USDT",
        "equity": 10_000.0,
        "slippage_bps": 0.0,
        "participation": 1.0,
        "risk": OPEN_LIMITS,
        **changes,
    }
    return AccountSettings.model_validate(content)


@dataclass
class Row:
    ts: int
    seq: int
    kind: str
    content: Any
    values: dict[str, float]


@dataclass
class Tape:
    """Events of several symbols. `grid` is the evaluation interval in seconds, 0 = none."""

    grid: float = 0.0
    rows: dict[str, list[Row]] = field(default_factory=dict)
    events: list[TapeEvent] = field(default_factory=list)
    levels: dict[str, dict[str, float]] = field(default_factory=dict)
    seq: int = 0

    def contract(self, *symbols: str, at: float = 0.0, specification: ContractSpecification = CONTRACT) -> Tape:
        for symbol in symbols or (ABC,):
            self.event(at, "contract", specification.to_payload(), symbol)
        return self

    def event(self, second: float, kind: str, payload: dict[str, Any], symbol: str = ABC) -> Tape:
        self.events.append(TapeEvent(us(second), self._next(), symbol, kind, payload))
        return self

    def trade(
        self, second: float, price: float, qty: float = 100.0, side: int = 1, symbol: str = ABC, **levels: float | None
    ) -> Tape:
        return self._add(second, "trade", (price, qty, side), symbol, levels)

    def book(
        self,
        second: float,
        bids: Iterable[tuple[float, float]],
        asks: Iterable[tuple[float, float]],
        symbol: str = ABC,
        **levels: float | None,
    ) -> Tape:
        return self._add(second, "book", (list(bids), list(asks)), symbol, levels)

    def _add(self, second: float, kind: str, content: Any, symbol: str, levels: dict[str, float | None]) -> Tape:
        now = self.levels.setdefault(symbol, dict.fromkeys(INDICATORS, 0.0))
        for name, value in levels.items():
            now[name] = math.nan if value is None else float(value)
        self.rows.setdefault(symbol, []).append(Row(us(second), self._next(), kind, content, dict(now)))
        return self

    def _next(self) -> int:
        self.seq += 1
        return self.seq - 1

    def ends(self) -> tuple[int, int]:
        times = [row.ts for rows in self.rows.values() for row in rows] + [event.ts for event in self.events]
        return min(times) - 1, max(times)


def slices(
    tape: Tape,
    strategies: Sequence[CompiledStrategy],
    cuts: Sequence[int] = (),
    *,
    to_ts: int | None = None,
    last: bool = True,
    name: str = "main",
    streams: dict[str, frozenset[str]] | None = None,
    restarts: bool = False,
) -> list[tuple[SliceHeader, list[Decisions]]]:
    """The tape in slices that end at the cuts (µs), with the verdicts of the strategies; with `restarts` their
    conditions go on from what they stored after every slice."""
    first, end = tape.ends()
    end = max(end, to_ts if to_ts is not None else end)
    bounds = [first, *sorted({cut for cut in cuts if first < cut < end}), end]
    ids = tuple(dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids))
    tables = ConditionTables.of({name: strategies})

    def begun(symbol: str) -> SymbolConditions:
        return SymbolConditions(tables, (streams or {}).get(symbol, frozenset({"trades", "books"})))

    conditions = {symbol: begun(symbol) for symbol in tape.rows}
    seen: dict[str, tuple[float, dict[str, float]]] = {}
    result = []
    for no, (start, stop) in enumerate(pairwise(bounds)):
        present = {
            symbol
            for symbol, rows in tape.rows.items()
            if any(start < row.ts <= stop for row in rows) or (symbol in seen and _grid(tape, start, stop))
        } | {event.symbol for event in tape.events if start < event.ts <= stop}
        header = SliceHeader(0, 1, no, start, stop, max(1, len(present)), last=last and stop == end)
        parts = []
        for symbol in sorted(present) or [""]:
            evaluation = _evaluation(tape, symbol, header, ids, seen)
            verdicts: tuple[Any, ...] = ()
            if symbol in conditions:
                verdicts = conditions[symbol].evaluate(evaluation)[name]
                if restarts:
                    holds = conditions[symbol].holds()
                    conditions[symbol] = begun(symbol)
                    conditions[symbol].resume(holds)
            parts.append(Decisions(name, evaluation, verdicts))
        result.append((header, parts))
    return result


def _grid(tape: Tape, start: int, stop: int) -> list[int]:
    step = round(tape.grid * MICROSECONDS)
    return list(range((start // step + 1) * step, stop + 1, step)) if step else []


def _evaluation(
    tape: Tape, symbol: str, header: SliceHeader, ids: tuple[str, ...], seen: dict[str, tuple[float, dict[str, float]]]
) -> Evaluation:
    rows = [row for row in tape.rows.get(symbol, []) if header.from_ts < row.ts <= header.to_ts]
    trades = [row for row in rows if row.kind == "trade"]
    books = [row for row in rows if row.kind == "book"]
    events = tuple(e for e in tape.events if e.symbol == symbol and header.from_ts < e.ts <= header.to_ts)
    price, levels = seen.get(symbol, (math.nan, {}))
    instants: list[tuple[int, int, int, int, int, float, dict[str, float]]] = []
    queue: list[tuple[int, int, Row | None]] = [(row.ts, 0, row) for row in rows]
    if symbol in tape.rows:
        queue += [(ts, 1, None) for ts in _grid(tape, header.from_ts, header.to_ts)]
    trade_count = book_count = 0
    for ts, _, row in sorted(queue, key=lambda one: (one[0], one[1], one[2].seq if one[2] else 0)):
        if row is None:
            if levels:
                instants.append((ts, NO_SEQ, GRID_INSTANT, trade_count, book_count, price, levels))
            continue
        levels = row.values
        if row.kind == "trade":
            price = row.content[0]
            trade_count += 1
        else:
            book_count += 1
        kind = TRADE_INSTANT if row.kind == "trade" else BOOK_INSTANT
        instants.append((ts, row.seq, kind, trade_count, book_count, price, levels))
    if symbol in tape.rows and levels:
        seen[symbol] = price, levels
    names = {_kind(text): key for key, text in INDICATORS.items()}
    values = np.array([[one[6][names[_kind(i)]] for one in instants] for i in ids], np.float64)
    batch = MarketBatch(
        symbol,
        header,
        Trades(
            np.array([row.ts for row in trades], np.int64),
            np.array([row.seq for row in trades], np.int64),
            np.array([row.content[0] for row in trades], np.float64),
            np.array([row.content[1] for row in trades], np.float64),
            np.array([row.content[2] for row in trades], np.int8),
        ),
        Books(
            np.array([row.ts for row in books], np.int64),
            np.array([row.seq for row in books], np.int64),
            *(_sides(books, side, column) for side in (0, 1) for column in (0, 1)),
        ),
        events,
    )
    columns = list(zip(*instants, strict=True)) if instants else [()] * 7
    return Evaluation(
        batch,
        Instants(
            np.array(columns[0], np.int64),
            np.array(columns[1], np.int64),
            np.array(columns[2], np.int8),
            np.array(columns[3], np.int64),
            np.array(columns[4], np.int64),
        ),
        ids,
        values.reshape(len(ids), len(instants)),
        np.array(columns[5], np.float64),
    )


def _kind(text: str) -> str:
    return text.split("(")[0]


def _sides(books: list[Row], side: int, column: int) -> np.ndarray:
    table = np.full((len(books), LEVELS), math.nan)
    for i, row in enumerate(books):
        for level, entry in enumerate(row.content[side]):
            table[i, level] = entry[column]
    return table


@dataclass
class Run:
    """What a desk made of a tape."""

    desk: Desk
    rows: list[ResultRow]

    def of(self, table: str) -> list[Any]:
        """The rows of a table; orders and positions in their latest state."""
        found = [row for row in self.rows if table == row.TABLE]
        if table in ("orders", "positions"):
            key = "order_id" if table == "orders" else "position_id"
            found = list({(row.timestamp, getattr(row, key)): row for row in found}.values())
        return found

    @property
    def moves(self) -> list[tuple[float, str, str]]:
        """(second, trigger, state) of every transition."""
        return [
            ((row.timestamp - START) / MICROSECONDS, row.trigger, row.to_state) for row in self.of("state_transitions")
        ]

    @property
    def triggers(self) -> list[str]:
        return [row.trigger for row in self.of("state_transitions")]

    def evidence(self, trigger: str) -> list[dict[str, Any]]:
        """The evidence of the first transition with this trigger."""
        row = next(row for row in self.of("state_transitions") if row.trigger == trigger)
        return json.loads(row.conditions)


def run(
    tape: Tape,
    strategies: Sequence[CompiledStrategy] | CompiledStrategy | None = None,
    settings: AccountSettings | None = None,
    *,
    cuts: Sequence[int] = (),
    books: bool = False,
    to: float | None = None,
    last: bool = True,
    desk_type: type[Desk] = Desk,
    snapshots: bool = False,
) -> Run:
    """Run a desk over a tape, cut as asked; with `snapshots` through a snapshot and a new desk after every slice."""
    chosen = [strategy()] if strategies is None else strategies
    chosen = [chosen] if isinstance(chosen, CompiledStrategy) else list(chosen)
    settings = settings or account()
    streams = {symbol: frozenset({"trades", "books"} if books else {"trades"}) for symbol in tape.rows}

    def build() -> Desk:
        return desk_type(settings, "test_session", chosen, sorted(tape.rows), streams)

    desk = build()
    rows: list[ResultRow] = []
    to_ts = us(to) if to is not None else None
    for header, parts in slices(tape, chosen, cuts, to_ts=to_ts, last=last, streams=streams, restarts=snapshots):
        rows += desk.on_slice(header, parts)
        if snapshots:
            stored = desk.snapshot()
            desk = build()
            desk.restore(stored)
    return Run(desk, rows)


@pytest.fixture(scope="session")
def bench() -> SimpleNamespace:
    """Everything a test needs to run a desk over a tape of its own."""
    return SimpleNamespace(
        Tape=Tape,
        run=run,
        strategy=strategy,
        account=account,
        when=when,
        us=us,
        slices=slices,
        START=START,
        ABC=ABC,
        CONTRACT=CONTRACT,
        OPEN_LIMITS=OPEN_LIMITS,
        tier=MaintenanceTier,
        Specification=ContractSpecification,
    )
