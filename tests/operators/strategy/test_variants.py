"""Names that stand for a kind with parameters, and those that come with the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operators.indicators.ids import parse_indicator
from operators.indicators.registry import ALIASES, CATALOGUE
from operators.strategy.compile import compile_strategy
from operators.strategy.names import names_in
from operators.strategy.system_variants import SYSTEM_NAMES, SYSTEM_VARIANTS
from operators.strategy.templates import template_text
from operators.strategy.validation import validate
from operators.strategy.variants import VariantRefused, check_name, indicator_of, parameters_text
from operators.variant import VariantRecord


@pytest.fixture
def signals_on():
    """A document of signals only whose S1 compares these indicators."""

    def document(*indicators: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(template_text("pump_alert_only"))
        conditions = [{"indicator": name, "op": ">", "value": 1} for name in indicators]
        return content | {"s1_signal": {"when": {"all": conditions}}, "o1_cancel": {"timeout_seconds": 60}}

    return document


def record(kind: str, parameters: str) -> VariantRecord:
    return VariantRecord("1", "mine", kind, "price", parameters, "", None)


@pytest.mark.parametrize("name", ["a", "my_pump", "pump.v2", "Fast-1", "x" * 64])
def test_names(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "pümp", "TWPA(t1=5)", "a\n"])
def test_other_names_are_refused(name):
    with pytest.raises(VariantRefused, match="1 to 64 of the characters A-Z a-z 0-9"):
        check_name(name)


@pytest.mark.parametrize("name", [*CATALOGUE, *ALIASES, "twpa", "Volume_Surge"])
def test_the_name_of_a_kind_is_refused(name):
    with pytest.raises(VariantRefused, match="is the name of a kind"):
        check_name(name)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_parameters_are_stored_and_read_back(kind):
    key = parse_indicator(kind)
    assert indicator_of(record(kind, parameters_text(key))) == key.id


def test_parameters_that_are_no_defaults_are_kept():
    key = parse_indicator("VELOCITY_CASCADE(windows=3/10/4;5/20/10,min_coverage=0.25,max_staleness=1.5)")
    assert json.loads(parameters_text(key))["windows"] == "3/10/4;5/20/10"
    assert indicator_of(record(key.name, parameters_text(key))) == key.id


def test_what_is_left_out_has_its_default():
    assert indicator_of(record("TWPA", '{"t1": 60}')) == "TWPA(t1=60,t2=0)"


def test_a_variant_of_a_kind_that_has_changed_is_told_to_who_uses_it(signals_on):
    written = indicator_of(record("TWPA", '{"t9": 60}'))
    assert written == "TWPA(t9=60)"
    (problem,) = validate(signals_on("old"), {"old": written}).problems
    assert problem.path == "$.s1_signal.when.all[0].indicator"
    assert "unknown parameter t9" in problem.found


def test_the_program_brings_variants_for_every_section():
    assert {one.section for one in SYSTEM_VARIANTS} == {"S1", "O1", "Z1", "ZE1", "E1"}
    assert len(SYSTEM_NAMES) == len(SYSTEM_VARIANTS)
    assert len({one.name.casefold() for one in SYSTEM_VARIANTS}) == len(SYSTEM_VARIANTS)


@pytest.mark.parametrize("one", SYSTEM_VARIANTS, ids=lambda one: one.name)
def test_a_variant_of_the_program(one):
    check_name(one.name)
    key = parse_indicator(one.indicator)
    assert key.id == one.indicator
    assert not key.kind.on_position
    assert key.kind.unavailable is None
    assert one.description


def test_two_variants_of_one_kind_keep_separate_values_and_one_id_is_computed_once(signals_on):
    names = ("fast", "slow", "again", "TWPA(t2=0,t1=5.0)")
    variants = {"fast": "TWPA(t1=5)", "slow": "TWPA(t1=500)", "again": "TWPA(t1=5,t2=0)"}
    document = validate(signals_on(*names), variants).require("x")
    compiled = compile_strategy(document, variants)
    assert compiled.indicator_ids == ("TWPA(t1=5,t2=0)", "TWPA(t1=500,t2=0)")
    fast, slow, again, inline = compiled.conditions
    assert fast.indicator_id == again.indicator_id == inline.indicator_id != slow.indicator_id


def test_the_names_of_a_document_are_found_wherever_they_stand(signals_on):
    document = signals_on("fast", "slow")
    document["o1_cancel"]["when"] = {"not": {"indicator": " late ", "op": ">", "value": 1}}
    assert set(names_in(document)) == {"fast", "slow", "late"}


def test_an_unknown_name_suggests_a_variant(signals_on):
    (problem,) = validate(signals_on("pump_fst"), SYSTEM_NAMES).problems
    assert "the variant pump_fast" in problem.allowed
