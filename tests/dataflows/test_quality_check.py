"""The preflight of a backtest: how completely its tape was recorded, and `--min-quality`."""

from __future__ import annotations

import pytest

from connectors.questdb.database import Database
from connectors.questdb.writer import TableWriter
from connectors.simulated.parameters import MarketParameters
from dataflows.generating import GeneratedSession, generate

HALF_HOUR = 1_800_000_000


@pytest.fixture(scope="module")
def gappy(database: Database) -> GeneratedSession:
    """An hour of two symbols; the trades of the first were not observed for six minutes."""
    market = generate(database, MarketParameters(symbols=2, trades=3_000, hours=1.0, pumps=0, books=False, seed=404))
    start = market.tape_from + HALF_HOUR
    with TableWriter(database, "data_gaps") as writer:
        writer.write(
            {
                "timestamp": [start],
                "session_id": [market.session_id],
                "symbol": [market.symbols[0]],
                "stream": ["trades"],
                "end_ts": [start + 360_000_000],
                "cause": ["disconnected: pong overdue"],
                "recovered": [12],
                "lost_estimate": [3],
            }
        )
    database.wait_applied("data_gaps")
    return market


def test_the_quality_of_a_recording_is_said_symbol_by_symbol_the_worst_first(gappy, tapeflow) -> None:
    found = tapeflow("sessions", "quality", gappy.session_id, "--json").finished
    worst, best = found["symbols"]
    assert worst["symbol"] == gappy.symbols[0]
    assert worst["score"] == pytest.approx(90.0, abs=0.1)
    assert worst["connected_pct"] == pytest.approx(90.0, abs=0.1)
    assert (worst["gaps"], worst["recovered"], worst["lost_estimate"]) == (1, 12, 3)
    assert (best["score"], best["gaps"]) == (100.0, 0)


def test_the_report_for_people_names_the_formula(gappy, tapeflow) -> None:
    text = tapeflow("sessions", "quality", gappy.session_id).out
    assert "score = 100 × time with every stream healthy / time recorded" in text
    assert gappy.symbols[0] in text


def test_the_report_has_room_in_80_columns_and_says_why_the_score_is_not_100(gappy, tapeflow) -> None:
    lines = tapeflow("sessions", "quality", gappy.session_id, env={"COLUMNS": "80"}).out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    cause = next(line for line in lines if line.startswith("disconnected: pong overdue"))
    assert cause.split()[3:] == ["1", "1", "6", "m", "00", "s", "6", "m", "00", "s"]


def test_a_symbol_that_the_session_has_not_is_refused(gappy, tapeflow) -> None:
    said = tapeflow("sessions", "quality", gappy.session_id, "--symbol", "NOPE", expect=2).err
    assert f"session {gappy.session_id} has no symbol 'NOPE'" in said


def test_a_backtest_says_what_its_tape_lacks(gappy, tapeflow) -> None:
    said = tapeflow("backtest", gappy.session_id, "-s", "pump_follow_long").err
    assert f"worst {gappy.symbols[0]} 89.9" in said or f"worst {gappy.symbols[0]} 90.0" in said
    assert "1 gap, the longest 360.0 s" in said


def test_a_tape_below_the_least_quality_is_refused_with_the_symbol(gappy, tapeflow) -> None:
    said = tapeflow("backtest", gappy.session_id, "-s", "pump_follow_long", "--min-quality", "95", expect=2).err
    assert f"{gappy.symbols[0]} was recorded with a quality of" in said
    assert "below --min-quality 95" in said


def test_the_period_that_is_asked_for_is_what_counts(gappy, tapeflow) -> None:
    from datetime import UTC, datetime

    start = datetime.fromtimestamp(gappy.tape_from / 1e6, UTC)
    end = datetime.fromtimestamp((gappy.tape_from + HALF_HOUR - 60_000_000) / 1e6, UTC)
    tapeflow(
        *("backtest", gappy.session_id, "-s", "pump_follow_long", "--min-quality", "99"),
        *("--period", start.isoformat(), end.isoformat()),
    )


def test_a_least_quality_outside_its_range_is_refused(gappy, tapeflow) -> None:
    said = tapeflow("backtest", gappy.session_id, "-s", "pump_follow_long", "--min-quality", "101", expect=2).err
    assert "--min-quality is 101; allowed: 0 to 100" in said
