"""What strategies and accounts cost: 1, 10 and 100 of them over one tape, in indicators, conditions and desks.

Run with `python -m benchmarks strategies`. The strategies are those that come with the program, again and again: once
as they are, so that all conditions are shared, and once each with thresholds of its own, so that only indicators are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.indicators import batches
from benchmarks.kernels import generated_trades
from benchmarks.report import Measurement, stopwatch
from dataflows.warming import warm
from operators.desk.account import default_account
from operators.desk.desk import Desk
from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy, Decisions, StrategyVerdicts
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
        shared = _strategies(count, own_thresholds=False)
        yield measure({"main": shared}, f"strategies sharing conditions: {count}")
    for count in (10, 100):
        own = _strategies(count, own_thresholds=True)
        yield measure({"main": own}, f"strategies with thresholds of their own: {count}")
    for count in (1, 10, 100):
        swept = _strategies(count, own_thresholds=True)
        found = measure(
            {f"account_{place}": [one] for place, one in enumerate(swept)}, f"accounts of one strategy: {count}"
        )
        found.note += f"; {found.seconds / count * 1e3:,.1f} ms per account"
        yield found


def measure(accounts: Mapping[str, Sequence[CompiledStrategy]], what: str) -> Measurement:
    """The accounts run their strategies over trades of ten symbols; the note tells where the time goes."""
    strategies = [strategy for own in accounts.values() for strategy in own]
    ids = tuple(dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids))
    tables = ConditionTables.of(accounts)
    trades_only = {name: frozenset({"trades"}) for name in _SYMBOLS}
    engines = {name: IndicatorEngine(ids, 1_000_000) for name in _SYMBOLS}
    conditions = {name: SymbolConditions(tables, trades_only[name]) for name in _SYMBOLS}
    desks = {
        name: Desk(default_account(name, 10_000.0, "USDT"), "benchmark", own, _SYMBOLS, trades_only)
        for name, own in accounts.items()
    }
    spent = {"indicators": 0.0, "conditions": 0.0, "desk": 0.0}
    instants = moves = 0
    parts: list[tuple[Evaluation, dict[str, tuple[StrategyVerdicts, ...]]]] = []
    for batch in batches(_SYMBOLS, generated_trades(_TRADES), _SLICE_ROWS):
        with stopwatch() as passed:
            evaluation = engines[batch.symbol].on_batch(batch)
        spent["indicators"] += passed[0]
        with stopwatch() as passed:
            verdicts = conditions[batch.symbol].evaluate(evaluation)
        spent["conditions"] += passed[0]
        instants += len(evaluation.instants)
        parts.append((evaluation, verdicts))
        if len(parts) < batch.header.parts:
            continue
        with stopwatch() as passed:
            for name, desk in desks.items():
                decisions = [Decisions(name, one, found[name]) for one, found in parts]
                moves += sum(row.TABLE == "state_transitions" for row in desk.on_slice(batch.header, decisions))
        spent["desk"] += passed[0]
        parts = []
    seconds = sum(spent.values())
    stages = ", ".join(f"{name} {time * 1e9 / instants:,.0f}" for name, time in spent.items())
    asked = sum(len(strategy.conditions) for strategy in strategies)
    note = (
        f"{seconds * 1e9 / instants:,.0f} ns per instant ({stages}); {asked:,} conditions on {len(ids)} indicators, "
        f"{len(tables.conditions):,} computed; {moves:,} moves"
    )
    return Measurement(what, _TRADES, "trades", seconds, note=note)


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
