import pickle

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from operators.strategy.conditions import ConditionsMismatch
from operators.strategy.step import ConditionsLogic, conditions
from operators.strategy.tables import ConditionTables
from operators.strategy.verdict import FALSE, TRUE

A = "TWPA(t1=300,t2=0)"
HELD = {"indicator": "TWPA", "op": ">", "value": 1, "for_seconds": 2}


@pytest.fixture
def strategy(strategy_of):
    return strategy_of({"s1_signal": HELD})


@pytest.fixture
def run(strategy):
    """What comes out of the step for evaluations of any symbols, keyed by account."""

    def through(evaluations, accounts=None, streams=None):
        out: list = []
        flow = Dataflow("test")
        up = op.input("in", flow, TestingSource([(one.batch.symbol, one) for one in evaluations], batch_size=10))
        decided = conditions("conditions", up, accounts or {"main": [strategy]}, streams or {})
        op.output("out", decided, TestingSink(out))
        run_main(flow)
        return out

    return through


def test_each_account_gets_one_decision_per_evaluation(run, strategy, evaluation_of):
    evaluations = [evaluation_of((A,), [0, 1], [[2, 2]]), evaluation_of((A,), [2], [[2]])]
    out = run(evaluations, {"one": [strategy], "two": [strategy, strategy]})
    assert sorted(key for key, _ in out) == ["one", "one", "two", "two"]
    for key, decisions in out:
        assert decisions.account == key
    mine = [decisions for key, decisions in out if key == "one"]
    assert [one.evaluation for one in mine] == evaluations
    assert np.concatenate([one.verdicts[0].sections["s1_signal"] for one in mine]).tolist() == [FALSE, FALSE, TRUE]
    assert [len(decisions.verdicts) for key, decisions in out if key == "two"] == [2, 2]


def test_symbols_are_kept_apart(run, evaluation_of):
    out = run([evaluation_of((A,), [0], [[2]], "X_USDT"), evaluation_of((A,), [5], [[2]], "Y_USDT")])
    assert [decisions.verdicts[0].sections["s1_signal"].tolist() for _, decisions in out] == [[FALSE], [FALSE]]


def test_a_header_only_batch_goes_to_every_account_without_verdicts(run, strategy, evaluation_of):
    header_only = evaluation_of((), [], [], symbol="")
    out = run([header_only], {"one": [strategy], "two": []})
    assert [(key, decisions.evaluation, decisions.verdicts) for key, decisions in out] == [
        ("one", header_only, ()),
        ("two", header_only, ()),
    ]


def test_an_evaluation_without_instants_passes_with_empty_verdicts(run, evaluation_of):
    ((_, decisions),) = run([evaluation_of((A,), [], [[]])])
    assert decisions.verdicts[0].sections["s1_signal"].shape == (0,)


def test_warm_up_emits_nothing_and_moves_no_hold(run, evaluation_of):
    out = run([evaluation_of((A,), [0], [[2]], warmup=True), evaluation_of((A,), [2], [[2]])])
    assert [decisions.verdicts[0].sections["s1_signal"].tolist() for _, decisions in out] == [[FALSE]]


def test_the_streams_of_a_symbol_decide_if_no_stream(run, strategy_of, evaluation_of):
    book = strategy_of({"s1_signal": {"indicator": "SPREAD_PCT", "op": "<", "value": 1, "if_no_stream": "true"}})
    nothing = [[np.nan]]
    evaluations = [
        evaluation_of(("SPREAD_PCT()",), [0], nothing, "TRADES_USDT"),
        evaluation_of(("SPREAD_PCT()",), [0], nothing, "BOTH_USDT"),
        evaluation_of(("SPREAD_PCT()",), [0], nothing, "UNKNOWN_USDT"),
    ]
    streams = {"TRADES_USDT": frozenset({"trades"}), "BOTH_USDT": frozenset({"trades", "books"})}
    out = run(evaluations, {"main": [book]}, streams)
    found = {one.evaluation.batch.symbol: one.verdicts[0].sections["s1_signal"].tolist() for _, one in out}
    assert found == {"TRADES_USDT": [TRUE], "BOTH_USDT": [2], "UNKNOWN_USDT": [2]}


def test_a_snapshot_goes_on_where_it_was_taken(strategy, evaluation_of):
    tables = ConditionTables.of({"main": [strategy]})
    logic = ConditionsLogic(tables, {})
    logic.on_batch([evaluation_of((A,), [0], [[2]])])
    snapshot = pickle.loads(pickle.dumps(logic.snapshot()))
    logic.on_batch([evaluation_of((A,), [1], [[0]])])  # what is stored does not change any more
    resumed = ConditionsLogic(tables, {}, snapshot)
    assert resumed.snapshot() == snapshot
    (decisions,), _ = resumed.on_batch([evaluation_of((A,), [2], [[2]])])
    assert decisions.verdicts[0].sections["s1_signal"].tolist() == [TRUE]


def test_a_snapshot_is_small(strategy, evaluation_of):
    logic = ConditionsLogic(ConditionTables.of({"main": [strategy]}), {})
    logic.on_batch([evaluation_of((A,), [0], [[2]])])
    assert len(pickle.dumps(logic.snapshot())) < 200


def test_a_snapshot_of_another_schema_is_refused(strategy):
    with pytest.raises(ConditionsMismatch, match="schema 99"):
        ConditionsLogic(ConditionTables.of({"main": [strategy]}), {}, {"schema": 99, "holds": {}})
