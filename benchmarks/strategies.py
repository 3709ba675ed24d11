"""What strategies cost: 1, 10 and 100 of them over one tape, in the indicators, the conditions and the desk.

Run with `python -m benchmarks strategies`. The strategies are those that come with the program, again and again: once
as they are, so that all conditions are shared, and once each with thresholds of its own, so that only indicators are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benchmarks.indicators import batches
from benchmarks.kernels import generated_trades
from benchmarks.report import Measurement, stopwatch
from dataflows.warming import warm
from operators.desk.account import AccountSettings
from operators.desk.desk import Desk
from operators.indicators.engine import IndicatorEngine
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy, Decisions
from operators.strategy.conditions import SymbolConditions
from operators.strategy.tables import ConditionTables
from operators.strategy.templates import TEMPLATES, template_text
from operators.strategy.validation import load_strategy

_TRADES: Final = 1_000_000
_SYMBOLS: Final = tuple(f"S{number}_USDT" for number in range(10))
_SLICE_ROWS: Final = 65_536


def run() -> Iterator[Measurement]:
    """Everything; no database is needed."""
    warm()
    for count in (1, 10, 100):
        yield measure(_strategies(count, own_thresholds=False), "sharing conditions")
    for count in (10, 100):
        yield measure(_strategies(count, own_thresholds=True), "with thresholds of their own")


def measure(strategies: Sequence[CompiledStrategy], what: str) -> Measurement:
    """One account runs the strategies over trades of ten symbols; the note tells where the time goes."""
    ids = tuple(dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids))
    tables = ConditionTables.of({"main": strategies})
    trades_only = {name: frozenset({"trades"}) for name in _SYMBOLS}
    engines = {name: IndicatorEngine(ids, 1_000_000) for name in _SYMBOLS}
    conditions = {name: SymbolConditions(tables, trades_only[name]) for name in _SYMBOLS}
    settings = AccountSettings(name="main", quote="USDT", equity=10_000.0)
    desk = Desk(settings, "benchmark", strategies, _SYMBOLS, trades_only)
    spent = {"indicators": 0.0, "conditions": 0.0, "desk": 0.0}
    instants = moves = 0
    parts: list[Decisions] = []
    for batch in batches(_SYMBOLS, generated_trades(_TRADES), _SLICE_ROWS):
        with stopwatch() as passed:
            evaluation = engines[batch.symbol].on_batch(batch)
        spent["indicators"] += passed[0]
        with stopwatch() as passed:
            verdicts = conditions[batch.symbol].evaluate(evaluation)["main"]
        spent["conditions"] += passed[0]
        instants += len(evaluation.instants)
        parts.append(Decisions("main", evaluation, verdicts))
        if len(parts) < batch.header.parts:
            continue
        with stopwatch() as passed:
            moves += sum(row.TABLE == "state_transitions" for row in desk.on_slice(batch.header, parts))
        spent["desk"] += passed[0]
        parts = []
    seconds = sum(spent.values())
    stages = ", ".join(f"{name} {time * 1e9 / instants:,.0f}" for name, time in spent.items())
    asked = sum(len(strategy.conditions) for strategy in strategies)
    note = (
        f"{seconds * 1e9 / instants:,.0f} ns per instant ({stages}); {asked:,} conditions on {len(ids)} indicators, "
        f"{len(tables.conditions):,} computed; {moves:,} moves"
    )
    number = len(strategies)
    return Measurement(
        f"{number} strateg{'y' if number == 1 else 'ies'}, {what}", _TRADES, "trades", seconds, note=note
    )


def _strategies(count: int, *, own_thresholds: bool) -> list[CompiledStrategy]:
    """That many copies of the templates, in turn."""
    made = []
    for number in range(count):
        document = json.loads(template_text(TEMPLATES[number % len(TEMPLATES)]))
        document["name"] = f"{document['name']}_{number}"
        if own_thresholds:
            _shift(document, 1 + number / 10_000)
        text = json.dumps(document)
        made.append(compile_strategy(load_strategy(text, document["name"])))
    return made


def _shift(part: Any, factor: float) -> None:
    """Multiply every threshold of a document."""
    if isinstance(part, dict):
        if "op" in part and isinstance(part["value"], int | float):
            part["value"] *= factor
        for inner in part.values():
            _shift(inner, factor)
    elif isinstance(part, list):
        for inner in part:
            _shift(inner, factor)
