"""The closest approach: nearest values, the time of each verdict, most conditions true at once."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators.desk.approaches import LOOKED_AT
from operators.desk.machine import State
from operators.strategy.verdict import FALSE, PENDING, TRUE

SECTIONS = ("s1_signal", "o1_cancel", "z1_entry", "ze1_close", "e1_emergency")


def approach(found: Any, section: str) -> tuple[Any, list[Any]]:
    """The section's own row and those of its conditions."""
    rows = [row for row in found.desk.approach_rows() if row.section == section]
    groups = [row for row in rows if row.TABLE == "group_approach"]
    return (groups[0] if groups else None), [row for row in rows if row.TABLE == "closest_approach"]


def two_conditions(bench: SimpleNamespace) -> Any:
    """S1: pump >= 9 and surge >= 3."""
    return bench.strategy(s1_signal={"when": {"all": [bench.when("s1", value=9), bench.when("o1", value=3)]}})


def test_nearest_values_the_time_of_each_verdict_and_what_was_missing(bench: SimpleNamespace) -> None:
    tape = bench.Tape().contract()
    for second, pump, surge in ((1, 8, None), (2, 8.5, 4), (3, 7, None), (4, 9, 2)):
        tape.trade(second, 100, s1=pump, o1=surge)
    group, (pump, surge) = approach(bench.run(tape, two_conditions(bench), to=6), "s1_signal")
    assert (pump.best_value, pump.best_at, pump.threshold) == (9, bench.us(4), 9)
    assert (pump.true_seconds, pump.false_seconds, pump.pending_seconds) == (2, 3, 0)
    assert (surge.best_value, surge.best_at) == (4, bench.us(2))
    assert (surge.true_seconds, surge.false_seconds, surge.pending_seconds) == (1, 2, 2)
    assert (surge.warmup_seconds, surge.missing_seconds, surge.no_stream_seconds) == (1, 1, 0)
    assert (group.max_true, group.at, group.conditions, group.looked_seconds) == (1, bench.us(2), 2, 5)
    assert json.loads(group.lacking) == ["$.s1_signal.when.all[0]"]
    assert group.until == bench.us(6)


def test_sections_that_were_never_looked_at_have_no_rows(bench: SimpleNamespace) -> None:
    tape = bench.Tape().contract().trade(1, 100)
    found = bench.run(tape)
    assert {row.section for row in found.desk.approach_rows()} == {"s1_signal"}


def test_a_tape_without_the_stream_is_told_apart(bench: SimpleNamespace) -> None:
    strategy = bench.strategy(s1_signal={"when": bench.when("spread", "<")})
    tape = bench.Tape().contract().trade(1, 100, spread=None).trade(5, 100)
    group, (spread,) = approach(bench.run(tape, strategy), "s1_signal")
    assert (spread.no_stream_seconds, spread.warmup_seconds, spread.missing_seconds) == (4, 0, 0)
    assert (spread.best_value, spread.best_at, spread.pending_seconds) == (None, None, 4)
    assert (group.max_true, group.looked_seconds) == (0, 4)


def test_position_values_count_too(bench: SimpleNamespace) -> None:
    """Bought at 100 with the second's trade, the best price is 104: 4 % up, less what fees take."""
    take = {"when": bench.when("UNREALIZED_PNL_PCT", ">=", 50.0)}
    strategy = bench.strategy(ze1_close=take)
    tape = bench.Tape().contract().trade(1, 100, s1=1, z1=1).trade(2, 100)
    for second, price in ((3, 102), (4, 104), (5, 101)):
        tape.trade(second, price)
    group, (profit,) = approach(bench.run(tape, strategy), "ze1_close")
    assert profit.best_at == bench.us(4)
    assert 3.8 < profit.best_value < 4
    assert group.max_true == 0
    assert profit.false_seconds == group.looked_seconds > 0


def away(op: str, low: float, high: float, value: float) -> float:
    """How far a value is from what is asked for."""
    return {
        ">": low - value,
        ">=": low - value,
        "<": value - low,
        "<=": value - low,
        "==": abs(value - low),
        "!=": -abs(value - low),
        "between": max(low - value, value - high),
        "outside": min(value - low, high - value),
    }[op]


def expected_rows(found: Any, evaluation: Any, verdicts: Any, strategy: Any, start: int, until: int) -> dict[str, Any]:
    """The same from the stored moves, instant by instant, in the most obvious way."""
    ts = evaluation.instants.ts.tolist()
    periods: list[tuple[str, int, int]] = []
    since, state = start, "INACTIVE"
    for move in found.of("state_transitions"):
        if move.from_state != move.to_state:
            periods.append((state, since, move.timestamp))
            since, state = move.timestamp, move.to_state
    open_from = (state, since, until)
    result: dict[str, Any] = {}
    for section in SECTIONS:
        conditions = [one for one in strategy.conditions if one.section == section]
        looked = [one for one in [*periods, open_from] if section in LOOKED_AT.get(State(one[0]), ())]
        seen: dict[int, int] = {}
        for _, begin, end in looked:
            inside = [i for i, at in enumerate(ts) if begin <= at <= end]
            for i, following in zip(inside, [*inside[1:], None], strict=True):
                seen[i] = max(seen.get(i, 0), (end if following is None else ts[following]) - ts[i])
        if not seen:
            continue
        most = max(seen, key=lambda i: (sum(verdicts[c.index, i] == TRUE for c in conditions), -i))
        result[section] = (
            sum(verdicts[c.index, most] == TRUE for c in conditions),
            ts[most],
            sum(seen.values()) / 1e6,
            [c.path for c in conditions if verdicts[c.index, most] != TRUE],
        )
        for c in conditions:
            values = evaluation.values[evaluation.indicator_ids.index(c.indicator_id)]
            known = [i for i in seen if not math.isnan(values[i])]
            best = min(known, key=lambda i: (away(c.op, c.low, c.high, values[i]), i), default=None)
            begun = next((i for i, value in enumerate(values) if not math.isnan(value)), len(values))

            def spent(verdict: int, c: Any = c, seen: dict[int, int] = seen) -> float:
                return sum(time for i, time in seen.items() if verdicts[c.index, i] == verdict) / 1e6

            warming = sum(time for i, time in seen.items() if i < begun) / 1e6
            result[c.path] = (
                None if best is None else values[best],
                None if best is None else ts[best],
                spent(TRUE),
                spent(FALSE),
                spent(PENDING),
                warming,
            )
    return result


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.01, 0.25, 1.0, 7.0]),
            st.sampled_from([95.0, 99.0, 100.0, 101.0, 107.0]),
            *[st.sampled_from([None, 0.0, 0.5, 1.0, 2.0, 3.0])] * 5,
        ),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from([">=", ">", "<", "==", "!=", "between", "outside"]),
    st.lists(st.integers(0, 100_000), max_size=5),
)
def test_it_is_what_the_stored_moves_and_the_values_say(
    bench: SimpleNamespace, events: list[Any], op: str, cuts: list[int]
) -> None:
    value: Any = [0.5, 2.0] if op in ("between", "outside") else 1.0

    def pair(name: str, other: str) -> dict[str, Any]:
        return {"when": {"all": [bench.when(name, op, value), bench.when(other, ">=", 1.0, for_seconds=0.3)]}}

    base = bench.strategy().document.model_dump(mode="json")
    strategy = bench.strategy(
        s1_signal=pair("s1", "o1"),
        o1_cancel={"timeout_seconds": 5, "cooldown_seconds": 1, **pair("o1", "e1")},
        z1_entry={**base["z1_entry"], "when": bench.when("z1", op, value)},
        ze1_close={"cooldown_seconds": 0, **pair("ze1", "z1")},
        e1_emergency={"cooldown_seconds": 1, **pair("e1", "s1")},
    )
    tape, second = bench.Tape().contract(), 0.0
    for gap, price, *levels in events:
        second += gap
        tape.trade(second, price, **dict(zip(("s1", "o1", "z1", "ze1", "e1"), levels, strict=True)))
    # nothing falls due at the very instant of a trade
    account = bench.account(order_latency_ms=3.333)
    found = bench.run(tape, strategy, account, cuts=[bench.START + 1_000 * cut for cut in cuts])
    ((_, (decisions,)),) = bench.slices(tape, [strategy])
    (verdicts,) = decisions.verdicts
    first, until = tape.ends()
    told: dict[str, Any] = {}
    for row in found.desk.approach_rows():
        if row.TABLE == "group_approach":
            told[row.section] = (row.max_true, row.at, row.looked_seconds, json.loads(row.lacking))
        else:
            told[row.condition] = (
                row.best_value,
                row.best_at,
                row.true_seconds,
                row.false_seconds,
                row.pending_seconds,
                row.warmup_seconds,
            )
            assert row.pending_seconds == pytest.approx(row.warmup_seconds + row.missing_seconds)
    expected = expected_rows(found, decisions.evaluation, verdicts.conditions, strategy, first, until)
    assert told.keys() == expected.keys()
    for key, values in told.items():
        assert values == pytest.approx(expected[key]) if key not in SECTIONS else values == expected[key], key
