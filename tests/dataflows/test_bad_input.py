"""What cannot be meant is refused with one clear sentence, and nothing is half shown."""

from __future__ import annotations

import json

import pytest

from connectors.questdb.sessions import SessionStore


def refusal(outcome) -> str:
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    return " ".join(outcome.err.split())


def test_an_unknown_session_names_the_nearest(tapeflow, market):
    wrong = market.session_id[:-1] + "x"
    said = refusal(tapeflow("backtest", wrong, "-s", "pump_follow_long", expect=2))
    assert f"there is no session '{wrong}'" in said
    assert market.session_id in said


def test_everything_that_is_wrong_is_said_at_once(tapeflow, market):
    said = refusal(
        tapeflow(
            *("backtest", market.session_id, "-s", "no_such", "--symbol", "NO_USDT", "--slice-rows", "0"),
            *("--period", "2030-01-02", "2030-01-01", "--speed", "-1"),
            expect=2,
        )
    )
    for sentence in (
        "strategy 'no_such' is neither a template nor in the library nor a file",
        "no symbol 'NO_USDT'",
        "it has to end later",
        "--slice-rows is 0",
        "--speed is -1",
    ):
        assert sentence in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, ("$.surprise",)),
        ({"s1_signal": {"when": {"indicator": "PUMP_MAGNITUD_PCT", "op": ">", "value": 1}}}, ("PUMP_MAGNITUDE_PCT",)),
        ({"s1_signal": {"when": {"indicator": "TWPA(t1=60,t2=60)", "op": ">", "value": 1}}}, ("t1", "t2", "60")),
    ],
    ids=["unknown key", "unknown indicator", "empty window"],
)
def test_a_wrong_strategy_is_refused_with_path_and_remedy(tapeflow, market, tmp_path, change, words):
    document = json.loads(tapeflow("strategies", "show", "pump_follow_long", "--json").finished["document"])
    file = tmp_path / "strategy.json"
    file.write_text(json.dumps({**document, **change}))
    said = refusal(tapeflow("backtest", market.session_id, "-s", str(file), expect=2))
    for word in words:
        assert word in said


def test_equity_is_required_where_the_quote_is_no_dollar(tapeflow, tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(
        "symbol,timestamp,datetime,side,price,amount\n"
        + "".join(f"X/BTC,{1_600_000_000_000 + i * 1000},,buy,1.5,{i + 1}\n" for i in range(50))
    )
    session = tapeflow("import", str(file), "--json").finished["session_id"]
    said = refusal(tapeflow("backtest", session, "-s", "pump_follow_long", expect=2))
    assert "--equity is required where the quote currency is BTC" in said


def test_a_database_that_cannot_be_reached_is_one_line(tapeflow):
    conf = "http::addr=127.0.0.1:1;username=a;password=b;pg_port=2;"
    said = refusal(tapeflow("sessions", "list", env={"QUESTDB_CONF": conf}, expect=1))
    assert "127.0.0.1:1" in said


def test_a_backtest_has_no_tape_of_its_own(tapeflow, database, market):
    run = tapeflow("backtest", market.session_id, "-s", "pump_alert_only", "--json").finished["session_id"]
    said = refusal(tapeflow("backtest", run, "-s", "pump_follow_long", expect=2))
    assert f"its source is {market.session_id}" in said
    assert SessionStore(database).latest(run).status == "STOPPED"
