"""A valid document to change, evaluations made of written values, and tapes run through indicators and conditions."""

from __future__ import annotations

import copy
import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.evaluation import GRID_INSTANT, Evaluation, Instants
from operators.strategy.compile import compile_strategy
from operators.strategy.compiled import CompiledStrategy
from operators.strategy.document import StrategyDocument
from operators.tape import MICROSECONDS, Books, MarketBatch, SliceHeader, Trades

SHARED = Path(__file__).parents[3].parent / "shared"

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "peak_fade",
    "description": "Fade an exhausted pump on thin coins",
    "direction": "SHORT",
    "tags": ["pump", "short"],
    "s1_signal": {
        "when": {
            "all": [
                {"indicator": "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", "op": ">=", "value": 9.0},
                {"indicator": "VOLUME_SURGE_RATIO", "op": ">=", "value": 3.2},
            ]
        }
    },
    "o1_cancel": {
        "timeout_seconds": 240,
        "cooldown_seconds": 240,
        "when": {"any": [{"indicator": "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)", "op": "<", "value": 2.5}]},
    },
    "z1_entry": {
        "when": {
            "all": [
                {"indicator": "PRICE_VELOCITY(t1=5,t3=15,d=5)", "op": "<=", "value": 0.05, "for_seconds": 3},
                {"indicator": "SPREAD_PCT", "op": "<", "value": 0.8, "if_no_stream": "true"},
            ]
        },
        "order": {"type": "market", "timeout_seconds": 20},
        "size": {
            "mode": "percent_of_equity",
            "value": 1.5,
            "min_quote": 15,
            "max_quote": 250,
            "risk_scaling": {"indicator": "MOMENTUM_DECAY_PCT", "points": [[0.05, 1.2], [0.5, 0.55]]},
        },
        "leverage": 2,
        "stop_loss": {"percent": 6},
        "take_profit": {"percent": 18},
        "trailing_stop": None,
    },
    "ze1_close": {
        "when": {
            "any": [
                {"indicator": "TWPA_RATIO", "op": "<=", "value": 1.01},
                {"indicator": "UNREALIZED_PNL_PCT", "op": ">=", "value": 12},
            ]
        },
        "order": {"type": "limit", "offset_percent": 0.1, "timeout_seconds": 10, "then": "market"},
        "cooldown_seconds": 300,
    },
    "e1_emergency": {
        "when": {
            "any": [
                {"indicator": "UNREALIZED_PNL_PCT", "op": "<=", "value": -5},
                {"indicator": "SPREAD_PCT", "op": ">=", "value": 4, "if_no_stream": "false"},
            ]
        },
        "cooldown_seconds": 2700,
    },
    "limits": {"max_position_seconds": 900, "max_trades_per_day": 10, "max_leverage": 3},
}
"""The document of the specification's page, with indicators that exist."""

Changed = Callable[..., dict[str, Any]]


@pytest.fixture
def document() -> dict[str, Any]:
    """A valid document that a test may change."""
    return copy.deepcopy(DOCUMENT)


@pytest.fixture
def changed(document: dict[str, Any]) -> Changed:
    """The document with single places set (`{"z1_entry.leverage": 4}`); `...` takes a key away."""

    def change(places: dict[str, Any]) -> dict[str, Any]:
        for path, value in places.items():
            *way, last = path.split(".")
            here: Any = document
            for step in way:
                here = here[int(step)] if step.isdigit() else here[step]
            key: Any = int(last) if last.isdigit() else last
            if value is ...:
                del here[key]
            else:
                here[key] = value
        return document

    return change


def _strategy_of(sections: dict[str, Any], name: str = "test") -> CompiledStrategy:
    """A compiled strategy with these conditions per section; S1 and O1's time-out are filled in."""
    content: dict[str, Any] = {
        "schema_version": 1,
        "name": name,
        "direction": "LONG",
        "s1_signal": {"when": sections.get("s1_signal", {"indicator": "TWPA", "op": ">", "value": 0})},
        "o1_cancel": {"timeout_seconds": 60, "when": sections.get("o1_cancel")},
        "ze1_close": {"when": sections.get("ze1_close")},
        "e1_emergency": {"when": sections.get("e1_emergency")},
    }
    if "z1_entry" in sections:
        content["z1_entry"] = {"when": sections["z1_entry"], "size": {"mode": "quote", "value": 100}}
    return compile_strategy(StrategyDocument.model_validate(content))


def _evaluation_of(
    ids: Sequence[str],
    seconds: Sequence[float],
    values: Sequence[Sequence[float]],
    symbol: str = "ABC_USDT",
    warmup: bool = False,
) -> Evaluation:
    """Grid instants at `seconds` with `values[k][i]`; None is no value."""
    count = len(seconds)
    ts = np.array([round(second * MICROSECONDS) for second in seconds], np.int64)
    header = SliceHeader(0, 1, 0, int(ts[0]) - 1 if count else 0, int(ts[-1]) if count else 1, 1, warmup=warmup)
    nothing = np.zeros(count, np.int64)
    return Evaluation(
        MarketBatch(symbol, header, Trades.empty(), Books.empty()),
        Instants(ts, np.full(count, -1, np.int64), np.full(count, GRID_INSTANT, np.int8), nothing, nothing),
        tuple(ids),
        np.array(values, np.float64).reshape(len(ids), count),
        np.full(count, np.nan),
    )


def _recorded_trades(file: str, around_us: int, reach_seconds: float) -> Trades:
    """The trades of a recorded pump around a time; the test is skipped where the recordings are absent."""
    path = SHARED / "data" / "pump_tapes" / file
    if not path.is_file():
        pytest.skip(f"needs the recorded tape {file} beside the project")
    with gzip.open(path, "rt", encoding="utf-8") as text:
        rows = [
            (int(row["timestamp"]) * 1000, float(row["price"]), float(row["amount"]), 1 if row["side"] == "buy" else -1)
            for row in csv.DictReader(text)
        ]
    near = sorted((row for row in rows if abs(row[0] - around_us) <= reach_seconds * MICROSECONDS), key=lambda r: r[0])
    ts, price, qty, side = zip(*near, strict=True)
    return Trades(
        np.array(ts, np.int64),
        np.arange(100, 100 + len(ts), dtype=np.int64),
        np.array(price),
        np.array(qty),
        np.array(side, np.int8),
    )


@pytest.fixture(scope="session")
def strategy_of() -> Callable[..., CompiledStrategy]:
    """See `_strategy_of`."""
    return _strategy_of


@pytest.fixture(scope="session")
def evaluation_of() -> Callable[..., Evaluation]:
    """See `_evaluation_of`."""
    return _evaluation_of


@pytest.fixture(scope="session")
def recorded_trades() -> Callable[..., Trades]:
    """See `_recorded_trades`."""
    return _recorded_trades


@pytest.fixture(scope="session")
def specified_document() -> dict[str, Any]:
    """The valid document, not to be changed (for tests that hypothesis repeats)."""
    return DOCUMENT
