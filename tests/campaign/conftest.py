"""The campaigns run once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.questdb.database import Database
from tests.campaign.failures import CAMPAIGNS
from tests.campaign.staging import Finding, run_all


@pytest.fixture(scope="session")
def findings(database: Database, database_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    """What became of each failure, by its name."""
    return run_all(CAMPAIGNS, database_home, database, tmp_path_factory.mktemp("campaign"))
