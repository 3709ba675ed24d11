"""Symbols that are quiet or gone for longer than any window: restarts go on, and periods know what is in force."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from connectors.questdb.bulk import BulkInserter
from connectors.questdb.database import Database
from connectors.simulated.market import MarketPiece
from dataflows.generating import events_table, trades_table
from dataflows.preparing import BacktestRequest
from dataflows.report import ResultTables
from dataflows.sessions.recorded import recorded_session
from operators.contracts import ContractSpecification
from operators.desk.account import default_account
from operators.session import SessionRecord
from operators.slices import TapePage
from operators.statistics import differences
from operators.tape import Books, TapeEvent, Trades

SECOND = 1_000_000
BEGIN = 1_500_000_000 * SECOND
HOURS = 2
BACK = 5_400
"""Second at which the quiet one trades again and the removed one is back."""
SYMBOLS = ("QUIET_USDT", "REMOVED_USDT", "STEADY_USDT")
LONGEST = 300
CONTRACT = ContractSpecification(contract_size=1.0, price_unit=0.01, vol_unit=0.1, min_vol=0.1)


def section(indicator: str, op: str, value: float) -> dict:
    return {"when": {"indicator": indicator, "op": op, "value": value}}


STRATEGY = {
    "schema_version": 1,
    "name": "waves",
    "direction": "LONG",
    "s1_signal": section(f"TWPA(t1={LONGEST},t2=0)", ">", 100.5),
    "o1_cancel": {"timeout_seconds": 60, "cooldown_seconds": 1} | section("TWPA(t1=20,t2=0)", "<", 95),
    "z1_entry": section("TWPA(t1=20,t2=0)", ">", 100) | {"size": {"mode": "quote", "value": 100}, "leverage": 1},
    "ze1_close": {"cooldown_seconds": 1} | section("TWPA(t1=30,t2=0)", "<", 100),
    "e1_emergency": {"cooldown_seconds": 1} | section("UNREALIZED_PNL_PCT", "<", -50),
}


def waves(seconds: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    return np.round(100 + 5 * np.sin(2 * math.pi * (seconds / 700 + symbols / 3)), 2)


@pytest.fixture(scope="module")
def tape(database: Database) -> str:
    """A trade every second of the steady one; the others trade in the first ten minutes and after `BACK`, the quiet one
    once in between."""
    own_id = "generate_20170714_024000_0000beef"
    seconds = {
        0: np.r_[1:600, 850, BACK : HOURS * 3_600],
        1: np.r_[1:600, BACK : HOURS * 3_600],
        2: np.arange(1, HOURS * 3_600),
    }
    symbols = np.concatenate([np.full(len(of), symbol, np.int16) for symbol, of in seconds.items()])
    times = np.concatenate(list(seconds.values()))
    order = np.lexsort((symbols, times))
    symbols, times = symbols[order], times[order]
    count = len(times)
    trades = Trades(
        BEGIN + times * SECOND,
        np.arange(100, 100 + count),
        waves(times, symbols),
        np.full(count, 10.0),
        np.where(times % 3, 1, -1).astype(np.int8),
    )
    events = [TapeEvent(BEGIN, k, symbol, "contract", CONTRACT.to_payload()) for k, symbol in enumerate(SYMBOLS)]
    on = {"stream": "trades", "cause": "test"}
    events += [TapeEvent(BEGIN, 10 + k, symbol, "observed_on", on) for k, symbol in enumerate(SYMBOLS)]
    events += [
        TapeEvent(BEGIN + 600 * SECOND, 100_000, SYMBOLS[1], "symbol_removed", {}),
        TapeEvent(BEGIN + BACK * SECOND - 1, 100_001, SYMBOLS[1], "symbol_added", {}),
    ]
    page = TapePage(BEGIN - 1, BEGIN + HOURS * 3_600 * SECOND, symbols, trades, np.zeros(0, np.int16), Books.empty())
    piece = MarketPiece(page, np.arange(1, count + 1), np.zeros(0, np.int64))
    record = SessionRecord(
        session_id=own_id, mode="generate", symbols=SYMBOLS, data_types=("trades",), config='{"pumps": []}'
    )
    with recorded_session(database, record) as session, BulkInserter(database) as inserter:
        inserter.insert("tape_events", events_table(events, own_id))
        inserter.insert("tick_prices", trades_table(piece, SYMBOLS, own_id))
        session.update(tape_from=page.from_ts, tape_to=page.to_ts, prices_count=count)
    return own_id


@pytest.fixture(scope="module")
def decide(run_here, tape, tmp_path_factory):
    file: Path = tmp_path_factory.mktemp("strategy") / "waves.json"
    file.write_text(json.dumps(STRATEGY))
    account = default_account("main", 10_000.0, "USDT", (str(file),)).model_copy(update={"max_active_signals": 9})

    def run(*, grid: bool = True, start: int | None = None, stops: tuple[int, ...] = ()) -> ResultTables:
        request = BacktestRequest(
            tape,
            accounts=(account,),
            slice_rows=100,
            period=None if start is None else (BEGIN + start * SECOND, BEGIN + HOURS * 3_600 * SECOND),
            evaluation_interval_us=SECOND if grid else 0,
        )
        return run_here(request, stops)

    return run


@pytest.mark.parametrize("grid", [False, True], ids=["without a grid", "with a grid"])
@pytest.mark.parametrize("start", [None, 3_000], ids=["whole tape", "a period"])
def test_a_restart_while_symbols_are_quiet_changes_nothing(decide, grid, start):
    undisturbed = decide(grid=grid, start=start)
    later = [row for row in undisturbed.transitions if row.timestamp > BEGIN + BACK * SECOND]
    assert {row.symbol for row in later if row.trigger == "s1"} == set(SYMBOLS)
    # the 18th slice of the whole tape is the last that has more than the steady one: right after it, in the next few
    # minutes, and when all windows have passed
    restarted = decide(grid=grid, start=start, stops=(1, 2, 10, 18, 19, 20, 21, 22, 40, 50, 75))
    assert differences(undisturbed.by_table(), restarted.by_table()) == []


@pytest.mark.parametrize("start", [700, 3_000, 5_380], ids=["just gone", "long gone", "nearly back"])
def test_a_period_knows_the_price_of_a_quiet_symbol_and_that_another_is_gone(decide, start):
    """The quiet one is evaluated on the grid at its last price, the removed one is not until it is back."""
    period = decide(start=start)
    activated = {row.symbol: row.timestamp for row in period.transitions if row.trigger == "activated"}
    assert activated == {
        "QUIET_USDT": BEGIN + start * SECOND,
        "REMOVED_USDT": BEGIN + BACK * SECOND,
        "STEADY_USDT": BEGIN + start * SECOND,
    }
    whole = decide()
    later = BEGIN + BACK * SECOND
    expected, found = (
        [(row.timestamp, row.symbol, row.section, row.indicator_values) for row in tables.signals]
        for tables in (whole, period)
    )
    assert [row for row in found if row[0] > later] == [row for row in expected if row[0] > later]
