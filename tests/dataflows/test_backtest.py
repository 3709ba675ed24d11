"""Backtests on a real database: they trade, they tell why, and their results depend on nothing but the tape."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from operators.statistics import differences


@pytest.fixture(scope="module")
def backtest(tapeflow, market, accounts):
    """Runs a backtest of the generated market with both accounts and returns its session."""

    def run(*options: str) -> str:
        arguments = ("backtest", market.session_id, "--accounts", str(accounts), *options, "--json")
        return tapeflow(*arguments).finished["session_id"]

    return run


@pytest.fixture(scope="module")
def reference(backtest) -> str:
    """The session that all others are compared with."""
    return backtest()


def test_the_templates_trade_on_a_generated_market(results, reference):
    tables = results(reference)
    sections = {signal.section for signal in tables.signals}
    assert {"S1_SIGNAL", "Z1_ENTRY"} <= sections
    assert tables.fills
    closed = [position for position in tables.positions if position.status == "CLOSED"]
    assert closed
    assert {position.strategy for position in closed} == {"pump_follow_long", "peak_fade_short"}


def test_every_transition_of_a_section_is_stored_with_its_evidence(results, reference):
    for transition in results(reference).transitions:
        evidence = json.loads(transition.conditions)
        if transition.trigger in ("s1", "z1", "ze1", "e1"):
            assert evidence
            for condition in evidence:
                assert {"path", "indicator", "op", "threshold", "value", "verdict"} <= condition.keys()
            assert any(condition["verdict"] == "TRUE" for condition in evidence)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--slice-rows", "1000"),
        ("--slice-rows", "64000"),
        ("--speed", "3000"),
        ("--threads", "1"),
        ("--workers", "2"),
        ("--recovery", "--epoch-seconds", "0.2"),
    ],
    ids=["again", "slices of 1000", "slices of 64000", "paced", "one thread", "two processes", "with recovery"],
)
def test_results_do_not_depend_on_how_the_tape_is_replayed(backtest, results, approaches, reference, options):
    session_id = backtest(*options)
    assert differences(results(reference).by_table(), results(session_id).by_table()) == []
    assert approaches(reference) == approaches(session_id)


def test_one_row_at_a_time_decides_the_same(backtest, results, approaches, market):
    pump = market.pumps[0]
    end = datetime.fromtimestamp(pump["onset"] // 1_000_000 + 120, UTC).isoformat()
    options = ("--period", "2000-01-01", end)
    whole = backtest(*options)
    single = backtest(*options, "--slice-rows", "1")
    assert results(whole).signals
    assert differences(results(whole).by_table(), results(single).by_table()) == []
    assert approaches(whole) == approaches(single)


def test_a_real_pump_is_traded_and_told(tapeflow, results, approaches, pump_tape):
    imported = tapeflow("import", str(pump_tape), "--format", "auto", "--json").finished
    assert imported["rows"] == 13_197
    again = tapeflow("import", str(pump_tape), "--format", "auto", "--json").finished
    assert again["session_id"] == imported["session_id"]
    options = (imported["session_id"], "--strategy", "pump_follow_long", "--equity", "1")
    told = tapeflow("backtest", *options)
    for word in ("s1", "z1", "BTC"):
        assert word in told.out.lower() or word in told.out
    first = tapeflow("backtest", *options, "--json").finished
    assert first["signals"] >= 1
    assert first["fills"] >= 2
    ways = (("--slice-rows", "1"), ("--slice-rows", "1000"), ("--slice-rows", "64000"), ("--speed", "60000"))
    for extra in (*ways, ("--workers", "2")):
        other = tapeflow("backtest", *options, *extra, "--json").finished
        assert other["result_hash"] == first["result_hash"]
        assert differences(results(first["session_id"]).by_table(), results(other["session_id"]).by_table()) == []
        assert approaches(first["session_id"]) == approaches(other["session_id"])


def test_sessions_are_listed_and_shown(tapeflow, market, reference):
    listed = tapeflow("sessions", "list", "--json").finished["sessions"]
    assert {market.session_id, reference} <= {session["session_id"] for session in listed}
    shown = tapeflow("sessions", "show", reference)
    assert "STOPPED" in shown.out
    assert market.session_id in shown.out
    versions = tapeflow("sessions", "show", reference, "--json").finished["versions"]
    assert [version["status"] for version in versions] == ["STARTING", "RUNNING", "STOPPING", "STOPPED"]
    assert versions[-1]["result_hash"]


def test_indicators_are_computed_to_a_file(tapeflow, market, tmp_path):
    import pyarrow.parquet as pq

    file = tmp_path / "values.parquet"
    symbol = market.symbols[0]
    done = tapeflow(
        *("indicators", "compute", market.session_id, "--symbol", symbol, "--json"),
        *("--indicator", "TWPA(t1=60)", "--indicator", "SPREAD_PCT", "--to", str(file)),
    ).finished
    rows = pq.read_table(file)
    assert rows.column_names == ["ts", "seq", "symbol", "price", "TWPA(t1=60,t2=0)", "SPREAD_PCT()"]
    assert rows.num_rows == done["instants"] > 5_400
    assert rows["seq"].null_count >= 5_399
    assert rows["TWPA(t1=60,t2=0)"].null_count < rows.num_rows / 2
