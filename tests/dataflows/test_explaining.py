"""`tapeflow explain` on a real database: a session without any signal names what was nearest and what would help."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from pyarrow import parquet

QUIET = {
    "schema_version": 1,
    "name": "too_strict",
    "direction": "LONG",
    "s1_signal": {
        "when": {
            "all": [
                {
                    "indicator": "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)",
                    "op": ">=",
                    "value": 1000,
                    "label": "a [/b] jump",
                },
                {"indicator": "VOLUME_SURGE_RATIO", "op": ">=", "value": 0, "label": "any [/surge]"},
            ]
        }
    },
    "o1_cancel": {"timeout_seconds": 60, "when": None},
    "z1_entry": None,
    "ze1_close": {"when": None},
    "e1_emergency": {"when": None},
}


@pytest.fixture(scope="module")
def finished(tapeflow, market, tmp_path_factory):
    """Backtests the strategy with this pump wanted by S1."""
    file = tmp_path_factory.mktemp("strategies") / "too_strict.json"

    def run(pump):
        document = copy.deepcopy(QUIET)
        document["s1_signal"]["when"]["all"][0]["value"] = pump
        file.write_text(json.dumps(document), encoding="utf-8")
        return tapeflow("backtest", market.session_id, "--strategy", str(file), "--json").finished

    return run


@pytest.fixture(scope="module")
def quiet(finished):
    return finished(1000)


def test_the_change_that_is_named_fires_and_no_smaller_one_does(tapeflow, finished, quiet):
    assert quiet["signals"] == 0
    found = tapeflow("explain", quiet["session_id"], "--json").finished
    assert (found["funnel"]["signals"], found["funnel"]["entered"], found["funnel"]["exits"]) == (0, 0, {})
    keys = {"account", "strategy", "symbol", "section", "condition", "threshold", "best_value", "best_at"}
    assert keys <= found["nearest"][0].keys()
    sections = [one for one in found["sections"] if one["section"] == "s1_signal"]
    assert len(sections) == 3
    assert not any(one["fired"] for one in sections)
    thresholds = {one["symbol"]: one["changes"][0]["threshold"] for one in sections if one["changes"]}
    symbol = max(thresholds, key=thresholds.__getitem__)

    loosened = finished(thresholds[symbol])
    assert loosened["signals"] == 1
    told = tapeflow("explain", loosened["session_id"], "--symbol", symbol, "--json").finished
    assert told["funnel"]["signals"] == 1
    assert finished(thresholds[symbol] * (1 + 1e-12))["signals"] == 0


def test_the_nearest_value_is_the_one_on_the_tape(tapeflow, market, quiet, tmp_path):
    """Compared with all values of the indicator, computed by another command."""
    nearest = tapeflow("explain", quiet["session_id"], "--json").finished["nearest"]
    for row in (one for one in nearest if one["condition"].endswith("all[0]")):
        file = tmp_path / f"{row['symbol']}.parquet"
        options = ("--symbol", row["symbol"], "--indicator", row["indicator"], "--to", str(file))
        tapeflow("indicators", "compute", market.session_id, *options)
        table = parquet.read_table(file)
        values = table[row["indicator"]].to_numpy()
        best = int(np.nanargmax(values))
        assert (row["best_value"], row["best_at"]) == (values[best], table["ts"][best].as_py())
        known = np.flatnonzero(~np.isnan(values))
        assert row["warmup_seconds"] == pytest.approx((table["ts"][known[0]].as_py() - table["ts"][0].as_py()) / 1e6)
        assert row["pending_seconds"] == row["warmup_seconds"] + row["missing_seconds"]
        assert row["true_seconds"] == row["no_stream_seconds"] == 0


def test_everything_of_one_symbol(tapeflow, market):
    """With positions too: what closed them, and how near the sections came that did not."""
    told = tapeflow("backtest", market.session_id, "--strategy", "flash_pump_long", "--json").finished
    symbol = market.pumps[0]["symbol"]
    found = tapeflow("explain", told["session_id"], "--symbol", symbol, "--json").finished
    assert found["funnel"]["entered"] == sum(found["funnel"]["exits"].values()) > 0
    sections = {one["section"]: one for one in found["sections"]}
    assert {"s1_signal", "o1_cancel", "z1_entry", "ze1_close", "e1_emergency"} == set(sections)
    assert sections["s1_signal"]["fired"]
    assert sections["z1_entry"]["fired"]
    assert sections["e1_emergency"]["changes"] is None, "it depends on the position"
    profit = next(one for one in found["nearest"] if one["indicator"] == "UNREALIZED_PNL_PCT()")
    assert profit["best_at"] is not None
    words = tapeflow("explain", told["session_id"], "--symbol", symbol).out
    assert "no emergency close" in words
    assert "closed by" in words


def test_it_is_told_in_words_once(tapeflow, quiet):
    told = tapeflow("explain", quiet["session_id"]).out
    assert told.count(": no signal") == 3
    assert told.count("would have fired at") == 3
    assert "missing: a [/b] jump" in told
    assert "any [/surge]" in told


def test_names_that_the_session_does_not_have_are_refused(tapeflow, market, quiet):
    assert "no symbol 'NO_SUCH'" in tapeflow("explain", quiet["session_id"], "--symbol", "NO_SUCH", expect=2).err
    assert "ran no strategies" in tapeflow("explain", market.session_id, expect=2).err
