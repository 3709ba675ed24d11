"""The report in the README is what the program prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.database
def test_the_report_in_the_readme_is_an_excerpt_of_the_real_one(
    program, monkeypatch, database, database_home, pump_tape
):
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))
    monkeypatch.setattr("dataflows.cli.running.console.width", 80)
    session_id = json.loads(program("import", pump_tape, "--json").out)["session_id"]
    report = program("backtest", session_id, "--strategy", "pump_follow_long", "--equity", "1").out
    printed = iter([line.rstrip() for line in report.splitlines()])
    text = README.read_text(encoding="utf-8")
    [excerpt] = [block for block in text.split("```text\n")[1:] if block.startswith("Statistics")]
    for line in excerpt.partition("\n```")[0].splitlines():
        if line.strip() != "...":
            assert any(line == other for other in printed), f"not printed, or not in this order: {line!r}"
