import pytest

from operators.strategy.compile import compile_strategy
from operators.strategy.document import StrategyDocument, document_hash
from operators.strategy.problems import InvalidStrategy
from operators.strategy.verdict import FALSE, PENDING, TRUE


def test_conditions_are_flat_and_trees_point_at_them(document):
    compiled = compile_strategy(StrategyDocument.model_validate(document))
    assert [condition.path for condition in compiled.conditions] == [
        "$.s1_signal.when.all[0]",
        "$.s1_signal.when.all[1]",
        "$.o1_cancel.when.any[0]",
        "$.z1_entry.when.all[0]",
        "$.z1_entry.when.all[1]",
        "$.ze1_close.when.any[0]",
        "$.ze1_close.when.any[1]",
        "$.e1_emergency.when.any[0]",
        "$.e1_emergency.when.any[1]",
    ]
    assert [condition.index for condition in compiled.conditions] == list(range(9))
    assert compiled.trees["s1_signal"] == ("all", (("condition", 0), ("condition", 1)))
    assert compiled.trees["ze1_close"] == ("any", (("condition", 5), ("condition", 6)))
    assert compiled.document_hash == document_hash(compiled.document)


def test_a_condition_has_everything_that_decides_it(document):
    velocity = compile_strategy(StrategyDocument.model_validate(document)).conditions[3]
    assert velocity.indicator_id == "PRICE_VELOCITY(t1=5,t3=15,d=5)"
    assert (velocity.op, velocity.low, velocity.high, velocity.for_us) == ("<=", 0.05, 0.05, 3_000_000)
    assert (velocity.section, velocity.kind, velocity.on_position) == ("z1_entry", "PRICE_VELOCITY", False)


def test_if_no_stream_is_a_verdict(document):
    conditions = compile_strategy(StrategyDocument.model_validate(document)).conditions
    assert [conditions[index].if_no_stream for index in (3, 4, 8)] == [PENDING, TRUE, FALSE]


def test_sections_with_position_values_are_left_to_the_desk(document):
    compiled = compile_strategy(StrategyDocument.model_validate(document))
    assert compiled.market_sections == {"s1_signal", "o1_cancel", "z1_entry"}
    assert compiled.conditions[6].on_position
    assert compiled.conditions[6].indicator_id == "UNREALIZED_PNL_PCT()"


def test_indicators_are_listed_once_with_those_of_the_entry(changed):
    content = changed(
        {"z1_entry.stop_loss": {"indicator": "MIN_PRICE(t1=60)"}, "z1_entry.take_profit": {"indicator": "VWAP"}}
    )
    compiled = compile_strategy(StrategyDocument.model_validate(content))
    assert compiled.stop_loss_id == "MIN_PRICE(t1=60,t2=0)"
    assert compiled.take_profit_id == "VWAP(t1=300,t2=0)"
    assert compiled.risk_scaling_id == "MOMENTUM_DECAY_PCT(lookback=600)"
    assert len(set(compiled.indicator_ids)) == len(compiled.indicator_ids)
    assert {compiled.stop_loss_id, compiled.take_profit_id, compiled.risk_scaling_id} <= set(compiled.indicator_ids)
    assert "UNREALIZED_PNL_PCT()" not in compiled.indicator_ids


def test_sections_without_conditions_never_fire(changed):
    content = changed({"z1_entry": None, "o1_cancel.when": None, "ze1_close.when": None, "e1_emergency.when": None})
    compiled = compile_strategy(StrategyDocument.model_validate(content))
    assert [name for name, tree in compiled.trees.items() if tree is None] == [
        "o1_cancel",
        "z1_entry",
        "ze1_close",
        "e1_emergency",
    ]


def test_groups_nest(changed):
    one = {"indicator": "TWPA", "op": ">", "value": 1}
    content = changed({"s1_signal.when": {"any": [{"not": {"all": [one, one]}}, one]}})
    compiled = compile_strategy(StrategyDocument.model_validate(content))
    assert compiled.trees["s1_signal"] == (
        "any",
        (("not", ("all", (("condition", 0), ("condition", 1)))), ("condition", 2)),
    )
    assert compiled.conditions[1].path == "$.s1_signal.when.any[0].not.all[1]"


def test_a_variant_is_compiled_to_what_it_stands_for(changed):
    content = changed({"s1_signal.when": {"indicator": "fast", "op": ">", "value": 1}})
    compiled = compile_strategy(StrategyDocument.model_validate(content), {"fast": "VELOCITY(t1=2,t3=8,d=4)"})
    assert compiled.conditions[0].indicator_id == "PRICE_VELOCITY(t1=2,t3=8,d=4)"


def test_names_that_mean_nothing_are_all_reported(changed):
    content = changed({"s1_signal.when.all.0.indicator": "NO_SUCH", "z1_entry.stop_loss": {"indicator": "NOR_THIS"}})
    with pytest.raises(InvalidStrategy, match=r"all\[0\]\.indicator.*stop_loss\.indicator"):
        compile_strategy(StrategyDocument.model_validate(content))
