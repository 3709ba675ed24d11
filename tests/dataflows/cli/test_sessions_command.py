"""`tapeflow sessions`: runs that can be told apart, in words."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from dataflows.cli.session_tables import facts_table, life_table, session_fields, sessions_table
from dataflows.sessions.present import PresentSession
from operators.session import SessionRecord, Status

START = 1_794_009_600_000_000  # 2026-11-07 00:00:00 UTC
HOUR = 3_600_000_000


def record(number: int, *accounts: tuple[str, list[str]], replayed: float = 1.0, status=Status.STOPPED):
    config = {
        "accounts": json.dumps([{"name": name, "strategies": strategies} for name, strategies in accounts]),
        "to_ts": START + 6 * HOUR,
        "recovery": True,
        "slice_rows": 65_536,
        "evaluation_interval_us": 1_000_000,
    }
    return SessionRecord(
        session_id=f"backtest_20261122_153000_{number:08}",
        mode="backtest",
        status=status,
        symbols=("A_USDT", "B_USDT"),
        config=json.dumps(config),
        start_time=START + 12 * HOUR,
        end_time=START + 12 * HOUR + 5_000_000,
        tape_from=START - 1,
        tape_to=START + round(replayed * 6 * HOUR),
        prices_count=1_234_567,
        strategy_hashes='{"pump_follow_long": "ab06"}',
    )


def printed(what, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(what)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_tells_strategies_returns_and_what_was_stopped_early(width: int):
    records = [
        record(1, ("main", ["pump_follow_long"])),
        record(2, ("a", ["pump_follow_long"]), ("b", ["peak_fade_short"]), replayed=0.5),
        record(
            3, *((f"variant_{i}", ["pump_follow_long", "peak_fade_short"]) for i in range(6)), status=Status.RUNNING
        ),
        SessionRecord("import_20210112_210006_3e72c5aa", "import", Status.FAILED),
    ]
    returns = {(records[0].session_id, "main"): 5.55, (records[1].session_id, "b"): -1.25}
    text = printed(sessions_table(map(PresentSession, records), returns, width), width)
    lines = text.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert lines[1].rstrip().endswith("+5.55 %")
    assert "11-07 12:00" in lines[1]
    assert lines[2].strip() == "pump_follow_long"
    assert lines[4].split() == ["a:", "pump_follow_long", "at", "50", "%"]
    assert lines[5].split() == ["b:", "peak_fade_short", "-1.25", "%"]
    assert "and 2 more accounts" in text


def test_the_list_for_machines_has_accounts_and_the_share():
    fields = session_fields(PresentSession(record(1, ("main", ["x"]), replayed=0.25)), {})
    assert fields["accounts"] == [{"account": "main", "strategies": ("x",), "return_pct": None}]
    assert fields["replayed_share"] == pytest.approx(0.25)


def test_a_session_is_shown_in_words():
    text = printed(facts_table(PresentSession(record(1, ("main", ["pump_follow_long"]), replayed=0.5))))
    assert "STOPPED at 50 %" in text
    assert "2026-11-07 00:00:00 to 03:00:00 UTC (3 h 00 m)" in text
    assert "pump_follow_long, document ab06" in text
    assert "rows per slice 65,536; seconds between grid instants 1; recovery on" in " ".join(text.split())
    assert "{" not in text
    assert "_hashes" not in text


def test_a_life_without_errors_has_no_column_for_them():
    fine = SessionRecord("s", "backtest", Status.RUNNING, START, cause="running")
    failed = SessionRecord("s", "backtest", Status.FAILED, START, cause="failed", error="[x] is away")
    assert "error" not in printed(life_table([fine]))
    assert "[x] is away" in printed(life_table([fine, failed]))
