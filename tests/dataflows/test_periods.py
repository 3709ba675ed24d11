"""A period that starts inside the tape: decided as in the run over the whole tape, and nothing before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dataflows.preparing import BacktestRequest
from dataflows.report import ResultTables
from operators.desk.account import parse_accounts
from operators.statistics import differences

MICROSECONDS = 1_000_000
LONGEST_SECONDS = 660
"""The longest window of the accounts' strategies: what a period needs of the tape before it."""


def text(us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat()


def from_then_on(tables: ResultTables, start: int) -> dict:
    """The rows of a result from `start` on, without the activation of strategies, which is where a run begins."""
    return {
        name: [row for row in rows if row.timestamp >= start and getattr(row, "trigger", "") != "activated"]
        for name, rows in tables.by_table().items()
    }


def told(tables: ResultTables) -> list[tuple]:
    """What was decided on the market alone, with values and evidence."""
    sections = {"S1_SIGNAL", "O1_CANCEL", "Z1_ENTRY"}
    return sorted(
        (row.timestamp, row.symbol, row.section, row.indicator_values)
        for row in tables.signals
        if row.section in sections
    ) + sorted(
        (row.timestamp, row.symbol, row.trigger, row.conditions)
        for row in tables.transitions
        if row.trigger in ("s1", "o1", "z1")
    )


Decide = Callable[..., ResultTables]


@pytest.fixture(scope="module")
def decide(run_here, market, accounts) -> Decide:
    """What is decided on the generated market from one instant (µs) to another, by default over the whole tape."""
    settings = parse_accounts(accounts.read_text())

    def run(start: int = 0, end: int = market.tape_to, *, stops=(), **options) -> ResultTables:
        request = BacktestRequest(market.session_id, accounts=settings, period=(start, end), **options)
        return run_here(request, stops)

    return run


@pytest.fixture(scope="module")
def whole(decide) -> ResultTables:
    return decide()


@pytest.fixture(scope="module")
def early(market, whole) -> int:
    """An instant before anything has been decided, of which the tape before is longer than the longest window."""
    start = market.tape_from + (LONGEST_SECONDS + 60) * MICROSECONDS
    assert start < min(signal.timestamp for signal in whole.signals)
    return start


@pytest.fixture(scope="module")
def period(decide, early) -> ResultTables:
    return decide(early)


@pytest.fixture(scope="module")
def soon(market) -> int:
    """An instant after the first pump has been decided on."""
    return market.pumps[0]["onset"] + 120 * MICROSECONDS


def test_a_period_decides_what_the_whole_tape_decides_there(whole, period, early):
    assert {row.section for row in period.signals} >= {"S1_SIGNAL", "Z1_ENTRY"}
    assert period.fills
    assert differences(from_then_on(whole, early), from_then_on(period, early)) == []


def test_nothing_happens_before_a_period(period, early):
    times = {name: min(row.timestamp for row in rows) for name, rows in period.by_table().items() if rows}
    assert times.pop("equity") == early - 1  # what the account starts with
    assert min(times.values()) >= early


@pytest.mark.parametrize("slice_rows", [1_000, 64_000])
def test_a_period_does_not_depend_on_slices(decide, period, early, slice_rows):
    assert differences(period.by_table(), decide(early, slice_rows=slice_rows).by_table()) == []


def test_a_short_period_decided_one_row_at_a_time(decide, early, soon):
    rows, slices = (decide(early, soon, slice_rows=size) for size in (1, 1_000))
    assert slices.signals
    assert differences(slices.by_table(), rows.by_table()) == []


@pytest.mark.parametrize(
    "options",
    [("--workers", "2"), ("--recovery", "--epoch-seconds", "0.2", "--speed", "6000")],
    ids=["two processes", "paced with recovery"],
)
def test_a_period_does_not_depend_on_how_the_session_runs(tapeflow, results, market, accounts, period, early, options):
    ends = ("--period", text(early), text(market.tape_to))
    run = tapeflow("backtest", market.session_id, "--accounts", str(accounts), *ends, *options, "--json").finished
    assert differences(period.by_table(), results(run["session_id"]).by_table()) == []


def test_a_period_late_in_the_tape_gives_the_same_signals_for_the_same_reasons(whole, decide, market):
    """Money differs, because earlier trades are not its own."""
    start = market.pumps[3]["onset"] - 60 * MICROSECONDS
    expected = ResultTables(
        transitions=tuple(row for row in whole.transitions if row.timestamp >= start),
        signals=tuple(row for row in whole.signals if row.timestamp >= start),
    )
    assert 0 < len(expected.signals) < len(whole.signals)
    assert told(decide(start)) == told(expected)


def test_a_period_that_starts_within_the_longest_window_knows_the_tape_from_its_head(whole, decide, market):
    start = market.tape_from + 30 * MICROSECONDS
    assert differences(from_then_on(whole, start), from_then_on(decide(start), start)) == []


def test_both_ends_belong_to_the_period(whole, decide, market):
    """The head of the tape as it is shown: nothing is left out."""
    assert differences(whole.by_table(), decide(market.tape_from + 1).by_table()) == []


def test_restarts_in_the_lead_in_and_after_it_change_nothing(decide, early, soon):
    """Stopped and started again after these numbers of slices, from the first row of the lead-in on."""
    undisturbed = decide(early, soon, slice_rows=700)
    restarted = decide(early, soon, slice_rows=700, stops=(1, 2, 4, 7, 10, 11, 12))
    assert undisturbed.signals
    assert differences(undisturbed.by_table(), restarted.by_table()) == []


def test_a_real_pump_fires_at_the_same_instant_in_a_period_before_it(tapeflow, run_here, pump_tape):
    session = tapeflow("import", str(pump_tape), "--format", "auto", "--json").finished["session_id"]
    start, end = 1_610_654_400 * MICROSECONDS, 1_610_665_200 * MICROSECONDS

    def pump(since: int, **options) -> ResultTables:
        return run_here(BacktestRequest(session, ("pump_follow_long",), equity=1.0, period=(since, end), **options))

    whole, period, rows = pump(0), pump(start), pump(start, slice_rows=1)
    first = period.signals[0]
    assert (text(first.timestamp), first.section) == ("2021-01-14T21:00:01.491000+00:00", "S1_SIGNAL")
    assert json.loads(first.indicator_values)["COUNT_TRADES(t1=30,t2=0)"] == 128
    assert differences(from_then_on(whole, start), from_then_on(period, start)) == []
    assert differences(period.by_table(), rows.by_table()) == []
