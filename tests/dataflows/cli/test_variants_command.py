"""`tapeflow indicators variants` as a user types it, and variants where indicators are named."""

from __future__ import annotations

import json
import uuid

import pytest

from dataflows.library import add_strategy
from operators.strategy.templates import template_text


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"mine_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def variants(program, database_home, monkeypatch):
    """Runs `tapeflow indicators variants` on the shared database."""
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    return lambda *words, expect=0: program("indicators", "variants", *words, expect=expect)


def finished(said):
    last = json.loads(said.out.splitlines()[-1])
    assert last["event"] == "finished"
    return last


def test_the_programs_own_are_listed_without_a_project(program, monkeypatch, tmp_path):
    monkeypatch.setenv("TAPEFLOW_HOME", str(tmp_path / "none"))
    rows = finished(program("indicators", "variants", "list", "--section", "e1", "--json"))["variants"]
    assert rows
    assert {(row["section"], row["origin"]) for row in rows} == {("E1", "system")}
    assert "the program (list 1), for S1" in program("indicators", "variants", "show", "pump_fast").out
    assert not (tmp_path / "none").exists()


def test_a_variants_life(variants, name):
    assert f"added: {name} = TWPA(t1=60,t2=0) (version 0)" in variants("add", name, "TWPA(t1=60)").out
    assert name in variants("list", "--kind", "TWPA").out
    edited = finished(variants("edit", name, "--indicator", "TWPA(t1=90)", "--description", "longer", "--json"))
    assert (edited["outcome"], edited["variant"]["version"]) == ("changed", 1)
    assert (edited["variant"]["indicator"], edited["variant"]["description"]) == ("TWPA(t1=90,t2=0)", "longer")
    shown = variants("show", name).out
    assert "TWPA(t1=60,t2=0)" in shown
    assert "TWPA(t1=90,t2=0)" in shown
    versions = finished(variants("show", name, "--json"))["versions"]
    assert [version["indicator"] for version in versions] == ["TWPA(t1=60,t2=0)", "TWPA(t1=90,t2=0)"]
    assert "unchanged" in variants("edit", name, "--description", "longer").out
    assert "deleted" in variants("delete", name).out
    variants("show", name, expect=2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "VELOCITY", "TWPA"), "'VELOCITY' is the name of a kind (PRICE_VELOCITY)"),
        (("add", "a b", "TWPA"), "1 to 64 of the characters"),
        (("add", "mine", "TWPAA"), "did you mean TWPA"),
        (("add", "pump_fast", "TWPA"), "comes with the program"),
        (("edit", "pump_fast", "--description", "x"), "makes a copy to change"),
        (("edit", "pump_fast"), "nothing to change"),
        (("delete", "spread_now"), "comes with the program"),
        (("show", "spred_now"), "did you mean spread_now?"),
        (("list", "--section", "S2"), "allowed: S1, O1, Z1, ZE1, E1"),
        (("list", "--kind", "TWPAA"), "did you mean TWPA"),
    ],
)
def test_mistakes_end_with_2_and_say_what_is_allowed(variants, words, reason):
    assert reason in variants(*words, expect=2).err


def test_who_deletes_a_variant_in_use_is_told(variants, database, name):
    variants("add", name, "TWPA")
    strategy = f"user_of_{name}"
    signal = {"when": {"indicator": name, "op": ">", "value": 1}}
    document = {**json.loads(template_text("pump_alert_only")), "name": strategy, "s1_signal": signal}
    add_strategy(database, json.dumps(document))
    said = variants("delete", name, "--json")
    assert finished(said)["used_by"] == [strategy]
    assert f"still used by the stored strategy {strategy}" in said.err


def test_a_strategy_may_name_variants(program, variants, name, tmp_path):
    file = tmp_path / "strategy.json"
    text = template_text("pump_alert_only").replace(
        '"VOLUME_SURGE_RATIO(t1=10,t2=0,t3=1800,t4=60)"', '"trade_surge_fast"'
    )
    file.write_text(text, encoding="utf-8")
    assert finished(program("strategies", "validate", file, "--json"))["valid"]
    file.write_text(text.replace("trade_surge_fast", name), encoding="utf-8")
    (problem,) = finished(program("strategies", "validate", file, "--json", expect=1))["problems"]
    assert f"unknown kind {name}" in problem["found"]
    variants("add", name, "COUNT_TRADES(t1=60)")
    assert finished(program("strategies", "validate", file, "--json"))["valid"]


def test_values_of_a_variant_are_computed(program, variants, market, name, tmp_path):
    import pyarrow.parquet as pq

    variants("add", name, "TWPA(t1=60)")
    file = tmp_path / "values.parquet"
    options = ("--symbol", market.symbols[0], "--indicator", name, "--indicator", "spread_now", "--to", file)
    program("indicators", "compute", market.session_id, *options, "--json")
    assert pq.read_schema(file).names[-2:] == ["TWPA(t1=60,t2=0)", "SPREAD_PCT()"]
