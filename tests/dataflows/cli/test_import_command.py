"""`tapeflow import`: which exit code means what, and two of them at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from dataflows.sessions.control import running_sessions, sole_worker
from dataflows.sessions.folder import SessionFolder

pytestmark = pytest.mark.database
ROWS = "symbol,timestamp,datetime,side,price,amount,id\n" + "".join(
    f"X/USDT,{1_610_000_000_000 + i * 1000},,buy,1.5,{i + 1},{i}\n" for i in range(50)
)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    file = tmp_path / "tape.csv"
    # a price of its own makes the content, and with it the session, this test's own
    file.write_text(ROWS.replace(",1.5,", f",1.{uuid.uuid4().int % 10**6:06},"))
    return file


@pytest.fixture(autouse=True)
def home(database_home: Path, database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of this module use the shared database."""
    monkeypatch.setenv("TAPEFLOW_HOME", str(database_home))


def test_what_cannot_be_meant_ends_with_2_and_what_is_wrong_with_a_file_with_1(program, tmp_path: Path):
    assert "there is no file" in program("import", tmp_path / "none.csv", expect=2).err
    assert "is a folder" in program("import", tmp_path, expect=2).err
    (tmp_path / "empty.csv").write_text("")
    assert "empty.csv is empty" in program("import", tmp_path / "empty.csv", expect=1).err


def test_importing_again_shows_no_time_of_nothing(program, tape: Path):
    first, again = program("import", tape).out, program("import", tape).out
    assert "rows/s" in first
    assert "have been imported before" in again
    assert "rows/s" not in again


def test_a_second_import_of_the_same_waits_for_the_first(program, environment, database_home, tape: Path):
    done = json.loads(program("import", tape, "--json").out)
    folder = SessionFolder.of(database_home, done["session_id"])
    with sole_worker(folder):
        assert done["session_id"] in running_sessions(database_home)
        assert "in its own terminal" in program("stop", done["session_id"], expect=2).err
        second = subprocess.Popen(
            [sys.executable, "-P", "-m", "dataflows.cli.main", "import", str(tape), "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert f"Another process is writing {done['session_id']}" in second.stderr.readline()
        time.sleep(0.2)
        assert second.poll() is None
    out, _ = second.communicate(timeout=120)
    assert '"already_imported": true' in out
    assert done["session_id"] not in running_sessions(database_home)
