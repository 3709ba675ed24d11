"""Compiling everything that is slow the first time: a few minutes of a generated market go through every step."""

from __future__ import annotations

from connectors.simulated.market import GeneratedMarket
from connectors.simulated.parameters import MarketParameters
from operators.desk.account import default_account
from operators.desk.desk import Desk
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE
from operators.slices import CutterState, SliceCutter
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import Decisions
from operators.strategy.conditions import SymbolConditions
from operators.strategy.tables import ConditionTables
from operators.strategy.templates import TEMPLATES, load_template

_ACCOUNT = "warm-up"


def warm() -> int:
    """Run the shipped strategies and every kind of indicator over a small market in memory; returns how many rows of
    results they made.

    Compiled kernels are kept on disk, so later processes load them.
    """
    market = GeneratedMarket(MarketParameters(symbols=1, trades=4_000, hours=0.5, pumps=1, books=True))
    (symbol,) = market.symbols
    strategies = [compile_strategy(load_template(name)) for name in TEMPLATES]
    streams = {symbol: frozenset({"trades", "books"})}
    asked = dict.fromkeys(one for strategy in strategies for one in strategy.indicator_ids)
    every_kind = dict.fromkeys(parse_indicator(name).id for name, kind in CATALOGUE.items() if not kind.on_position)
    engine = IndicatorEngine((*asked, *(one for one in every_kind if one not in asked)))
    conditions = SymbolConditions(ConditionTables.of({_ACCOUNT: strategies}), streams[symbol])
    desk = Desk(default_account(_ACCOUNT, 10_000.0, "USDT"), _ACCOUNT, strategies, (symbol,), streams)
    cutter = SliceCutter((symbol,), CutterState(0, market.parameters.start_us - 1, ()))
    rows = 0
    for piece in market.pieces():
        for batches in cutter.cut(piece.page):
            parts = []
            for batch in batches:
                evaluation = engine.on_batch(batch)
                verdicts = conditions.evaluate(evaluation)[_ACCOUNT]
                parts.append(Decisions(_ACCOUNT, evaluation, verdicts))
            rows += len(desk.on_slice(batches[0].header, parts))
    return rows
