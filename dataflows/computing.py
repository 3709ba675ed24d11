"""Indicator values of one symbol over a recorded tape, without strategies: what `indicators compute` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.questdb.database import Database
from connectors.questdb.reader import QuestDBTapeReader
from dataflows.tapes import summarise_tape
from dataflows.variants import known_variants
from operators.errors import UsageError
from operators.evaluation import NO_SEQ, Evaluation
from operators.indicators.engine import IndicatorEngine
from operators.indicators.ids import parse_indicator
from operators.slices import CutterState, SliceCutter


@dataclass(frozen=True, slots=True)
class Computed:
    """What was written: how many evaluation instants, and the wall seconds it took."""

    instants: int
    seconds: float
    indicator_ids: tuple[str, ...]


def compute_indicators(
    database: Database,
    session_id: str,
    symbol: str,
    indicators: Sequence[str],
    file: Path,
    *,
    evaluation_interval_us: int = 1_000_000,
) -> Computed:
    """Write one row per evaluation instant of `symbol` to a Parquet file: ts (µs UTC), seq (null on grid instants),
    symbol, price (null before the first trade), and one column per indicator named by its canonical id (null = no
    value). Names of variants are understood.

    Raises `UsageError` for an unknown symbol or indicator and for a file that cannot be written.
    """
    started = time.perf_counter()
    variants = known_variants(database)
    ids = tuple(dict.fromkeys(parse_indicator(variants.get(text.strip(), text)).id for text in indicators))
    tape = summarise_tape(database, session_id)
    known = [present.symbol for present in tape.symbols]
    if symbol not in known:
        raise UsageError(f"the tape has no symbol {symbol!r}; it has {', '.join(known[:10])}")
    schema = pa.schema(
        [("ts", pa.int64()), ("seq", pa.int64()), ("symbol", pa.string()), ("price", pa.float64())]
        + [(indicator_id, pa.float64()) for indicator_id in ids]
    )
    engine = IndicatorEngine(ids, evaluation_interval_us)
    cutter = SliceCutter((symbol,), CutterState(0, tape.from_ts, ()), grid_us=evaluation_interval_us)
    instants = 0
    try:
        with pq.ParquetWriter(file, schema) as writer:
            for page in QuestDBTapeReader(database, session_id, (symbol,)).pages(tape.from_ts, tape.to_ts):
                for batches in cutter.cut(page):
                    for batch in batches:
                        if batch.symbol:
                            evaluation = engine.on_batch(batch)
                            instants += len(evaluation.instants)
                            writer.write_table(_table(evaluation, symbol, schema))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    return Computed(instants, time.perf_counter() - started, ids)


def _table(evaluation: Evaluation, symbol: str, schema: pa.Schema) -> pa.Table:
    instants = evaluation.instants
    columns = [
        pa.array(instants.ts),
        pa.array(instants.seq, mask=instants.seq == NO_SEQ),
        pa.array(np.full(len(instants), symbol)).cast(pa.string()),
        pa.array(evaluation.last_price, from_pandas=True),
        *(pa.array(row, from_pandas=True) for row in evaluation.values),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
