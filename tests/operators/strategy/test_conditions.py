import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.strategy.conditions import ConditionsMismatch, SymbolConditions
from operators.strategy.tables import ConditionTables
from operators.strategy.verdict import FALSE, PENDING, TRUE

A, B = "TWPA(t1=300,t2=0)", "VWAP(t1=300,t2=0)"
SPREAD = "SPREAD_PCT()"
IDS = (A, B, SPREAD)
NO_VALUE = math.nan
TRADES_ONLY = frozenset({"trades"})


def condition(indicator, op, value, **more):
    return {"indicator": indicator, "op": op, "value": value, **more}


ABOVE = condition("TWPA", ">=", 5)
SURGE = condition("VWAP", ">=", 2)


@pytest.fixture
def verdicts(strategy_of, evaluation_of):
    """S1's verdicts at these seconds, `a` and `b` being the values of TWPA and VWAP."""

    def run(when, seconds, a, b=None, spread=None, streams=None):
        tables = ConditionTables.of({"main": [strategy_of({"s1_signal": when})]})
        symbol = SymbolConditions(tables) if streams is None else SymbolConditions(tables, streams)
        nothing = [NO_VALUE] * len(seconds)
        values = [a, b or nothing, spread or nothing]
        return symbol.evaluate(evaluation_of(IDS, seconds, values))["main"][0].sections["s1_signal"].tolist()

    return run


@pytest.mark.parametrize(
    ("op", "value", "verdict"),
    [
        (">=", 5, TRUE),
        (">", 5, FALSE),
        ("<=", 5, TRUE),
        ("<", 5, FALSE),
        ("==", 5, TRUE),
        ("!=", 5, FALSE),
        ("between", [5, 6], TRUE),
        ("between", [4, 5], TRUE),
        ("outside", [5, 6], FALSE),
        ("outside", [6, 7], TRUE),
    ],
)
def test_a_value_of_exactly_5(verdicts, op, value, verdict):
    assert verdicts(condition("TWPA", op, value), [1], [5.0]) == [verdict]


@pytest.mark.parametrize("op", [">=", ">", "<=", "<", "==", "!="])
def test_no_value_is_pending_whatever_the_operator(verdicts, op):
    assert verdicts(condition("TWPA", op, 5), [1], [NO_VALUE]) == [PENDING]


# all(pump >= 5, surge >= 2), any, not: three-valued
@pytest.mark.parametrize(
    ("when", "a", "b", "verdict"),
    [
        ({"all": [ABOVE, SURGE]}, NO_VALUE, 1.0, FALSE),
        ({"all": [ABOVE, SURGE]}, 4.0, NO_VALUE, FALSE),
        ({"all": [ABOVE, SURGE]}, NO_VALUE, 2.0, PENDING),
        ({"all": [ABOVE, SURGE]}, 5.0, 2.0, TRUE),
        ({"all": [ABOVE, SURGE]}, NO_VALUE, NO_VALUE, PENDING),
        ({"any": [ABOVE, SURGE]}, 5.0, NO_VALUE, TRUE),
        ({"any": [ABOVE, SURGE]}, NO_VALUE, 2.0, TRUE),
        ({"any": [ABOVE, SURGE]}, 4.0, NO_VALUE, PENDING),
        ({"any": [ABOVE, SURGE]}, NO_VALUE, NO_VALUE, PENDING),
        ({"any": [ABOVE, SURGE]}, 4.0, 1.0, FALSE),
        ({"not": ABOVE}, NO_VALUE, 0.0, PENDING),
        ({"not": ABOVE}, 5.0, 0.0, FALSE),
        ({"not": ABOVE}, 4.0, 0.0, TRUE),
        ({"not": {"all": [ABOVE, {"not": SURGE}]}}, 5.0, NO_VALUE, PENDING),
        ({"not": {"any": [ABOVE, {"not": SURGE}]}}, 5.0, NO_VALUE, FALSE),
    ],
    ids=str,
)
def test_three_valued_groups(verdicts, when, a, b, verdict):
    assert verdicts(when, [1], [a], [b]) == [verdict]


def test_for_seconds_fires_at_the_first_instant_that_is_long_enough(verdicts):
    held = {**ABOVE, "for_seconds": 3}
    seconds = [0, 1, 2, 2.5, 3.999999, 4, 5]
    values = [4, 5, 6, 5, 9, 5, 5]
    assert verdicts(held, seconds, values) == [FALSE, FALSE, FALSE, FALSE, FALSE, TRUE, TRUE]


def test_a_value_holds_until_the_next_instant(verdicts):
    assert verdicts({**ABOVE, "for_seconds": 3}, [0, 100], [5, 5]) == [FALSE, TRUE]
    assert verdicts({**ABOVE, "for_seconds": 3}, [0, 100], [5, 4]) == [FALSE, FALSE]


def test_no_value_is_pending_and_resets_the_hold(verdicts):
    held = {**ABOVE, "for_seconds": 2}
    values = [5, 5, NO_VALUE, 5, 5, 5]
    assert verdicts(held, [0, 1, 2, 3, 4, 5], values) == [FALSE, FALSE, PENDING, FALSE, FALSE, TRUE]


def test_a_comparison_that_fails_resets_the_hold(verdicts):
    held = {**ABOVE, "for_seconds": 2}
    assert verdicts(held, [0, 1, 2, 3, 4, 5], [5, 5, 4, 5, 5, 5]) == [FALSE, FALSE, FALSE, FALSE, FALSE, TRUE]


def test_equal_times_do_not_count_for_a_hold(verdicts):
    assert verdicts({**ABOVE, "for_seconds": 1}, [0, 0, 0, 1], [5, 5, 5, 5]) == [FALSE, FALSE, FALSE, TRUE]


@pytest.mark.parametrize(("given_verdict", "verdict"), [("pending", PENDING), ("true", TRUE), ("false", FALSE)])
def test_a_stream_that_the_tape_does_not_have_gives_the_documents_verdict(verdicts, given_verdict, verdict):
    book = condition("SPREAD_PCT", "<", 1, if_no_stream=given_verdict, for_seconds=60)
    assert verdicts(book, [0, 1], [1, 1], streams=TRADES_ONLY) == [verdict, verdict]


@pytest.mark.parametrize("given_verdict", ["pending", "true", "false"])
def test_a_stream_that_merely_misses_a_value_is_pending(verdicts, given_verdict):
    book = condition("SPREAD_PCT", "<", 1, if_no_stream=given_verdict)
    assert verdicts(book, [0, 1], [1, 1], spread=[NO_VALUE, 0.5]) == [PENDING, TRUE]


def test_conditions_on_trades_are_not_touched_by_a_missing_book_stream(verdicts):
    assert verdicts({**ABOVE, "if_no_stream": "true"}, [0, 1], [4, NO_VALUE], streams=TRADES_ONLY) == [FALSE, PENDING]


def test_identical_conditions_are_computed_once_for_all_accounts(strategy_of):
    long = strategy_of({"s1_signal": {"all": [ABOVE, SURGE]}, "o1_cancel": {"not": ABOVE}}, "long")
    twin = strategy_of({"s1_signal": {"all": [condition("TWPA(t1=300)", ">=", 5.0), SURGE]}}, "twin")
    tables = ConditionTables.of({"one": [long, twin], "two": [long]})
    assert len(tables.conditions) == 2
    assert len(tables.starts) - 1 == 2  # one tree for both S1s, one for O1
    assert len(tables.strategies) == 2


def test_thresholds_holds_and_streams_keep_conditions_apart(strategy_of):
    kinds = [ABOVE, {**ABOVE, "op": ">"}, {**ABOVE, "for_seconds": 1}, {**ABOVE, "if_no_stream": "true"}]
    assert len(ConditionTables.of({"a": [strategy_of({"s1_signal": {"all": kinds}})]}).conditions) == 4


def test_every_account_gets_its_strategies_in_its_order(strategy_of, evaluation_of):
    one, two = strategy_of({"s1_signal": ABOVE}, "one"), strategy_of({"s1_signal": SURGE}, "two")
    symbol = SymbolConditions(ConditionTables.of({"x": [two, one], "y": [one], "z": []}))
    found = symbol.evaluate(evaluation_of(IDS, [0], [[5], [1], [0]]))
    assert [verdict.strategy for verdict in found["x"]] == ["two", "one"]
    assert [verdict.sections["s1_signal"].tolist() for verdict in found["x"]] == [[FALSE], [TRUE]]
    assert [verdict.strategy for verdict in found["y"]] == ["one"]
    assert found["z"] == ()


def test_position_values_are_pending_and_their_sections_left_out(strategy_of, evaluation_of):
    strategy = strategy_of(
        {
            "z1_entry": ABOVE,
            "ze1_close": {"any": [SURGE, condition("UNREALIZED_PNL_PCT", ">", 1)]},
            "e1_emergency": ABOVE,
        }
    )
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy]}))
    (found,) = symbol.evaluate(evaluation_of(IDS, [0, 1], [[5, 4], [2, 1], [0, 0]]))["main"]
    assert set(found.sections) == {"s1_signal", "z1_entry", "e1_emergency"}
    rows = {condition.path: found.conditions[condition.index].tolist() for condition in strategy.conditions}
    assert rows["$.ze1_close.when.any[0]"] == [TRUE, FALSE]
    assert rows["$.ze1_close.when.any[1]"] == [PENDING, PENDING]


def test_two_variants_of_one_kind_keep_separate_values(strategy_of, evaluation_of):
    short, long = "TWPA(t1=60,t2=0)", A
    when = {"all": [condition("TWPA(t1=60)", ">", 1), condition("TWPA", ">", 1)]}
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy_of({"s1_signal": when})]}))
    (found,) = symbol.evaluate(evaluation_of((short, long), [0], [[2], [0]]))["main"]
    assert found.conditions.tolist() == [[TRUE], [FALSE]]


def test_no_instants_give_empty_verdicts(strategy_of, evaluation_of):
    strategy = strategy_of({"s1_signal": {"all": [ABOVE, SURGE]}})
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy]}))
    (found,) = symbol.evaluate(evaluation_of(IDS, [], [[], [], []]))["main"]
    assert found.conditions.shape == (2, 0)
    assert found.sections["s1_signal"].shape == (0,)


def test_an_evaluation_without_a_needed_indicator_is_refused(strategy_of, evaluation_of):
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy_of({"s1_signal": SURGE})]}))
    with pytest.raises(ConditionsMismatch, match=r"no values of VWAP\(t1=300,t2=0\)"):
        symbol.evaluate(evaluation_of((A,), [0], [[1]]))


def test_two_symbols_never_share_a_hold(strategy_of, evaluation_of):
    tables = ConditionTables.of({"main": [strategy_of({"s1_signal": {**ABOVE, "for_seconds": 5}})]})
    first, second = SymbolConditions(tables), SymbolConditions(tables)
    first.evaluate(evaluation_of(IDS, [0], [[5], [0], [0]]))
    for symbol, verdict in ((first, TRUE), (second, FALSE)):
        (found,) = symbol.evaluate(evaluation_of(IDS, [5], [[5], [0], [0]]))["main"]
        assert found.sections["s1_signal"].tolist() == [verdict]


def test_holds_go_on_after_a_restart(strategy_of, evaluation_of):
    tables = ConditionTables.of({"main": [strategy_of({"s1_signal": {**ABOVE, "for_seconds": 5}})]})
    before = SymbolConditions(tables)
    before.evaluate(evaluation_of(IDS, [0], [[5], [0], [0]]))
    stored = pickle.loads(pickle.dumps(before.holds()))
    assert list(stored.values()) == [0]
    after = SymbolConditions(tables)
    after.resume(stored)
    (found,) = after.evaluate(evaluation_of(IDS, [5], [[5], [0], [0]]))["main"]
    assert found.sections["s1_signal"].tolist() == [TRUE]


def test_what_does_not_hold_is_not_stored(strategy_of, evaluation_of):
    strategy = strategy_of({"s1_signal": {"all": [{**ABOVE, "for_seconds": 5}, SURGE]}})
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy]}))
    symbol.evaluate(evaluation_of(IDS, [0], [[4], [9], [0]]))
    assert symbol.holds() == {}


def test_holds_of_other_strategies_are_refused(strategy_of, evaluation_of):
    one = SymbolConditions(ConditionTables.of({"main": [strategy_of({"s1_signal": {**ABOVE, "for_seconds": 5}})]}))
    one.evaluate(evaluation_of(IDS, [0], [[5], [0], [0]]))
    other = SymbolConditions(ConditionTables.of({"main": [strategy_of({"s1_signal": SURGE})]}))
    with pytest.raises(ConditionsMismatch, match="stored hold"):
        other.resume(one.holds())


# --- any tree, any tape, any slicing ----------------------------------------------------------------------------------


def slow_condition(strategy, c, ts, values, streams):
    """The page's sentences, one instant at a time."""
    verdicts, since = [], None
    for now, value in zip(ts, values, strict=True):
        if math.isnan(value):
            since = None
            verdicts.append(c.if_no_stream if c.indicator_id == SPREAD and "books" not in streams else PENDING)
            continue
        holds = {
            ">": value > c.low,
            ">=": value >= c.low,
            "<": value < c.low,
            "<=": value <= c.low,
            "==": value == c.low,
            "!=": value != c.low,
            "between": c.low <= value <= c.high,
            "outside": value < c.low or value > c.high,
        }[c.op]
        since = (now if since is None else since) if holds else None
        verdicts.append(TRUE if since is not None and now - since >= c.for_us else FALSE)
    return verdicts


def slow_tree(tree, at):
    kind, inner = tree
    if kind == "condition":
        return at(inner)
    if kind == "not":
        return {TRUE: FALSE, FALSE: TRUE, PENDING: PENDING}[slow_tree(inner, at)]
    verdicts = [slow_tree(part, at) for part in inner]
    decisive = FALSE if kind == "all" else TRUE
    if decisive in verdicts:
        return decisive
    return PENDING if PENDING in verdicts else 1 - decisive


VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, NO_VALUE])
CONDITIONS = st.builds(
    lambda indicator, op, low, width, held, given_verdict: condition(
        indicator,
        op,
        [low, low + width] if op in ("between", "outside") else low,
        for_seconds=held,
        if_no_stream=given_verdict,
    ),
    st.sampled_from(["TWPA", "VWAP", "SPREAD_PCT"]),
    st.sampled_from([">", ">=", "<", "<=", "==", "!=", "between", "outside"]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 0, 1, 2.5, 10]),
    st.sampled_from(["pending", "true", "false"]),
)
TREES = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds(lambda nodes: {"all": nodes}, st.lists(inner, min_size=1, max_size=4))
        | st.builds(lambda nodes: {"any": nodes}, st.lists(inner, min_size=1, max_size=4))
        | st.builds(lambda node: {"not": node}, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_slicing_gives_the_verdicts_of_the_page(data, strategy_of, evaluation_of):
    strategies = [strategy_of({"s1_signal": data.draw(TREES), "o1_cancel": data.draw(TREES)}, name) for name in "ab"]
    gaps = data.draw(st.lists(st.sampled_from([0, 0.5, 1, 1.5, 7]), min_size=1, max_size=30))
    seconds = np.cumsum(gaps).tolist()
    streams = data.draw(st.sampled_from([TRADES_ONLY, frozenset({"trades", "books"})]))
    values = np.array([[data.draw(VALUES) for _ in seconds] for _ in IDS])
    if "books" not in streams:
        values[2] = NO_VALUE
    cuts = sorted(data.draw(st.sets(st.integers(0, len(seconds)))) | {0, len(seconds)})

    tables = ConditionTables.of({"main": strategies})
    symbol = SymbolConditions(tables, streams)
    pieces = []
    for start, stop in pairwise(cuts):
        pieces.append(symbol.evaluate(evaluation_of(IDS, seconds[start:stop], values[:, start:stop]))["main"])
        if data.draw(st.booleans()):
            holds = symbol.holds()
            symbol = SymbolConditions(tables, streams)
            symbol.resume(holds)

    ts = [round(second * 1_000_000) for second in seconds]
    for place, strategy in enumerate(strategies):
        expected = [
            slow_condition(strategy, c, ts, values[IDS.index(c.indicator_id)], streams) for c in strategy.conditions
        ]
        found = np.concatenate([piece[place].conditions for piece in pieces], axis=1)
        assert found.tolist() == expected
        for section in ("s1_signal", "o1_cancel"):
            verdicts = np.concatenate([piece[place].sections[section] for piece in pieces])
            tree = strategy.trees[section]
            for i in range(len(ts)):
                assert verdicts[i] == slow_tree(tree, lambda c, i=i, rows=expected: rows[c][i])


def test_more_instants_than_a_block(strategy_of, evaluation_of):
    count = 5_000
    values = np.random.default_rng(3).normal(size=(3, count))
    symbol = SymbolConditions(ConditionTables.of({"main": [strategy_of({"s1_signal": {"all": [ABOVE, SURGE]}})]}))
    values[0] += 5
    values[1] += 2
    (found,) = symbol.evaluate(evaluation_of(IDS, range(count), values))["main"]
    assert np.array_equal(found.sections["s1_signal"] == TRUE, (values[0] >= 5) & (values[1] >= 2))
