"""`tapeflow db` and `tapeflow doctor` on a home of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dataflows.cli import db, doctor
from dataflows.sessions.control import sole_worker
from dataflows.sessions.folder import SessionFolder
from operators.errors import UsageError

app = typer.Typer()
db.register(app)
doctor.register(app)

KEYS = {"running", "version", "http_port", "pg_port", "user", "password_file", "root", "pid"}


def run(*words: str, code: int = 0) -> list[dict[str, object]]:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


@pytest.mark.database
def test_a_database_that_works_is_only_stopped_by_force(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_HOME", str(fresh_home))
    monkeypatch.delenv("QUESTDB_CONF", raising=False)
    run("db", "start", "--json")
    with sole_worker(SessionFolder.of(fresh_home, "import_20210107_061320_00000000")):
        with pytest.raises(UsageError, match="import_20210107_061320_00000000 runs on this database"):
            run("db", "stop")
        assert run("db", "status", "--json")[0]["running"] is True
        assert run("db", "stop", "--force", "--json")[0]["stopped"] is True


@pytest.mark.database
def test_start_status_doctor_stop(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_HOME", str(fresh_home))
    monkeypatch.delenv("QUESTDB_CONF", raising=False)
    [before] = run("db", "status", "--json")
    assert before.keys() >= KEYS
    assert before["running"] is False
    [started] = run("db", "start", "--json")
    assert started["running"] is True
    assert run("db", "status", "--json") == [started]
    lines = run("doctor", "--json")
    assert lines[-1]["event"] == "finished"
    assert lines[-1]["ok"] is True
    result = CliRunner().invoke(app, ["db", "status"])
    assert f"http://127.0.0.1:{started['http_port']}" in result.stdout
    assert run("db", "stop", "--json")[0]["stopped"] is True
    assert run("db", "stop", "--json")[0]["stopped"] is False


def test_an_external_database_is_looked_at_but_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("QUESTDB_CONF", "http::addr=localhost:1;pg_port=1;")
    [status] = run("db", "status", "--json")
    assert (status["running"], status["root"], status["pid"]) == (False, None, None)
    with pytest.raises(UsageError, match="QUESTDB_CONF"):
        run("db", "start")
    assert run("doctor", "--json", code=1)[-1]["ok"] is False
