"""The live table of a collection fits the terminal, and leaves out nothing that matters."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dataflows.cli.live_view import live_view
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.progress import SessionProgress
from dataflows.sessions.worker_report import CollectProgress

START = 1_794_009_600_000_000
PLAN = CollectPlan(
    session_id="collect_20261107_000000_ab12cd34",
    home="home",
    database=None,
    symbols=("A_USDT",),
    exchange="mexc",
    rest_url="",
    websocket_url="",
    duration_us=7_200_000_000,
)


def row(number: int, removed: bool = False) -> dict[str, object]:
    counts = {"trades": 1_000_000 - number, "books": 5, "trades_per_second": 1_234.5, "books_per_second": 1_234.5}
    measures = {"spread_pct": 10.123, "lag_ms": 12_345.0, "gaps": 1_000, "healthy_pct": 100.0}
    return {"symbol": f"THOUSAND{number}_USDT", "removed": removed, **counts, **measures}


def lines(rows: list[dict[str, object]], height: int, width: int = 80, **counts: int) -> list[str]:
    collected = CollectProgress(tape_from=START, tape_ts=START + 600_000_000, **counts)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(live_view(PLAN, SessionProgress(status="RUNNING", collected=collected), rows, height))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("height", [12, 24, 50])
def test_it_is_no_higher_and_no_wider_than_the_terminal(height: int) -> None:
    shown = lines([row(each) for each in range(60)], height, trades=123_456_789, books=98_765_432, gaps=12, late=4_711)
    assert len(shown) <= height
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert shown[1].startswith("123,456,789 trades  98,765,432 books  12 gaps  4,711 late")
    assert "symbols more" in shown[-2]


def test_it_tells_how_far_it_is_and_counts_only_what_there_is() -> None:
    shown = lines([row(1)], 24, trades=1, books=2, reconnects=1)
    assert shown[0].rstrip() == "2026-11-07 00:10:00 UTC  running, 10 m 00 s of 2 h 00 m"
    assert shown[1].rstrip() == "1 trade  2 books  0 gaps  1 reconnect"


def test_symbols_that_the_exchange_trades_no_longer_are_named_however_quiet_they_were() -> None:
    shown = lines([*(row(each) for each in range(40)), row(900_000, removed=True)], 24)
    assert any(line.startswith("no longer traded: THOUSAND900000_USDT") for line in shown)
