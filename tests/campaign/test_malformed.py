"""Frames that nobody can read, by the thousand, between those of a market that goes on: counted, kept, and no harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from connectors.mexc.errors import MalformedFrame
from connectors.mexc.frames import decode
from connectors.questdb.server import open_database
from connectors.simulated.exchange.running import RunningExchange, running_exchange
from connectors.simulated.exchange.server import ExchangeServer, ServerSettings
from connectors.simulated.exchange.serving import MarketRequest
from connectors.simulated.exchange.wire_text import frame_of
from tests.campaign.comparison import compare
from tests.campaign.programs import collection
from tests.connectors.mexc.test_frames import FRAMES, mangled

NAMES = ("AAA_USDT", "BBB_USDT")
SPEED = 2.0
CHUNK = 100
PAUSE_SECONDS = 0.02


def malformed_frames(seed: int) -> Iterator[bytes]:
    """Frames of the exchange after accidents, without end, and only those that cannot be read any more."""
    chance = Random(seed)
    while True:
        raw = mangled(chance.choice(FRAMES), chance)
        content = raw if isinstance(raw, bytes) else raw.encode()
        try:
            decode(content)
        except MalformedFrame:
            yield content


def send(exchange: RunningExchange, contents: list[bytes], turn: int) -> None:
    """Put them among the market's frames of one connection; each time of another one."""

    def put(server: ExchangeServer) -> None:
        connections = list(server.connections.values())
        connections[turn % len(connections)].outgoing += map(frame_of, contents)

    exchange.ask(put)


def run_with_malformed_frames(home: Path, folder: Path, count: int, seed: int, *, killed: bool) -> str:
    """Send so many while something is recorded, and look at what has become of them; where `killed`, by a worker that
    goes on after another one."""
    truth = folder / "truth"
    request = MarketRequest(names=NAMES, speed=SPEED, tempo=4.0, seed=seed, server=ServerSettings(truth=truth))
    with running_exchange(request) as exchange:
        options = ("--exchange", exchange.rest_url, "--symbols", ",".join(NAMES), "--speed", f"{SPEED:g}")
        with collection(home, *options) as session:
            session.wait_recording(50)
            frames = malformed_frames(seed)
            for turn in range(count // CHUNK):
                send(exchange, list(islice(frames, CHUNK)), turn)
                time.sleep(PAUSE_SECONDS)
            session.wait_for(lambda progress: progress.collected.malformed >= count)
            if killed:
                session.kill_worker()
            session.wait_recording(session.progress.trades + 50)
            final = session.stop()
    database = open_database(home, None)
    found = compare(database, session.session_id, truth, book_delay_us=round(SPEED * 5e6))
    assert not found.faults, (found.faults, found.summary())
    assert final.collected is not None
    assert (final.status, final.restarts) == ("STOPPED", int(killed))
    assert (final.collected.malformed, final.collected.reconnects) == (count, 0)
    database.wait_applied("dead_letters", "connection_health")
    query = "SELECT count(), count_distinct(line) FROM dead_letters WHERE session_id = %s AND stream = 'websocket'"
    assert database.query(query, (session.session_id,)) == [(count, count)]
    without = "SELECT count() FROM dead_letters WHERE session_id = %s AND (reason IS NULL OR reason = '')"
    assert database.query(without, (session.session_id,)) == [(0,)]
    if killed:
        # what it had counted since its last row of that table, a minute ago at most, is in its dead letters alone
        return found.summary()
    health = "SELECT sum(malformed) FROM connection_health WHERE session_id = %s"
    assert database.query(health, (session.session_id,)) == [(count,)]
    return found.summary()


def test_malformed_frames_are_counted_and_kept_and_stop_nothing(database_home, tmp_path):
    print(run_with_malformed_frames(database_home, tmp_path, 4_000, seed=1, killed=False))


def test_what_was_counted_goes_on_after_a_kill(database_home, tmp_path):
    print(run_with_malformed_frames(database_home, tmp_path, 500, seed=2, killed=True))


@pytest.mark.soak
def test_a_hundred_thousand_malformed_frames(fresh_home, tmp_path):
    print(run_with_malformed_frames(fresh_home, tmp_path, 120_000, seed=time.time_ns() % 1_000_000, killed=False))
