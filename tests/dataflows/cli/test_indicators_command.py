"""`tapeflow indicators`: the catalogue, for people and for machines."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from dataflows.cli import indicators
from operators.errors import UsageError
from operators.indicators.registry import CATALOGUE


@pytest.fixture
def call():
    app = typer.Typer()
    indicators.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["indicators", *arguments])


def test_the_list_names_every_kind(call):
    done = call("list")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in CATALOGUE)


def test_the_list_for_machines_has_one_object_per_kind(call):
    lines = [json.loads(line) for line in call("list", "--json").stdout.splitlines()]
    assert lines[-1] == {"event": "finished", "indicators": len(CATALOGUE)}
    pump = next(line for line in lines if line.get("kind") == "PUMP_MAGNITUDE_PCT")
    assert pump["id"] == "PUMP_MAGNITUDE_PCT(t1=10,t3=60,d=30)"
    assert pump["parameters"][0]["min"] == 1
    assert pump["warm_up_seconds"] == 60


def test_a_kind_is_described_under_its_alias_too(call):
    done = call("describe", "VOLUME_SURGE")
    assert done.exit_code == 0
    assert "VOLUME_SURGE_RATIO(t1=30,t2=0,t3=600,t4=30)" in done.stdout
    assert "600 s with its defaults" in done.stdout


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_kind_can_be_described(call, name):
    assert call("describe", name).exit_code == 0


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["VELOCITY_CASCADE", "DUMP_EXHAUSTION_SCORE", "UNREALIZED_PNL_PCT"])
def test_a_description_fits_the_terminal_and_ends_with_a_plot(call, monkeypatch, name, columns):
    monkeypatch.setattr(indicators.console, "width", columns)
    lines = call("describe", name).stdout.splitlines()
    assert max(len(line) for line in lines if '"indicator"' not in line) <= columns
    assert f"{name}, {CATALOGUE[name].unit}" in lines
    assert "seconds since the onset of the pump" in lines[-2]


def test_parameters_that_are_no_numbers_have_words_instead_of_a_range_of_numbers(call):
    def parameter(kind: str, name: str) -> dict:
        [described, _] = [json.loads(line) for line in call("describe", kind, "--json").stdout.splitlines()]
        return next(one for one in described["parameters"] if one["name"] == name)

    direction = parameter("MOMENTUM_REVERSAL_INDEX", "direction")
    assert (direction["type"], direction["default"], direction["options"]) == ("word", "up", ["up", "down"])
    assert "min" not in direction
    windows = parameter("VELOCITY_CASCADE", "windows")
    assert (windows["type"], windows["default"]) == ("list of t1/t3/d", "5/15/5;10/40/10;20/80/20")
    assert windows["range"].startswith("2 to 8 of t1/t3/d")
    levels = parameter("LIQUIDITY_QUOTE", "levels")
    assert (levels["type"], levels["min"], levels["max"], levels["range"]) == ("whole number", 1, 10, "1 to 10")


def test_a_kind_that_never_has_a_value_says_so_everywhere_and_has_no_plot(call):
    described = call("describe", "PUMP_PROBABILITY").stdout
    assert "It has no value in this version (no coefficients)." in described
    assert "onset" not in described
    assert "no coefficients" in call("list").stdout
    assert json.loads(call("describe", "PUMP_PROBABILITY", "--json").stdout.splitlines()[0])["unavailable"]


def test_an_unknown_kind_suggests_the_nearest_and_is_wrong_usage(call):
    done = call("describe", "PUMP_MAGNITUDE")
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2
    assert "PUMP_MAGNITUDE_PCT" in str(done.exception)


@pytest.mark.database
def test_values_are_written_once_as_parquet_and_what_has_no_value_is_named(
    program, database, database_home, tmp_path, monkeypatch
):
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    tape = tmp_path / "tape.csv"
    rows = (f"X/USDT,{1_610_000_000_000 + i * 1000},,buy,1.5,{i + 1}\n" for i in range(100))
    tape.write_text("symbol,timestamp,datetime,side,price,amount\n" + "".join(rows))
    session_id = json.loads(program("import", tape, "--json").out)["session_id"]
    file = tmp_path / "values.parquet"

    def compute(to, *options: str, expect: int = 0):
        names = ("--indicator", "TWPA(t1=60)", "--indicator", "SPREAD_PCT")
        words = ("indicators", "compute", session_id, "--symbol", "X_USDT", *names, "--to", to, *options)
        return program(*words, expect=expect)

    assert "allowed: .parquet" in compute(tmp_path / "values.csv", expect=2).err
    assert compute(file).err == "  note: SPREAD_PCT() has no value anywhere: the tape has no books of X_USDT\n"
    assert "exists; --force replaces it" in compute(file, expect=2).err
    finished = json.loads(compute(file, "--force", "--json").out)
    assert finished["notes"] == ["SPREAD_PCT() has no value anywhere: the tape has no books of X_USDT"]
    assert [path.name for path in tmp_path.iterdir() if "values" in path.name] == ["values.parquet"]


@pytest.mark.database
def test_only_columns_that_are_empty_are_noted_each_with_its_reason(
    program, database, database_home, tmp_path, monkeypatch
):
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    tape = tmp_path / "tape.csv"
    rows = (f"Y/USDT,{1_610_000_000_000 + i * 1000},,buy,1.5,{i + 1}\n" for i in range(700))
    tape.write_text("symbol,timestamp,datetime,side,price,amount\n" + "".join(rows))
    session_id = json.loads(program("import", tape, "--json").out)["session_id"]
    asked = ("PUMP_PROBABILITY", "SUPPORT_LEVEL_PROXIMITY_PCT", "DUMP_EXHAUSTION_SCORE")
    names = [word for name in asked for word in ("--indicator", name)]
    file = tmp_path / "values.parquet"
    done = program("indicators", "compute", session_id, "--symbol", "Y_USDT", *names, "--to", file, "--json")
    of_probability, of_support = json.loads(done.out)["notes"]
    assert of_probability.endswith("the kind has no value in this version (no coefficients)")
    assert of_support.endswith("it reads 3,600 s of tape, and no window was observed well enough")
