"""`python -m tests.campaign`: run the campaigns and write what was measured into docs/reliability.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from connectors.questdb.server import open_database, stop_server
from tests.campaign.checking import judge
from tests.campaign.failures import CAMPAIGNS
from tests.campaign.reliability import PAGE, page_with
from tests.campaign.staging import run_all


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        database = open_database(home, None)
        try:
            findings = run_all(CAMPAIGNS, home, database, Path(folder))
            wrong = 0
            for failure in (failure for campaign in CAMPAIGNS for failure in campaign.failures):
                try:
                    judge(failure, findings[failure.name])
                except AssertionError as error:
                    wrong += 1
                    sys.stderr.write(f"{failure.name}: {error}\n")
        finally:
            stop_server(home)
    if wrong:
        raise SystemExit(f"{wrong} failures are not as they should be; {PAGE.name} stays as it was")
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), findings), encoding="utf-8")


if __name__ == "__main__":
    main()
