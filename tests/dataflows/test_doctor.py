"""The doctor says what was found and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.questdb.database import Database
from dataflows import doctor


def states(home: Path, configuration: str | None = None) -> dict[str, str]:
    return {finding.name: finding.state for finding in doctor.examine(home, configuration)}


@pytest.mark.database
def test_a_healthy_home_has_no_failure(database: Database, database_home: Path) -> None:
    found = states(database_home)
    assert {"java", "jar", "disk", "ports", "database", "schema", "tables"} <= set(found)
    assert "failed" not in found.values()


@pytest.mark.database
def test_an_external_database_is_examined_too(database: Database, tmp_path: Path) -> None:
    configuration = (
        f"http::addr={database.address};username={database.user};"
        f"password={database.password.get_secret_value()};pg_port={database.pg_port};"
    )
    assert states(tmp_path, configuration)["schema"] == "ok"


def test_an_external_database_that_is_away_fails(tmp_path: Path) -> None:
    assert states(tmp_path, "http::addr=localhost:1;pg_port=1;")["database"] == "failed"


def test_a_home_that_cannot_be_made_fails_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = {finding.name: finding for finding in doctor.examine(tmp_path / "file" / "home", None)}
    assert found["disk"].state == "failed"
    assert "TAPEFLOW_HOME" in str(found["disk"].advice)


def test_warmers_are_called_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WARMERS", ["gc:collect"])
    told: list[str] = []
    findings = list(doctor.warm(told.append))
    assert [finding.state for finding in findings] == ["ok"]
    assert findings[0].found.startswith("gc:collect in ")
    assert len(told) == 2
