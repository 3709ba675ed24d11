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
