"""Indicator values of a session in the database: the right ones, each once, and nothing else changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest

from dataflows.computing import compute_indicators
from dataflows.preparing import BacktestRequest, StartRefused, prepare_backtest
from dataflows.recording import in_words, market_variants, most_rows
from dataflows.report import ResultTables
from dataflows.sessions.plan import BacktestPlan
from operators.statistics import differences
from operators.strategy.system_variants import SYSTEM_NAMES

SECOND = 1_000_000
Values = dict[tuple[str, str], list[tuple[int, int | None, float | None, float]]]
"""(ts, seq, value, cover) in tape order by (symbol, indicator)."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run planned, decided and stored of its indicators."""

    plan: BacktestPlan
    decided: ResultTables
    values: Values

    @property
    def rows(self) -> int:
        return sum(map(len, self.values.values()))


Record = Callable[..., Recorded]


@pytest.fixture(scope="module")
def stored(database) -> Callable[[str], Values]:
    """What a session has stored."""

    def read(session_id: str) -> Values:
        database.wait_applied("indicators")
        values: Values = defaultdict(list)
        for symbol, indicator, *row in database.query(
            "SELECT symbol, indicator_id, timestamp::long, seq, value, confidence FROM indicators "
            "WHERE session_id = %s ORDER BY timestamp",
            (session_id,),
        ):
            values[symbol, indicator].append(tuple(row))
        # at one ts the grid comes last
        for rows in values.values():
            rows.sort(key=lambda row: (row[0], row[1] is None, row[1] or 0))
        return dict(values)

    return read


@pytest.fixture(scope="module")
def record(database, database_home, market, run_plan, stored) -> Record:
    """Runs a backtest of the first symbols of the generated market, by default of its first pump."""

    def run(which: str, every: str = "grid", *, stops: Any = (), symbols: int = 1, **options: Any) -> Recorded:
        request = BacktestRequest(
            market.session_id,
            ("pump_follow_long",),
            symbols=tuple(market.symbols[:symbols]),
            record_indicators=which,
            record_every=every,
            **options,
        )
        plan, _ = prepare_backtest(database, database_home, None, request)
        decided = run_plan(plan, stops)
        return Recorded(plan, decided, stored(plan.session_id))

    return run


@pytest.fixture(scope="module")
def on_grid(record) -> Recorded:
    return record("used")


@pytest.fixture(scope="module")
def on_change(record) -> Recorded:
    return record("used", "change")


@pytest.fixture(scope="module")
def computed(database, market, on_grid, tmp_path_factory) -> dict[str, list[tuple[int, int | None, float | None]]]:
    """(ts, seq, value) at every instant of the first symbol by indicator, from `indicators compute`."""
    file = tmp_path_factory.mktemp("values") / "values.parquet"
    compute_indicators(database, market.session_id, market.symbols[0], on_grid.plan.indicators, file)
    table = pq.read_table(file)
    instants = list(zip(table["ts"].to_pylist(), table["seq"].to_pylist(), strict=True))
    return {
        name: [(*instant, value) for instant, value in zip(instants, table[name].to_pylist(), strict=True)]
        for name in on_grid.plan.indicators
    }


def without_repeats(rows: list[tuple], *, missing_only: bool) -> list[tuple]:
    """The rows whose value is another than that of the row before; where `missing_only`, all that have one."""
    return [
        row
        for at, row in enumerate(rows)
        if at == 0 or row[2] != rows[at - 1][2] or (missing_only and row[2] is not None)
    ]


def test_nothing_is_recorded_unless_wanted(record):
    assert record("none").values == {}


def test_on_the_grid_every_instant_has_its_value(on_grid, computed):
    assert {indicator for _, indicator in on_grid.values} == set(on_grid.plan.indicators) == set(computed)
    for (_, indicator), rows in on_grid.values.items():
        expected = [row for row in computed[indicator] if row[1] is None]
        assert [row[:3] for row in rows] == without_repeats(expected, missing_only=True)
    assert on_grid.rows <= most_rows(on_grid.plan)


def test_every_minute_of_the_grid(record, computed):
    recorded = record("used", "60")
    assert "every 60 s of the grid" in in_words(recorded.plan.recorded, recorded.plan.record_every_us)
    for (_, indicator), rows in recorded.values.items():
        expected = [row for row in computed[indicator] if row[1] is None and row[0] % (60 * SECOND) == 0]
        assert [row[:3] for row in rows] == without_repeats(expected, missing_only=True)


def test_on_change_the_whole_course_is_there(on_change, computed):
    for (_, indicator), rows in on_change.values.items():
        assert [row[:3] for row in rows] == without_repeats(computed[indicator], missing_only=False)


def test_the_cover_is_the_observed_share_of_the_window(on_grid):
    covers = [row[3] for rows in on_grid.values.values() for row in rows]
    assert min(covers) < 0.95 <= max(covers) <= 1.0
    for rows in on_grid.values.values():
        assert all(row[3] >= 0.95 for row in rows if row[2] is not None)


def test_recording_does_not_change_what_is_decided(record, on_grid, on_change):
    plain = record("none").decided
    assert plain.signals
    for recorded in (on_grid, on_change, record("all", "60")):
        assert differences(plain.by_table(), recorded.decided.by_table()) == []


def test_all_are_those_in_use_and_every_variant_on_market_data(record, on_grid):
    everything = record("all", "60")
    recorded = set(everything.plan.recorded)
    assert recorded >= {*on_grid.plan.indicators, *SYSTEM_NAMES.values()}
    assert {indicator for _, indicator in everything.values} == recorded
    assert everything.plan.indicators == on_grid.plan.indicators


def test_rows_that_come_twice_are_there_once(run_plan, stored, on_change):
    assert any(row[1] is None for rows in on_change.values.values() for row in rows)
    run_plan(on_change.plan)
    assert stored(on_change.plan.session_id) == on_change.values


@pytest.mark.parametrize("every", ["grid", "change"])
def test_slices_and_restarts_store_the_same_rows_once(record, on_grid, on_change, every):
    whole = on_grid if every == "grid" else on_change
    cut = record("used", every, slice_rows=500)
    assert cut.values == whole.values
    stopped = record("used", every, slice_rows=500, stops=(3, 11, 20), recovery=True)
    assert stopped.values == whole.values


def test_what_cannot_be_meant_is_refused_with_everything_else(database, database_home, market):
    request = BacktestRequest(
        market.session_id, ("pump_follow_long",), record_indicators="some", record_every="1.5", slice_rows=0
    )
    with pytest.raises(StartRefused) as refused:
        prepare_backtest(database, database_home, None, request)
    assert len(refused.value.problems) == 3
    assert "--record-indicators is 'some'; allowed: none, used, all" in str(refused.value)
    assert "--record-every is '1.5'; allowed: grid, change, or seconds of the grid, a multiple of 1" in str(
        refused.value
    )


def test_when_to_record_without_what_is_refused(database, database_home, market):
    request = BacktestRequest(market.session_id, ("pump_follow_long",), record_every="10")
    with pytest.raises(StartRefused, match="nothing is recorded; add --record-indicators used or all"):
        prepare_backtest(database, database_home, None, request)


def test_without_a_grid_only_changes_can_be_recorded(database, database_home, market):
    request = BacktestRequest(
        market.session_id, ("pump_follow_long",), record_indicators="used", evaluation_interval_us=0
    )
    with pytest.raises(StartRefused, match="there is no grid; allowed: change"):
        prepare_backtest(database, database_home, None, request)


def test_a_variant_that_cannot_be_computed_is_named():
    problems: list[str] = []
    variants = {"mine": "TWPA(t9=1)", "age": "SIGNAL_AGE_SECONDS", "good": "TWPA", "same": "TWPA(t1=300)"}
    assert market_variants(variants, problems) == ("TWPA(t1=300,t2=0)",)
    (problem,) = problems
    assert problem.startswith("the variant mine cannot be recorded: ")


def test_a_session_tells_what_it_recorded(tapeflow, market):
    run = ("backtest", market.session_id, "--strategy", "pump_follow_long", "--symbol", market.symbols[0])
    done = tapeflow(*run, "--record-indicators", "used", "--record-every", "10", "--workers", "2", "--json").finished
    said = tapeflow("sessions", "show", done["session_id"])
    facts = tapeflow("sessions", "show", done["session_id"], "--json").finished["session"]
    assert facts["recorded_rows"] > 500
    assert f"every 10 s of the grid: {facts['recorded_rows']:,} rows" in said.out
    assert "SPREAD_PCT()" in said.out
