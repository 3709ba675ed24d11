"""What a session ran can be run again, whatever became of its strategies."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from dataflows.library import add_strategy, delete_strategy, edit_strategy
from dataflows.preparing import BacktestRequest, StartRefused, prepare_backtest
from dataflows.variants import add_variant, delete_variant, edit_variant
from operators.statistics import differences
from operators.strategy.templates import template_text

PUMP = "PUMP_MAGNITUDE_PCT(t1=5,t3=60,d=30)"


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"mine_{uuid.uuid4().hex[:8]}"


def test_a_session_is_run_again_after_its_strategy_and_variant_were_edited_and_deleted(
    tapeflow, database, database_home, results, run_here, market, name
):
    add_variant(database, f"{name}_pump", PUMP)
    written = template_text("pump_follow_long")
    assert f'"{PUMP}"' in written
    text = json.dumps({**json.loads(written.replace(f'"{PUMP}"', f'"{name}_pump"')), "name": name})
    add_strategy(database, text)
    options = ("backtest", market.session_id, "--symbol", market.symbols[0], "--json")
    first = tapeflow(*options, "--strategy", name, "--equity", "5000").finished
    assert first["signals"]

    stricter = {**json.loads(text), "s1_signal": {"when": {"indicator": f"{name}_pump", "op": ">", "value": 1e9}}}
    edit_strategy(database, name, text=json.dumps(stricter))
    edit_variant(database, f"{name}_pump", indicator="PUMP_MAGNITUDE_PCT(t1=10,t3=90,d=60)")
    delete_strategy(database, name)
    delete_variant(database, f"{name}_pump")
    assert "was deleted" in tapeflow(*options, "--strategy", name, expect=2).out

    again = tapeflow(*options, "--strategies-of", first["session_id"]).finished
    assert again["result_hash"] == first["result_hash"]
    tables = [results(one["session_id"]).by_table() for one in (first, again)]
    assert differences(*tables) == []
    shown = tapeflow("sessions", "show", again["session_id"], "--json").finished["versions"][-1]
    earlier = tapeflow("sessions", "show", first["session_id"], "--json").finished["versions"][-1]
    for same in ("strategy_hashes", "accounts_hash", "result_hash"):
        assert shown[same] == earlier[same]
    assert f"strategies of {first['session_id']}" in tapeflow("sessions", "show", again["session_id"]).out

    # a session that was itself run from another is as good a source
    request = BacktestRequest(market.session_id, symbols=(market.symbols[0],), strategies_of=again["session_id"])
    assert differences(tables[0], run_here(request).by_table()) == []
    with pytest.raises(StartRefused, match="leave out --strategy, --accounts and --equity"):
        prepare_backtest(database, database_home, None, replace(request, equity=1.0))


def test_what_was_run_before_brings_everything_it_ran_with(tapeflow, market):
    options = ("backtest", market.session_id, "--json")
    said = tapeflow(*options, "--strategies-of", market.session_id, expect=2)
    assert "it ran no strategies; allowed: a backtest" in said.out
    said = tapeflow(*options, "--strategies-of", "backtest_of_nobody", expect=2)
    assert "there is no session 'backtest_of_nobody'" in said.out
