import json

import pytest
import typer
from typer.testing import CliRunner

from dataflows.cli import strategies
from operators.errors import UsageError
from operators.strategy.document import document_hash
from operators.strategy.templates import TEMPLATES, load_template, template_text
from operators.strategy.validation import load_strategy


@pytest.fixture
def call():
    app = typer.Typer()
    strategies.register(app)
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments, text=None: runner.invoke(app, ["strategies", *arguments], input=text)


@pytest.fixture
def written(tmp_path):
    def write(content):
        file = tmp_path / "strategy.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(file)

    return write


def test_a_valid_document_is_told_in_sentences(call, written):
    done = call("validate", written(template_text("peak_fade_short")))
    assert done.exit_code == 0
    assert "ok  peak_fade_short" in done.stdout
    assert "sell short 1.5 % of equity" in done.stdout
    assert "stop loss 8 %" in done.stdout


def test_all_problems_are_a_table_and_the_exit_code_is_1(call, written):
    content = {**json.loads(template_text("pump_follow_long")), "direction": "UP", "nmae": 1}
    done = call("validate", written(content))
    assert done.exit_code == 1
    assert "2 problems" in done.stdout
    assert "$.direction" in done.stdout
    assert "did you mean name?" in done.stdout


def test_json_has_valid_and_problems(call, written):
    done = call("validate", written({**json.loads(template_text("pump_follow_long")), "direction": "UP"}), "--json")
    finished = json.loads(done.stdout)
    assert done.exit_code == 1
    assert finished["event"] == "finished"
    assert finished["valid"] is False
    assert finished["problems"] == [
        {"path": "$.direction", "found": '"UP"', "allowed": '"LONG" or "SHORT" (both: two strategies)'}
    ]


def test_json_of_a_valid_document_has_its_hash(call, written):
    done = call("validate", written(template_text("pump_alert_only")), "--json")
    finished = json.loads(done.stdout)
    assert (done.exit_code, finished["valid"], finished["problems"]) == (0, True, [])
    assert finished["hash"] == document_hash(load_template("pump_alert_only"))


def test_standard_input_and_malformed_json(call):
    done = call("validate", "-", "--json", text='{"name": ')
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"][0]["found"].startswith("line 1")


def test_warnings_do_not_count(call, written):
    content = json.loads(template_text("pump_follow_long"))
    content["z1_entry"].update(leverage=4, stop_loss={"percent": 6})
    content["limits"] = {}
    done = call("validate", written(content))
    assert done.exit_code == 0
    assert "liquidation price" in done.stdout


def test_a_file_that_is_not_there_or_not_text_is_a_usage_error(call, tmp_path):
    assert isinstance(call("validate", str(tmp_path / "no.json")).exception, UsageError)
    (tmp_path / "picture.json").write_bytes(b"\xff\xfe\x00")
    done = call("validate", str(tmp_path / "picture.json"))
    assert isinstance(done.exception, UsageError)
    assert "not UTF-8 at byte 0" in str(done.exception)


def test_the_templates_are_listed(call):
    done = call("templates")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in TEMPLATES)
    listed = json.loads(call("templates", "--json").stdout)["templates"]
    assert [row["name"] for row in listed] == list(TEMPLATES)


def test_a_template_is_shown_and_its_document_printed(call):
    assert "buy 2 % of equity" in call("show", "pump_follow_long").stdout
    assert call("show", "pump_follow_long", "--document").stdout == template_text("pump_follow_long")
    finished = json.loads(call("show", "pump_follow_long", "--json").stdout)
    assert finished["document"] == template_text("pump_follow_long")


def test_an_unknown_template_is_a_usage_error(call):
    assert isinstance(call("show", "pump_folow_long").exception, UsageError)


def test_the_schema_is_printed(call):
    schema = json.loads(call("schema").stdout)
    assert schema["title"] == "StrategyDocument"


OLD = {
    "direction": "LONG",
    "s1": {"conditions": [{"indicatorId": "pump_magnitude", "operator": ">", "value": 5}]},
    "o1": {"timeoutSeconds": 60, "colour": "red"},
}


def test_an_older_document_is_converted_and_written(call, written, tmp_path):
    new = tmp_path / "new.json"
    done = call("import-legacy", written(OLD), "--to", str(new))
    assert done.exit_code == 0
    assert "$.o1.colour" in done.stderr
    assert json.loads(call("validate", str(new), "--json").stdout)["valid"] is True
    assert load_strategy(new.read_text()).name == "strategy"
    again = call("import-legacy", written(OLD), "--to", str(new))
    assert isinstance(again.exception, UsageError)
    assert "--force" in str(again.exception)


def test_an_older_document_that_needs_a_look_ends_with_1_and_is_printed(call, written):
    old = {**OLD, "s1": {"conditions": [{"indicatorId": "macd", "operator": ">", "value": 5}]}}
    done = call("import-legacy", written(old))
    assert done.exit_code == 1
    assert json.loads(done.stdout)["s1_signal"]["when"]["indicator"] == "macd"
    finished = json.loads(call("import-legacy", written(old), "--json").stdout)
    assert [one["path"] for one in finished["not_converted"]] == ["$.s1.conditions[0].indicatorId", "$.o1.colour"]
    assert [one["path"] for one in finished["problems"]] == ["$.s1_signal.when.indicator"]


def test_an_older_document_that_is_not_json_is_a_usage_error(call):
    done = call("import-legacy", "-", text="{")
    assert isinstance(done.exception, UsageError)
    assert "not JSON" in str(done.exception)
