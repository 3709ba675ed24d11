"""`tapeflow db drain` writes what sessions left in their journals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from connectors.journal.journal import Entry, Journal
from connectors.questdb.database import Database
from dataflows.draining import undrained_journals
from dataflows.sessions.folder import SessionFolder

if TYPE_CHECKING:
    from tests.dataflows.conftest import Tapeflow

pytestmark = pytest.mark.database

BASE = 1_700_000_000_000_000
Leave = Callable[..., Path]


@pytest.fixture
def leave(database_home: Path) -> Iterator[Leave]:
    """Leaves a journal behind as a session that ended without its database would; empties it at the end."""
    folders: list[Path] = []

    def leave(session_id: str, slices: int = 3, table: str = "equity", **more: Any) -> Path:
        folder = SessionFolder.of(database_home, session_id).journal
        folders.append(folder)
        with Journal(folder) as journal:
            for number in range(slices):
                columns = {
                    "timestamp": BASE + number * 100 + np.arange(100),
                    "session_id": [session_id] * 100,
                    "account": ["main"] * 100,
                    **more,
                }
                journal.append(Entry({table: columns}, BASE + number, BASE + number + 1, number))
        return folder

    yield leave
    for folder in folders:
        with Journal(folder) as journal:
            journal.acknowledge(journal.waiting(10**9, 10**12))


def count(database: Database, session_id: str) -> int:
    database.wait_applied("equity")
    rows: int = database.query("SELECT count() FROM equity WHERE session_id = %s", [session_id])[0][0]
    return rows


def test_what_is_left_is_written_once_and_gone(
    tapeflow: Tapeflow, database: Database, database_home: Path, leave: Leave, new_session_id: str
) -> None:
    leave(new_session_id)
    left = {journal.session_id: journal for journal in undrained_journals(database_home)}[new_session_id]
    assert (left.rows, left.running) == (300, False)
    assert left.bytes > 0
    done = tapeflow("db", "drain", "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    session = next(line for line in lines if line.get("session_id") == new_session_id)
    assert session == {
        "event": "session",
        "session_id": new_session_id,
        "rows_written": 300,
        "rows_left": 0,
        "bytes_left": 0,
        "torn_bytes": 0,
        "error": None,
    }
    assert done.finished["rows_left"] == 0
    assert done.finished["rows_written"] >= 300
    assert count(database, new_session_id) == 300
    assert new_session_id not in {journal.session_id for journal in undrained_journals(database_home)}
    again = tapeflow("db", "drain", new_session_id)
    assert f"{new_session_id}: 0 rows written, 0 left" in again.out


def test_a_session_that_runs_is_left_alone(
    tapeflow: Tapeflow, database: Database, leave: Leave, new_session_id: str
) -> None:
    with Journal(leave(new_session_id)):
        refused = tapeflow("db", "drain", new_session_id, expect=1)
    assert f"{new_session_id}: it is running and writes its journal itself" in refused.err
    assert "0 rows written, 300 left" in refused.out
    assert count(database, new_session_id) == 0


def test_rows_that_are_refused_stay_with_all_behind_them(
    tapeflow: Tapeflow, database: Database, leave: Leave, new_session_id: str
) -> None:
    leave(new_session_id)
    leave(new_session_id, 1, colour=["red"] * 100)
    leave(new_session_id, 1)
    for written, stored in ((300, 300), (0, 300)):
        failed = tapeflow("db", "drain", new_session_id, "--json", expect=1)
        session = json.loads(failed.out.splitlines()[0])
        assert (session["rows_written"], session["rows_left"]) == (written, 200)
        assert "equity has no column 'colour'" in session["error"]
        assert count(database, new_session_id) == stored


def test_the_rows_go_to_the_database_of_the_plan(
    tapeflow: Tapeflow, database: Database, leave: Leave, new_session_id: str
) -> None:
    folder = leave(new_session_id)
    (folder.parent / "plan.json").write_text(json.dumps({"mode": "collect", "database": "http::addr=127.0.0.1:1;"}))
    failed = tapeflow("db", "drain", new_session_id, expect=1)
    assert "no database answers at 127.0.0.1:1" in failed.err
    assert count(database, new_session_id) == 0
    password = database.password.get_secret_value().replace(";", ";;")
    elsewhere = (
        f"http::addr={database.address};pg_port={database.pg_port};username={database.user};password={password};"
    )
    done = tapeflow("db", "drain", new_session_id, "--db", elsewhere, "--json")
    assert done.finished["rows_written"] == 300
    assert count(database, new_session_id) == 300


def test_a_torn_tail_is_told(tapeflow: Tapeflow, leave: Leave, new_session_id: str) -> None:
    segment = next(leave(new_session_id).glob("*.segment"))
    with segment.open("ab") as file:
        file.write(b"\x01\x02\x03")
    done = tapeflow("db", "drain", new_session_id)
    assert "300 rows written, 0 left, 3 bytes of a record that was never finished" in done.out


@pytest.mark.parametrize("name", ["nobody", "../sessions/nobody", ".."])
def test_a_session_without_a_journal_is_a_usage_error(tapeflow: Tapeflow, name: str) -> None:
    failed = tapeflow("db", "drain", name, expect=2)
    assert f"session {name} has no journal" in " ".join(failed.err.split())


def test_nothing_to_do_is_said(tapeflow: Tapeflow, tmp_path: Path) -> None:
    done = tapeflow("db", "drain", env={"TAPEFLOW_HOME": str(tmp_path)})
    assert "Nothing is left to write" in done.out
    assert not (tmp_path / "questdb").exists()
