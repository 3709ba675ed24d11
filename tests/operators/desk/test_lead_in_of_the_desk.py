"""What came before a period is remembered by the desk, and nothing of it is decided."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from operators.desk.desk import Desk
from operators.indicators.engine import without_instants
from operators.strategy.compiled import Decisions

FROM = 10.0
"""The second at which the period begins."""


def led_in(bench: SimpleNamespace, tape: Any, *, books: bool = False) -> SimpleNamespace:
    """A desk that is led in to `FROM`, with the rows of the lead-in and those of the period."""
    chosen = [bench.strategy()]
    streams = {symbol: frozenset({"trades", "books"} if books else {"trades"}) for symbol in tape.rows}
    desk = Desk(bench.account(), "test_session", chosen, sorted(tape.rows), streams)
    before, after = [], []
    for header, parts in bench.slices(tape, chosen, [bench.us(5), bench.us(FROM) - 1], streams=streams):
        if header.to_ts >= bench.us(FROM):
            after += desk.on_slice(header, parts)
            continue
        header = replace(header, lead_in=True)
        batches = [replace(part.evaluation.batch, header=header) for part in parts]
        ids = parts[0].evaluation.indicator_ids
        before += desk.on_slice(
            header, [Decisions("main", without_instants(batch, ids, with_cover=False), ()) for batch in batches]
        )
        stored = desk.snapshot()
        desk = Desk(bench.account(), "test_session", chosen, sorted(tape.rows), streams)
        desk.restore(stored)
    return SimpleNamespace(desk=desk, before=before, after=after)


def triggers(run: SimpleNamespace) -> list[str]:
    return [row.trigger for row in run.after if row.TABLE == "state_transitions"]


def test_contract_and_price_are_known_and_the_first_row_is_the_periods(bench):
    tape = bench.Tape().contract().trade(1, 100.0, s1=1).trade(4, 101.0, s1=0)
    tape.trade(12, 102.0, s1=1, z1=1).trade(13, 103.0).trade(14, 104.0)
    run = led_in(bench, tape)
    assert run.before == []
    assert triggers(run)[:3] == ["activated", "s1", "z1"]
    assert [row for row in run.after if row.TABLE == "fills"]
    assert min(row.timestamp for row in run.after) == bench.us(FROM) - 1  # what the account starts with


def test_a_book_of_before_is_in_force(bench):
    tape = bench.Tape().contract().trade(1, 100.0)
    tape.book(2, [(99.0, 500.0)], [(101.0, 500.0)])
    tape.trade(12, 100.0, s1=1, z1=1).trade(13, 100.0)
    (fill,) = [row for row in led_in(bench, tape, books=True).after if row.TABLE == "fills"]
    assert fill.price == 101.0


@pytest.mark.parametrize("symbol", ["ABC_USDT", ""], ids=["the symbol's", "everybody's"])
@pytest.mark.parametrize("allowed_again", [False, True])
def test_blocked_entries_stay_blocked(bench, symbol, allowed_again):
    tape = bench.Tape().contract().trade(1, 100.0).event(2, "entries_blocked", {}, symbol)
    if allowed_again:
        tape.event(7, "entries_allowed", {}, symbol)
    tape.trade(12, 100.0, s1=1, z1=1).trade(13, 100.0)
    assert ("z1" in triggers(led_in(bench, tape))) == allowed_again


def test_commands_of_before_are_not_for_this_run(bench):
    tape = bench.Tape().contract().trade(1, 100.0).event(2, "command", {"command": "kill_switch"}, "")
    tape.event(3, "command", {"command": "stop"})
    tape.trade(12, 100.0, s1=1, z1=1).trade(13, 100.0)
    assert "z1" in triggers(led_in(bench, tape))


def test_a_settlement_that_was_announced_before_is_paid_when_it_comes(bench):
    tape = bench.Tape().contract().trade(1, 100.0)
    for announced, settled_at in ((2, 8), (3, 20)):
        payload = {"rate": 0.001, "next_settle_ts": bench.us(settled_at), "settled": False}
        tape.event(announced, "funding", payload)
    tape.trade(12, 100.0, s1=1, z1=1).trade(13, 100.0).trade(25, 110.0)
    run = led_in(bench, tape)
    position = [row for row in run.after if row.TABLE == "positions"][-1]
    assert position.funding == pytest.approx(0.001 * 10 * 100)
