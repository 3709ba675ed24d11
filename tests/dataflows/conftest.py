"""The command line as a user calls it, and markets to backtest on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.questdb.database import Database
from connectors.simulated.parameters import MarketParameters
from dataflows.generating import GeneratedSession, generate
from dataflows.report import ResultTables, load_result

PUMP_TAPE = Path(__file__).parents[2].parent / "shared" / "data" / "pump_tapes" / "NASBTC_2021-01-14_2100.csv.gz"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did: exit code, both outputs, and the JSON objects of standard output where it had any."""

    code: int
    out: str
    err: str

    @property
    def finished(self) -> dict[str, Any]:
        last = json.loads(self.out.splitlines()[-1])
        assert last["event"] == "finished"
        return last


Tapeflow = Callable[..., Outcome]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "dataflows.cli.main", *arguments]


@pytest.fixture(scope="session")
def environment(database_home: Path) -> dict[str, str]:
    return {**os.environ, "TAPEFLOW_HOME": str(database_home), "COLUMNS": "120"}


@pytest.fixture(scope="session")
def tapeflow(environment: dict[str, str]) -> Tapeflow:
    """Runs the command line in a process of its own against the shared database."""

    def run(*arguments: str, expect: int = 0, env: dict[str, str] | None = None) -> Outcome:
        done = subprocess.run(
            command(*arguments), env={**environment, **(env or {})}, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def market(database: Database) -> GeneratedSession:
    """Three symbols with books and pumps, an hour and a half."""
    return generate(database, MarketParameters(symbols=3, trades=40_000, hours=1.5, pumps=6, books=True, seed=21))


ACCOUNTS = """
[[account]]
name = "follower"
quote = "USDT"
equity = 10000.0
strategies = ["pump_follow_long"]

[[account]]
name = "fader"
quote = "USDT"
equity = 10000.0
strategies = ["peak_fade_short"]
"""


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two accounts, one strategy each."""
    file = tmp_path_factory.mktemp("accounts") / "accounts.toml"
    file.write_text(ACCOUNTS, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def results(database: Database) -> Callable[[str], ResultTables]:
    """The stored rows of a session."""
    return lambda session_id: load_result(database, session_id)


@pytest.fixture(scope="session")
def pump_tape() -> Path:
    """A real tape of a pump; not in the project."""
    if not PUMP_TAPE.is_file():
        pytest.skip(f"needs the recorded tape {PUMP_TAPE.name} beside the project")
    return PUMP_TAPE
