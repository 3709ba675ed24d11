"""Suspended tables and given-up views are named, and can be put right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from connectors.questdb.errors import TableSuspended
from connectors.questdb.health import invalid_views, suspended_tables
from connectors.questdb.server import open_database, root_of
from connectors.questdb.writer import TableWriter
from dataflows.doctor import examine

pytestmark = pytest.mark.database


def test_suspended_tables_and_invalid_views_are_named_and_resumed(fresh_home: Path) -> None:
    database = open_database(fresh_home, None)
    assert suspended_tables(database) == {}
    # A file stands where the table's day must become a folder, as a broken disk might leave it.
    [table] = (root_of(fresh_home) / "db").glob("equity~*[0-9]")
    obstacle = table / "2031-05-05"
    obstacle.write_text("in the way")
    row = {"timestamp": [1_935_756_000_000_000], "session_id": ["s"], "account": ["main"], "equity": [1.0]}
    with TableWriter(database, "equity") as writer:
        writer.write(row)
    with pytest.raises(TableSuspended, match=r"the table equity is suspended.*ALTER TABLE equity RESUME WAL"):
        database.wait_applied("equity", timeout=20)
    assert list(suspended_tables(database)) == ["equity"]
    failed = [finding for finding in examine(fresh_home, None) if finding.state == "failed"]
    assert [finding.name for finding in failed] == ["tables"]
    assert "equity is suspended" in failed[0].found
    assert "tapeflow doctor --resume" in str(failed[0].advice)

    obstacle.unlink()
    resumed = [finding for finding in examine(fresh_home, None, resume=True) if finding.name == "tables"]
    assert [finding.state for finding in resumed] == ["warning"]
    database.wait_applied("equity")
    assert database.query("SELECT count() FROM equity") == [(1,)]
    assert suspended_tables(database) == {}

    # A truncated base takes the views with it.
    assert invalid_views(database) == {}
    trade = {"timestamp": [1], "session_id": ["s"], "symbol": ["A"], "seq": [0], "side": [1], "late": [False]}
    with TableWriter(database, "tick_prices") as writer:
        writer.write(trade)
    database.wait_applied("tick_prices")
    database.execute("TRUNCATE TABLE tick_prices")
    deadline = time.monotonic() + 60
    while set(invalid_views(database)) != {"ohlcv_1s", "ohlcv_1m"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    advice = [finding.advice for finding in examine(fresh_home, None) if finding.name == "views"]
    assert sorted(map(str, advice)) == [
        "REFRESH MATERIALIZED VIEW ohlcv_1m FULL",
        "REFRESH MATERIALIZED VIEW ohlcv_1s FULL",
    ]
