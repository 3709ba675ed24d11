"""The real database that tests share, and homes of their own for tests that stop or kill a server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from connectors.questdb.database import Database
from connectors.questdb.lock import exclusive
from connectors.questdb.server import open_database, stop_server


def pytest_configure(config: pytest.Config) -> None:
    """Every run tries the same random examples, so that what fails is what has changed; `make soak` looks for new
    ones."""
    settings.load_profile("default" if config.getoption("markexpr") == "soak" else "ci")


def _change_users(folder: Path, change: int) -> int:
    count = folder / "users"
    users = (int(count.read_text()) if count.is_file() else 0) + change
    count.write_text(str(users))
    return users


@pytest.fixture(scope="session")
def database_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of the shared server: one for the whole run, xdist workers included; the last one stops it."""
    folder = tmp_path_factory.getbasetemp()
    if folder.name.startswith("popen-"):
        folder = folder.parent
    home = folder / "database-home"
    home.mkdir(exist_ok=True)
    with exclusive(home / "users.lock"):
        _change_users(home, +1)
        open_database(home, None)
    yield home
    with exclusive(home / "users.lock"):
        if _change_users(home, -1) == 0:
            stop_server(home)


@pytest.fixture(scope="session")
def database(database_home: Path) -> Database:
    """The shared managed server with the schema. Tests use session ids of their own, so nothing is cleaned up."""
    return open_database(database_home, None)


@pytest.fixture
def new_session_id() -> str:
    """A session id that no other test has."""
    return f"backtest_20261122_153000_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def fresh_home(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose server a test may start, stop and kill; what still runs at the end is stopped."""
    home = tmp_path / "home"
    yield home
    stop_server(home)
