"""What the exchange sent and what the tape holds agree exactly, whatever goes wrong and whoever is killed.

`TAPEFLOW_SOAK_SECONDS`, `TAPEFLOW_SOAK_SEED` and `TAPEFLOW_SOAK_SPEED` change the long run.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connectors.processes import is_alive
from connectors.questdb.server import open_database
from tests.campaign.comparison import Comparison, compare
from tests.campaign.programs import END_SECONDS, Collection, Exchange, collection, exchange, wait_until

NAMES = (*(f"{letter * 3}_USDT" for letter in "ABCDEFGHIJK"), "LLL_USD")
HEALING_SECONDS = 15.0
"""Without faults at the end, so that what was missed can be asked for."""

MENU: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop_connections", {"how": "close"}),
    ("drop_connections", {"how": "abort"}),
    ("drop_connections", {"how": "reset", "share": 0.5}),
    ("swallowed_pings", {}),
    ("swallowed_pings", {"data": True}),
    ("reset_on_ping", {}),
    ("muted", {}),
    ("lost_subscriptions", {"share": 0.5}),
    ("forgotten_subscriptions", {"seconds": 4.0}),
    ("odd_acknowledgements", {}),
    ("doubled_streams", {}),
    ("frozen_streams", {"cure": "resubscribe"}),
    ("frozen_streams", {"channels": "deal", "cure": "reconnect"}),
    ("held_streams", {}),
    ("deal_shapes", {"shapes": "object+number_id+text_time"}),
    ("shuffled_deals", {}),
    ("resent_deals", {"count": 50}),
    ("resend_deals", {"count": 30}),
    ("short_deals", {}),
    ("wide_merge", {}),
    ("skipped_frames", {"share": 0.1}),
    ("skip_frame", {}),
    ("stale_depth", {}),
    ("ascending_commits", {}),
    ("mixed_numbers", {}),
    ("crossed_levels", {"share": 0.05}),
    ("cross_book", {}),
    ("tight_limits", {"limit": 1}),
    ("blocked", {}),
    ("server_errors", {"share": 0.5}),
    ("garbled_replies", {"share": 0.5}),
    ("compressed_replies", {}),
    ("chinese_messages", {}),
    ("refused_handshakes", {}),
    ("busy_market", {"times": 5}),
    ("quiet_market", {}),
    ("binary_frames", {}),
    ("fragmented_frames", {}),
    ("huge_frames", {"levels": 200, "bytes": 100_000}),
    ("doubled_pongs", {}),
)
HAPPENINGS = ("drop_connections", "resend_deals", "skip_frame", "cross_book")


class RandomFaults:
    """Lets something go wrong every few seconds, from a thread of its own, until it is ended."""

    def __init__(self, where: Exchange, seed: int) -> None:
        self.told: list[str] = []
        self._where = where
        self._random = Random(seed)
        self._order: list[tuple[str, dict[str, Any]]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._began = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """No more of it, and none that goes on."""
        self._end.set()
        self._thread.join()
        self._where.clear()

    def _work(self) -> None:
        while not self._end.wait(self._random.uniform(1.0, 5.0)):
            # each comes once before any comes again
            if not self._order:
                self._order = self._random.sample(MENU, len(MENU))
            name, parameters = self._order.pop()
            seconds = None if name in HAPPENINGS else self._random.uniform(1.0, 12.0)
            self._where.fault(name, seconds, **parameters)
            self.told.append(f"{time.monotonic() - self._began:.1f} s: {name} {parameters} for {seconds}")


def run_with_faults(
    home: Path, folder: Path, *, seconds: float, speed: float, seed: int, resumed: bool
) -> tuple[Comparison, dict[str, Any]]:
    """Record for so many seconds while faults come at random and the worker is killed three times; where `resumed`,
    the supervisor is killed too, and the session resumed."""
    figures: dict[str, Any] = {"recovery_seconds": []}
    options = ("--speed", f"{speed:g}", "--tempo", "1", "--seed", str(seed))
    with exchange(folder, NAMES, *options) as venue:
        asked = ("--exchange", venue.address, "--symbols", ",".join(NAMES), "--speed", f"{speed:g}")
        with collection(home, *asked) as session:
            session.wait_recording(50)
            began = time.monotonic()
            faults = RandomFaults(venue, seed)
            try:
                for kill in range(3):
                    _sleep_until(began + seconds * (kill + 1) / 4.0)
                    figures["recovery_seconds"].append(round(session.kill_worker(), 1))
                if resumed:
                    _kill_supervisor(session)
                _sleep_until(began + seconds)
            finally:
                faults.end()
                figures["faults"] = faults.told
            time.sleep(HEALING_SECONDS)
            left = session.processes()
            final = session.stop()
            wait_until(lambda: not any(map(is_alive, left)), END_SECONDS, "end of all processes")
        figures["exchange"] = {name: venue.state()[name] for name in ("handshakes", "slipped_ms", "cut_off")}
    database = open_database(home, None)
    found = compare(database, session.session_id, folder / "truth", book_delay_us=round(speed * 5e6))
    figures["progress"] = final
    assert final.status == "STOPPED"
    assert final.collected is not None
    assert final.collected.journal_rows == 0
    # what the session says of itself is what is stored
    assert (final.trades, final.books) == (found.on_time, found.books)
    return found, figures


def _kill_supervisor(session: Collection) -> None:
    supervisor, worker = session.supervisor, session.worker()
    assert supervisor is not None
    supervisor.kill()
    wait_until(lambda: not is_alive(supervisor), END_SECONDS, "end of the supervisor")
    if worker is not None:
        wait_until(lambda: not is_alive(worker), END_SECONDS, "end of its worker, which must not outlive it")
    session.resume()
    session.wait_for(lambda progress: progress.status == "RUNNING")


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0.0))


def _tell(found: Comparison, figures: dict[str, Any]) -> str:
    return "\n".join([found.summary(), *(f"{name}: {value}" for name, value in figures.items())])


@pytest.mark.soak
def test_tape_and_exchange_agree_through_faults_and_kills(database_home, tmp_path):
    found, figures = run_with_faults(database_home, tmp_path, seconds=45.0, speed=2.0, seed=1, resumed=True)
    assert not found.faults, _tell(found, figures)
    assert found.recorded > 500, _tell(found, figures)
    assert found.causes["restart of the collector"] >= 3, _tell(found, figures)


@pytest.mark.soak
def test_tape_and_exchange_agree_for_ten_minutes(fresh_home, tmp_path):
    seconds = float(os.environ.get("TAPEFLOW_SOAK_SECONDS", "600"))
    speed = float(os.environ.get("TAPEFLOW_SOAK_SPEED", "1"))
    seed = int(os.environ.get("TAPEFLOW_SOAK_SEED", str(time.time_ns() % 1_000_000)))
    found, figures = run_with_faults(fresh_home, tmp_path, seconds=seconds, speed=speed, seed=seed, resumed=False)
    print(f"seed {seed}\n{_tell(found, figures)}")
    assert not found.faults, f"seed {seed}\n{_tell(found, figures)}"
    assert found.recorded / found.true_trades > 0.5
