"""`tapeflow compare` on a real database: what differs, and the first decision that does."""

from __future__ import annotations

import json

import pytest

from operators.strategy.templates import template_text


@pytest.fixture(scope="module")
def backtest(tapeflow, market, tmp_path_factory):
    """Backtests the flash template, with S1 asking for another jump where one is given; its session's id."""
    folder = tmp_path_factory.mktemp("strategies")

    def run(jump=None, *options):
        strategy = "flash_pump_long"
        if jump is not None:
            document = json.loads(template_text("flash_pump_long"))
            document["s1_signal"]["when"]["all"][0]["value"] = jump
            document["name"] = "my_flash"
            file = folder / f"flash_{jump}.json"
            file.write_text(json.dumps(document), encoding="utf-8")
            strategy = str(file)
        done = tapeflow("backtest", market.session_id, "--strategy", strategy, *options, "--json").finished
        return done["session_id"]

    return run


@pytest.fixture(scope="module")
def plain(backtest):
    return backtest()


def compare(tapeflow, a, b):
    return tapeflow("compare", a, b, "--json").finished


def test_the_same_run_twice_is_identical(tapeflow, backtest, plain):
    found = compare(tapeflow, plain, backtest())
    assert found["identical"]
    assert (found["settings"], found["first_difference"]) == ([], None)
    assert found["a"]["statistics"] == found["b"]["statistics"]
    assert "none: they decided and filled the same" in tapeflow("compare", plain, plain).out


def test_another_threshold_is_the_cause_of_the_first_decision_that_differs(tapeflow, results, backtest, plain):
    stricter = backtest(4.5)
    found = compare(tapeflow, plain, stricter)
    assert not found["identical"]
    paths = {one["path"]: (one.get("before"), one.get("after")) for one in found["settings"]}
    assert paths["$.strategies.flash_pump_long.s1_signal.when.all[0].value"] == (3.0, 4.5)
    first = found["first_difference"]
    assert first["b"] is None
    assert (first["a"]["from_state"], first["a"]["trigger"]) == ("MONITORING", "s1")
    moves = [(row.timestamp, row.trigger) for row in results(plain).transitions]
    others = [(row.timestamp, row.trigger) for row in results(stricter).transitions]
    assert (first["at"], "s1") in moves
    assert sorted(move for move in moves if move[0] < first["at"]) == sorted(
        move for move in others if move[0] < first["at"]
    )
    value = json.loads(first["a"]["conditions"])[0]["value"]
    assert 3 <= value < 4.5
    assert ">= 3, B PUMP_MAGNITUDE_PCT(t1=2,t3=20,d=15) >= 4.5" in first["causes"][0]
    turned = compare(tapeflow, stricter, plain)["first_difference"]
    assert (turned["a"], turned["at"]) == (None, first["at"])
    assert "B asks" in turned["causes"][0]
    told = tapeflow("compare", plain, stricter).out
    assert "B: nothing then" in told
    assert "why: a jump within seconds was" in told


def test_another_latency_shows_in_the_first_fill(tapeflow, plain, market, tmp_path):
    accounts = tmp_path / "accounts.toml"
    account = ('name = "mine"', 'quote = "USDT"', "equity = 10000", 'strategies = ["flash_pump_long"]')
    accounts.write_text("\n".join(["[[account]]", *account, "order_latency_ms = 500", ""]), encoding="utf-8")
    done = tapeflow("backtest", market.session_id, "--accounts", str(accounts), "--json").finished
    first = compare(tapeflow, plain, done["session_id"])["first_difference"]
    assert (first["a"]["trigger"], first["b"]) == ("first_fill", None)
    assert "$.accounts.main.order_latency_ms: 70.0 in A, 500.0 in B" in first["causes"]


def test_sessions_without_strategies_are_refused(tapeflow, market, plain):
    assert "ran no strategies" in tapeflow("compare", plain, market.session_id, expect=2).err
