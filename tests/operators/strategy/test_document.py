import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from operators.strategy.document import StrategyDocument, canonical_json, document_hash
from operators.strategy.entry import liquidation_distance_percent
from operators.strategy.nodes import ConditionNode, NotGroup, Part


def parts(of: type[Part] = Part) -> Iterator[type[Part]]:
    for part in of.__subclasses__():
        yield part
        yield from parts(part)


def test_attributes_are_named_as_in_the_json(document):
    read = StrategyDocument.model_validate(document)
    assert read.z1_entry.size.risk_scaling.points == ((0.05, 1.2), (0.5, 0.55))
    assert read.z1_entry.order.timeout_seconds == 20
    assert read.o1_cancel.when.any[0].value == 2.5
    assert read.limits.max_trades_per_day == 10


def test_what_is_left_out_has_the_documented_default(changed):
    read = StrategyDocument.model_validate(
        changed(
            {"z1_entry": None, "ze1_close": ..., "e1_emergency": ..., "limits": ..., "tags": ..., "description": ...}
        )
    )
    assert read.z1_entry is None
    assert read.ze1_close.when is None
    assert read.e1_emergency.cooldown_seconds == 0
    assert read.limits.max_leverage is None
    assert read.tags == ()


def test_an_entry_needs_only_conditions_and_a_size(changed):
    read = StrategyDocument.model_validate(
        changed(
            {"z1_entry": {"when": {"indicator": "TWPA", "op": ">", "value": 1}, "size": {"mode": "quote", "value": 50}}}
        )
    )
    assert (read.z1_entry.leverage, read.z1_entry.order.type, read.z1_entry.order.timeout_seconds) == (1, "market", 60)


def test_a_document_never_changes(document):
    with pytest.raises(ValidationError, match="frozen"):
        StrategyDocument.model_validate(document).name = "other"


def test_the_hash_is_of_the_content_not_of_its_writing(document):
    other = json.loads(json.dumps(document))
    other["z1_entry"]["leverage"] = 2.0
    other = dict(reversed(other.items()))
    assert document_hash(StrategyDocument.model_validate(other)) == document_hash(
        StrategyDocument.model_validate(document)
    )
    other["z1_entry"]["leverage"] = 2.5
    assert document_hash(StrategyDocument.model_validate(other)) != document_hash(
        StrategyDocument.model_validate(document)
    )


def test_the_hash_has_32_hex_digits(document):
    assert len(bytes.fromhex(document_hash(StrategyDocument.model_validate(document)))) == 16


def test_canonical_json_reads_back_as_the_same_document(changed):
    content = changed({"s1_signal.when": {"not": {"indicator": "TWPA", "op": "outside", "value": [1, 2]}}})
    read = StrategyDocument.model_validate(content)
    assert isinstance(read.s1_signal.when, NotGroup)
    assert StrategyDocument.model_validate_json(canonical_json(read)) == read
    assert '"not":{' in canonical_json(read)


def test_every_field_says_what_it_may_hold():
    for part in {*parts()}:
        for name, field in part.model_fields.items():
            assert field.description, f"{part.__name__}.{name}"


def test_the_json_schema_can_be_written():
    schema = StrategyDocument.model_json_schema()
    assert schema["additionalProperties"] is False
    assert "1 to 64" in json.dumps(schema)


def test_one_value_operators_have_equal_bounds():
    assert (
        ConditionNode(indicator="TWPA", op=">", value=3).low,
        ConditionNode(indicator="TWPA", op=">", value=3).high,
    ) == (
        3,
        3,
    )


@pytest.mark.parametrize(
    ("leverage", "mmr", "fee", "distance"), [(1, 0, 0, 100), (2, 0, 0, 50), (4, 0.005, 0.0006, 24.44)]
)
def test_liquidation_distance(leverage, mmr, fee, distance):
    assert liquidation_distance_percent(leverage, mmr, fee) == pytest.approx(distance)
