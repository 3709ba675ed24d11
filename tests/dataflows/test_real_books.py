"""Books of a real recording, rebuilt from its changes, stored and read again: the indicators of books are what the slow
reference says of the stored rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from connectors.questdb.database import Database
from connectors.questdb.reader import QuestDBTapeReader
from dataflows.computing import compute_indicators
from dataflows.importing import ImportRequest, import_files
from dataflows.tapes import summarise_tape
from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE
from operators.tape import BOOKS_STREAM
from tests.reference.answers import agree
from tests.reference.indicators import value_and_confidence
from tests.reference.small import small_id
from tests.reference.tape import Book, Event, Tape, Trade, View

LOGS = Path(__file__).parents[2].parent / "shared" / "data" / "binance_ws"

OF_BOOKS = sorted(name for name, kind in CATALOGUE.items() if BOOKS_STREAM in kind.inputs)


@pytest.mark.skipif(not LOGS.is_dir(), reason="needs the recordings of ../shared/data/binance_ws")
@pytest.mark.parametrize("name", ["usdm_ethusdt_20240808.gz", "usdm_btcusdt_20240808.gz"])
def test_real_books(database: Database, tmp_path: Path, name: str) -> None:
    outcome = import_files(database, ImportRequest([LOGS / name]))
    session, (symbol,) = outcome.session_id, outcome.symbols
    ids = [small_id(kind) for kind in OF_BOOKS]
    ids += [parse_indicator(f"{kind}({_SHORTER.get(kind, '')}min_coverage=0)").id for kind in OF_BOOKS]
    file = tmp_path / "values.parquet"
    compute_indicators(database, session, symbol, ids, file, evaluation_interval_us=0)
    found = pq.read_table(file).to_pydict()
    tape = stored_tape(database, session, symbol)
    assert len(tape.books) > 2_000
    keys, values = [parse_indicator(text) for text in ids], 0
    for at in range(0, len(found["ts"]), len(found["ts"]) // 60):
        view = View(tape, found["ts"][at], found["seq"][at], 2**20)
        for key in keys:
            expected, _ = value_and_confidence(key.name, view, dict(key.parameters))
            shown = found[key.id][at]
            values += shown is not None
            assert agree(key.name, float("nan") if shown is None else shown, expected), (key.id, at, shown, expected)
    assert values > 30 * len(ids)


_SHORTER = {"DUMP_EXHAUSTION_SCORE": "peak_lookback=60,"}
"""In place of a default for which the reference would take long."""


def stored_tape(database: Database, session: str, symbol: str) -> Tape:
    """The rows of the session as plain lists."""
    summary = summarise_tape(database, session)
    tape = Tape([], [], [])
    for page in QuestDBTapeReader(database, session, (symbol,)).pages(summary.from_ts, summary.to_ts):
        trades, books = page.trades, page.books
        tape.trades.extend(
            Trade(*row)
            for row in zip(
                *(column.tolist() for column in (trades.ts, trades.seq, trades.price, trades.qty, trades.side)),
                strict=True,
            )
        )
        levels = np.stack([books.bid_px, books.bid_qty, books.ask_px, books.ask_qty], axis=2)
        for ts, seq, (best, *deeper) in zip(books.ts.tolist(), books.seq.tolist(), levels.tolist(), strict=True):
            bid, bid_qty, ask, ask_qty = best
            tape.books.append(Book(ts, seq, bid, ask, bid_qty, ask_qty, tuple(map(tuple, deeper))))
        tape.events.extend(
            Event(event.ts, event.seq, event.kind, str(event.payload.get("stream", "")))
            for event in page.events
            if event.kind in ("observed_on", "observed_off", "book_invalid", "symbol_removed")
        )
    return tape
