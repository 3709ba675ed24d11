"""The desk step: whole slices in order, whatever order their parts come in."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace

import pytest
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from operators.desk.desk import Desk, DeskError
from operators.desk.step import DeskLogic, by_table, desk


def parts_of(bench):
    """Slices of two symbols, and a desk builder."""
    strategy, settings, other = bench.strategy(), bench.account(), "XYZ_USDT"
    tape = bench.Tape(grid=1.0).contract(bench.ABC, other)
    for second in range(1, 40):
        s1, z1, e1 = second % 7 == 0, second % 3 == 0, second % 11 == 0
        side = 1 if second % 2 else -1
        tape.trade(second, 100 + second % 5, 30, side, s1=s1, z1=z1, e1=e1)
        tape.trade(second + 0.5, 50, 90, -side, other, s1=z1, z1=s1, e1=e1)
    found = bench.slices(tape, [strategy], [bench.us(s) for s in range(0, 40, 3)])

    streams = {symbol: frozenset({"trades"}) for symbol in (bench.ABC, other)}

    def build(account):
        assert account == "main"
        return Desk(settings, "test_session", [strategy], [bench.ABC, other], streams)

    return found, build


def test_parts_of_several_slices_may_come_in_any_order(bench):
    found, build = parts_of(bench)
    whole = build("main")
    expected = [row for header, parts in found for row in whole.on_slice(header, parts)]
    items = [part for _, parts in found for part in parts]
    random.Random(1).shuffle(items)
    rows, retained = DeskLogic(build).on_batch(items)
    assert retained is False
    assert dict(rows) == dict(by_table(expected))
    assert len(dict(rows)["fills"]) >= 4


def test_a_snapshot_keeps_the_parts_of_slices_that_are_not_whole(bench):
    found, build = parts_of(bench)
    items = [part for _, parts in found for part in parts]
    random.Random(2).shuffle(items)
    expected = dict(DeskLogic(build).on_batch(items)[0])
    rows = []
    logic = DeskLogic(build)
    for item in items:
        rows += [row for _, some in logic.on_batch([item])[0] for row in some]
        logic = DeskLogic(build, pickle.loads(pickle.dumps(logic.snapshot())))
    tables = dict(by_table(rows))
    assert tables["fills"] == expected["fills"]
    assert tables["state_transitions"] == expected["state_transitions"]


def test_every_source_must_have_sent_its_parts(bench):
    found, build = parts_of(bench)
    header, parts = found[0]
    two = [
        replace(
            part,
            evaluation=replace(
                part.evaluation,
                batch=replace(part.evaluation.batch, header=replace(header, source=place, sources=2, parts=1)),
            ),
        )
        for place, part in enumerate(parts)
    ]
    logic = DeskLogic(build)
    assert list(logic.on_batch(two[:1])[0]) == []
    assert list(logic.on_batch(two[1:])[0])


def test_parts_of_a_decided_slice_are_an_error(bench):
    found, build = parts_of(bench)
    logic = DeskLogic(build)
    logic.on_batch(found[0][1])
    with pytest.raises(DeskError, match="came after the slice was decided"):
        logic.on_batch(found[0][1])


def test_slices_must_follow_one_another(bench):
    found, build = parts_of(bench)
    one = build("main")
    one.on_slice(*found[0])
    with pytest.raises(DeskError, match="starts after"):
        one.on_slice(*found[2])


def test_verdicts_of_other_strategies_are_an_error(bench):
    found, _ = parts_of(bench)
    other = Desk(bench.account(), "test_session", [bench.strategy("other")], [], {})
    with pytest.raises(DeskError, match="verdicts of test on ABC_USDT; allowed: those of other"):
        other.on_slice(*found[1])


def test_a_snapshot_of_another_version_is_refused(bench):
    _, build = parts_of(bench)
    with pytest.raises(DeskError, match="version 99; allowed: 2"):
        build("main").restore({**build("main").snapshot(), "version": 99})


def test_in_a_dataflow(bench):
    found, build = parts_of(bench)
    items = [("main", part) for _, parts in found for part in parts]
    out: list = []
    flow = Dataflow("test")
    stream = op.input("input", flow, TestingSource(items, batch_size=3))
    op.output("output", desk("desk", stream, build), TestingSink(out))
    run_main(flow)
    logic_rows = [row for _, rows in DeskLogic(build).on_batch([part for _, part in items])[0] for row in rows]
    assert [row for table, rows in out for row in rows if table == "fills"] == [
        row for row in logic_rows if row.TABLE == "fills"
    ]
