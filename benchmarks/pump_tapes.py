"""The recorded pumps: which tapes there are, what is known of each, and when strategies signal on them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from connectors.files.blocks import TradeBlock
from connectors.files.tape_rows import TapeRows
from dataflows.importing import ImportRequest, open_files
from operators.contracts import ContractSpecification
from operators.desk.account import default_account
from operators.desk.desk import Desk
from operators.evaluation import Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.results import ResultRow, StrategySignal
from operators.strategy.compiled import CompiledStrategy, Decisions, StrategyVerdicts
from operators.strategy.conditions import SymbolConditions
from operators.strategy.tables import ConditionTables
from operators.tape import MICROSECONDS, TRADES_STREAM, Books, Int64, MarketBatch, SliceHeader, TapeEvent, Trades

TAPES: Final = Path(__file__).parents[1].parent / "shared" / "data" / "pump_tapes"
"""Where the recordings are expected: beside the project, they are not part of it."""

AROUND_US: Final = 3_600 * MICROSECONDS
"""Signals so near to an announcement are not counted as false."""
LEAST_PEAK: Final = 1.1
REACH_SECONDS: Final = (-60.0, 600.0)
"""A listed event is a pump if price reached `LEAST_PEAK` times its base, and its first 5 % within this reach."""

_ACCOUNT: Final = default_account("main", 10.0, "BTC").model_copy(update={"equity_sample_seconds": 86_400.0})
"""Ten bitcoin, which the recorded coins were traded for. Nobody asks how they were doing every minute."""
_GRID_US: Final = MICROSECONDS
_SYMBOL: Final = "PUMP_BTC"
_AT_ONCE: Final = 64
"""Strategies whose verdicts are held at the same time."""


@dataclass(frozen=True, slots=True)
class PumpTape:
    """A recording around an announced pump. Times in µs; `first_5pct` is None where no pump came of it."""

    name: str
    path: Path
    event: int
    first_5pct: int | None

    @property
    def coin(self) -> str:
        return self.name.partition("_")[0]


def pump_tapes(folder: Path = TAPES) -> list[PumpTape]:
    """All tapes of the folder's index. Raises `FileNotFoundError` where there is none."""
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as index:
        return [_tape(folder, row) for row in csv.DictReader(index)]


def _tape(folder: Path, row: dict[str, str]) -> PumpTape:
    event, offset = int(row["event_ms"]) * 1_000, row["first_5pct_offset_s"]
    low, high = REACH_SECONDS
    first = None
    if offset and float(row["peak_mult"]) >= LEAST_PEAK and low <= float(offset) <= high:
        first = event + round(float(offset) * MICROSECONDS)
    return PumpTape(row["file"].partition(".")[0], folder / row["file"], event, first)


def read_trades(path: Path) -> Trades:
    """The trades of a file, read and ordered as an import does."""
    opened = open_files(ImportRequest(files=(path,)))
    blocks = [(step.block, step.seq) for step in TapeRows(opened.readers).steps() if isinstance(step.block, TradeBlock)]

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.concatenate([getattr(block, name) for block, _ in blocks])

    ts: Int64 = np.concatenate([block.ts for block, _ in blocks])
    side = np.concatenate([block.side for block, _ in blocks])
    seq = np.concatenate([seq for _, seq in blocks]) + 1
    return Trades(ts, seq, column("price"), column("quantity"), side)


def evaluate(trades: Trades, indicator_ids: Sequence[str], contract: ContractSpecification | None = None) -> Evaluation:
    """The indicators at every trade and every second of a tape; with a contract it can be traded."""
    start, end = int(trades.ts[0]), int(trades.ts[-1])
    events = [TapeEvent(start, 0, _SYMBOL, "observed_on", {"stream": TRADES_STREAM, "cause": "import"})]
    if contract is not None:
        events.append(TapeEvent(start, 0, _SYMBOL, "contract", contract.to_payload()))
    header = SliceHeader(0, 1, 0, start - 1, end, 1, last=True)
    batch = MarketBatch(_SYMBOL, header, trades, Books.empty(), tuple(events))
    return IndicatorEngine(tuple(indicator_ids), _GRID_US).on_batch(batch)


def run_desk(strategy: CompiledStrategy, evaluation: Evaluation) -> list[ResultRow]:
    """What a default account with this one strategy does on a tape."""
    return _run(strategy, evaluation, _verdicts({"main": [strategy]}, evaluation)["main"])


def signals(strategies: Sequence[CompiledStrategy], evaluation: Evaluation) -> list[Int64]:
    """When each strategy signals, alone in an account: conditions, state machine and cooldown of a session."""
    found: list[Int64] = []
    for start in range(0, len(strategies), _AT_ONCE):
        some = {str(number): [one] for number, one in enumerate(strategies[start : start + _AT_ONCE])}
        verdicts = _verdicts(some, evaluation)
        for account, (strategy,) in some.items():
            rows = _run(strategy, evaluation, verdicts[account])
            times = [row.timestamp for row in rows if isinstance(row, StrategySignal) and row.section == "S1_SIGNAL"]
            found.append(np.array(times, np.int64))
    return found


def _verdicts(
    accounts: Mapping[str, Sequence[CompiledStrategy]], evaluation: Evaluation
) -> dict[str, tuple[StrategyVerdicts, ...]]:
    return SymbolConditions(ConditionTables.of(accounts), frozenset({TRADES_STREAM})).evaluate(evaluation)


def _run(strategy: CompiledStrategy, evaluation: Evaluation, verdicts: tuple[StrategyVerdicts, ...]) -> list[ResultRow]:
    streams = {_SYMBOL: frozenset({TRADES_STREAM})}
    desk = Desk(_ACCOUNT, "benchmark", [strategy], (_SYMBOL,), streams)
    return desk.on_slice(evaluation.batch.header, [Decisions("main", evaluation, verdicts)])
