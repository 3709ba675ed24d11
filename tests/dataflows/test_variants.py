"""Variants that users keep: versions, names, and sessions that go on with what a name stood for."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from connectors.questdb.variants import VariantStore
from dataflows.library import add_strategy, delete_strategy
from dataflows.preparing import BacktestRequest, prepare_backtest
from dataflows.variants import (
    add_variant,
    delete_variant,
    edit_variant,
    find_variant,
    known_variants,
    stored_variants,
    strategies_with,
)
from operators.indicators.errors import InvalidIndicator
from operators.statistics import differences
from operators.strategy.system_variants import SYSTEM_NAMES
from operators.strategy.templates import template_text
from operators.strategy.variants import VariantRefused, indicator_of


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"mine_{uuid.uuid4().hex[:8]}"


def test_a_variant_is_stored_with_everything_about_it(database, name):
    added = add_variant(database, name, "VELOCITY(t1=5)", "quick", "somebody")
    found = find_variant(database, name)
    assert found == added
    assert (found.kind, found.category, found.version, found.is_deleted) == ("PRICE_VELOCITY", "momentum", 0, False)
    assert (found.description, found.created_by) == ("quick", "somebody")
    assert json.loads(found.parameters) == {"t1": 5, "t3": 60, "d": 30, "min_coverage": 0.95, "max_staleness": 3600}
    assert known_variants(database)[name] == "PRICE_VELOCITY(t1=5,t3=60,d=30)"


def test_an_edit_is_a_version_after_the_others(database, name):
    first = add_variant(database, name, "TWPA(t1=60)")
    second = edit_variant(database, name, indicator="TWPA(t1=90)", description="longer")
    assert (second.id, second.version) == (first.id, 1)
    assert VariantStore(database).versions(first.id) == [first, second]
    assert known_variants(database)[name] == "TWPA(t1=90,t2=0)"
    assert edit_variant(database, name, indicator="TWPA(t1=90)") == second


def test_a_variant_can_be_renamed(database, name):
    add_variant(database, name, "TWPA(t1=60)")
    edit_variant(database, name, new_name=f"{name}_2")
    assert name not in stored_variants(database)
    assert known_variants(database)[f"{name}_2"] == "TWPA(t1=60,t2=0)"
    edit_variant(database, f"{name}_2", new_name=f"{name}_2".upper())
    add_variant(database, name, "TWPA")


def test_a_variant_keeps_its_kind(database, name):
    add_variant(database, name, "TWPA(t1=60)")
    with pytest.raises(VariantRefused, match="is of the kind TWPA, not VWAP"):
        edit_variant(database, name, indicator="VWAP")


def test_a_deleted_variant_is_gone_and_its_versions_stay(database, name):
    added = add_variant(database, name, "TWPA(t1=60)")
    delete_variant(database, name)
    assert name not in known_variants(database)
    assert [version.is_deleted for version in VariantStore(database).versions(added.id)] == [False, True]
    with pytest.raises(VariantRefused, match="there is no variant"):
        delete_variant(database, name)
    assert add_variant(database, name, "VWAP").id != added.id


def test_a_name_is_there_once(database, name):
    add_variant(database, name, "TWPA(t1=60)")
    with pytest.raises(VariantRefused, match="is there already"):
        add_variant(database, name.upper(), "TWPA(t1=90)")
    add_variant(database, f"{name}_2", "TWPA(t1=60)")
    with pytest.raises(VariantRefused, match="is there already"):
        edit_variant(database, f"{name}_2", new_name=name)


def test_two_variants_of_one_kind_do_not_overwrite_each_other(database, name):
    add_variant(database, f"{name}_a", "TWPA(t1=60)")
    add_variant(database, f"{name}_b", "TWPA(t1=90)")
    known = known_variants(database)
    assert (known[f"{name}_a"], known[f"{name}_b"]) == ("TWPA(t1=60,t2=0)", "TWPA(t1=90,t2=0)")


@pytest.mark.parametrize("change", [edit_variant, delete_variant])
def test_what_comes_with_the_program_is_copied_not_changed(database, name, change):
    with pytest.raises(VariantRefused, match=r"comes with the program.*variants add NAME pump_fast"):
        change(database, "pump_fast")
    with pytest.raises(VariantRefused, match="comes with the program"):
        add_variant(database, "Pump_Fast", "TWPA")
    copy = add_variant(database, name, "pump_fast")
    assert indicator_of(copy) == SYSTEM_NAMES["pump_fast"]


def test_nonsense_is_refused_with_the_nearest_that_there_is(database, name):
    with pytest.raises(InvalidIndicator, match="did you mean TWPA"):
        add_variant(database, name, "TWPAA")
    with pytest.raises(InvalidIndicator, match="t1=60 with t2=90; allowed: t1 > t2"):
        add_variant(database, name, "TWPA(t1=60,t2=90)")
    with pytest.raises(VariantRefused, match=r"no variant 'pump_fst'; did you mean pump_fast\?"):
        find_variant(database, "pump_fst")
    assert name not in known_variants(database)


def test_stored_strategies_that_name_a_variant_are_told(database, name):
    add_variant(database, name, "TWPA(t1=60)")
    for strategy, indicator in ((f"user_{name}", name), (f"other_{name}", "TWPA"), (f"gone_{name}", name)):
        signal = {"when": {"indicator": indicator, "op": ">", "value": 1}}
        document = {**json.loads(template_text("pump_alert_only")), "name": strategy, "s1_signal": signal}
        add_strategy(database, json.dumps(document))
    delete_strategy(database, f"gone_{name}")
    assert strategies_with(database, name) == [f"user_{name}"]


@pytest.fixture
def strategy(tmp_path: Path, name: str) -> str:
    """A strategy whose signal is a variant of this test and one of the program."""
    text = template_text("pump_follow_long")
    for indicator, variant in (
        ("PUMP_MAGNITUDE_PCT(t1=5,t3=60,d=30)", name),
        ("VOLUME_SURGE_RATIO(t1=30,t2=0,t3=600,t4=60)", "volume_surge_medium"),
    ):
        assert f'"{indicator}"' in text
        text = text.replace(f'"{indicator}"', f'"{variant}"')
    file = tmp_path / "strategy.json"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_session_goes_on_with_what_a_name_stood_for(database, database_home, market, run_plan, strategy, name):
    add_variant(database, name, "PUMP_MAGNITUDE_PCT(t1=5,t3=60,d=30)")
    request = BacktestRequest(market.session_id, (strategy,), symbols=tuple(market.symbols[:1]))
    plan, _ = prepare_backtest(database, database_home, None, request)
    assert plan.variants == {
        name: "PUMP_MAGNITUDE_PCT(t1=5,t3=60,d=30)",
        "volume_surge_medium": "VOLUME_SURGE_RATIO(t1=30,t2=0,t3=600,t4=30)",
    }
    assert {*plan.variants.values()} <= {*plan.indicators}
    before = run_plan(plan)
    assert before.signals
    edit_variant(database, name, indicator="PUMP_MAGNITUDE_PCT(t1=10,t3=90,d=60)")
    assert differences(before.by_table(), run_plan(plan).by_table()) == []
    delete_variant(database, name)
    assert differences(before.by_table(), run_plan(plan).by_table()) == []


def test_a_strategy_of_variants_decides_as_one_of_what_they_stand_for(
    database, database_home, market, run_here, strategy, name, tmp_path
):
    add_variant(database, name, "PUMP_MAGNITUDE_PCT(t1=5,t3=60,d=30)")
    inline = tmp_path / "inline.json"
    text = Path(strategy).read_text(encoding="utf-8")
    for variant in (name, "volume_surge_medium"):
        text = text.replace(f'"{variant}"', f'"{known_variants(database)[variant]}"')
    inline.write_text(text, encoding="utf-8")
    symbols = tuple(market.symbols[:1])
    named, written = (
        run_here(BacktestRequest(market.session_id, (str(one),), symbols=symbols)) for one in (strategy, inline)
    )
    assert [(row.timestamp, row.trigger, row.to_state) for row in named.transitions] == [
        (row.timestamp, row.trigger, row.to_state) for row in written.transitions
    ]
    assert [row.indicator_values for row in named.signals] == [row.indicator_values for row in written.signals]
