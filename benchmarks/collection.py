"""A collector under load: from the exchange's sockets over the journal into the database.

Run with `python -m benchmarks collection`. The collector is a session as `tapeflow collect` starts it; what is measured
is its worker process alone (frames, processor time, memory) and what has reached the database at its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import psutil

from benchmarks.report import Measurement, Results, console
from connectors.questdb.database import Database
from dataflows.collecting import CollectRequest, prepare_collection
from dataflows.sessions.control import request_stop
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import follow, launch, read_progress
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.worker_report import CollectProgress, read_report, read_symbols

SYMBOLS: Final = 200
ROUND_FRAMES: Final = 50_000
EXCHANGE_SYMBOLS: Final = 1_000
_HURRY: Final[dict[str, Any]] = {
    "stream": {"subscribe_per_second": 500},
    "health_seconds": 1.0,
    "rest": {"limit_over_all": 1_000, "share_of_limits": 1.0},
}
"""Nobody has to be spared here, so that the start takes seconds instead of minutes."""
_SETTLING_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.25


def run(database: Database, home: Path, frames: int, results: Results) -> None:
    """The collector alone, then together with the simulated exchange."""
    alone(database, home, frames, results)
    for load in LOADS:
        together(database, home, load, results)


def alone(database: Database, home: Path, frames: int, results: Results) -> None:
    """Frames that were built before, as fast as the collector takes them."""
    with _process("benchmarks.frame_server", str(SYMBOLS), str(ROUND_FRAMES)) as (said, _):
        address = said["address"]
        with _collector(home, address, "merged", _HURRY) as session:
            session.wait("all streams", lambda: _is_ready(_ask(address, "status")))
            session.begin()
            before = _ask(address, "status")
            _ask(address, f"send/{max(1, frames // ROUND_FRAMES)}")
            session.wait("the frames", lambda: _ask(address, "status")["received"] is not None)
            status, spent = _ask(address, "status"), session.cpu_seconds()
            session.wait("the journal", lambda: session.taped >= status["trades"])
            journalled = time.time() - status["received"]
            collected = session.end()
    sent, seconds = status["frames"] - before["frames"], status["received"] - status["began"]
    rate = f"{spent / sent * 1e6:.1f} s of processor per million frames, {status['bytes'] / seconds / 1e6:.0f} MB/s"
    what = f"collector alone, {SYMBOLS} symbols, merged books"
    results.add(Measurement(what, sent, "frames", seconds, target="≥ 50 000/s", note=rate))
    console.print(f"    all in the journal {journalled:.1f} s after the last frame")
    session.tell(database, collected, status["trades"])


@dataclass(frozen=True, slots=True)
class Load:
    """What the simulated exchange sends: `tempo` times as much as usual, with every trade and every change of a book in
    a frame of its own where not `merged`; `books` as the collector takes them."""

    name: str
    tempo: float
    books: str
    merged: bool
    seconds: float
    target: str = ""
    burst: bool = False
    """Afterwards every order comes as ten."""


LOADS: Final = (
    Load("normal rhythm, whole books", 1.0, "full", True, 20.0, burst=True),
    Load("10 times the rhythm, whole books", 10.0, "full", True, 30.0),
    Load("4 times the rhythm, a frame per trade and change", 4.0, "merged", False, 60.0, "≥ 20 000/s"),
)


def together(database: Database, home: Path, load: Load, results: Results) -> None:
    """A simulated exchange of many symbols and its collector on one machine, at the exchange's own pace."""
    options = ("--symbols", str(EXCHANGE_SYMBOLS), "--tempo", f"{load.tempo:g}", "--no-limits", "--control")
    feed: dict[str, Any] = _HURRY | {
        "stream": _HURRY["stream"] | {"merged_deals": load.merged, "merged_depth": load.merged}
    }
    with (
        _process("dataflows.cli.main", "exchange", "serve", *options, "--json") as (said, exchange),
        _collector(home, said["rest"], load.books, feed) as session,
    ):
        session.wait("all symbols", lambda: session.receiving == EXCHANGE_SYMBOLS)
        # whatever has piled up at the start is taken first
        session.watch(_SETTLING_SECONDS)
        session.begin()
        what = f"exchange and collector, {EXCHANGE_SYMBOLS:,} symbols: {load.name}"
        results.add(_measured(session, database, exchange, what, load.seconds, load.target))
        if load.burst:
            # of the end of a burst only what has been counted by then is told
            _post(f"{said['control']}/faults/busy_market", {"times": 10})
            results.add(_measured(session, database, exchange, "    and a burst of 10 times as many trades", 10.0))
        collected = session.end()
    session.tell(database, collected, None)


def _measured(
    session: CollectorRun, database: Database, exchange: psutil.Process, what: str, seconds: float, target: str = ""
) -> Measurement:
    """Watch for so long: frames and bytes on the wire, processor time of both sides."""
    began, before = time.monotonic(), session.wire(database)
    spent, exchanged = session.cpu_seconds(), _cpu_seconds(exchange)
    session.watch(seconds)
    seconds, spent = time.monotonic() - began, session.cpu_seconds() - spent
    exchanged = _cpu_seconds(exchange) - exchanged
    frames, size = (now - then for now, then in zip(session.wire(database), before, strict=True))
    note = (
        f"seconds of processor per million frames: exchange {exchanged / frames * 1e6:.0f}, collector "
        f"{spent / frames * 1e6:.0f}; {size / seconds / 1e6:.1f} MB/s"
    )
    return Measurement(what, frames, "frames", seconds, target=target, note=note)


@dataclass(slots=True)
class CollectorRun:
    """A collect session that is being watched: `memory` is the worker's resident bytes, sample by sample."""

    folder: SessionFolder
    plan: CollectPlan
    supervisor: subprocess.Popen[bytes]
    memory: list[int] = field(default_factory=list)
    stored_ms: list[tuple[float, float]] = field(default_factory=list)
    lag_ms: list[tuple[float, float]] = field(default_factory=list)
    most_waiting: int = 0
    _worker: psutil.Process | None = None
    _spent: float = 0.0

    @property
    def collected(self) -> CollectProgress:
        """What the worker said last."""
        report = read_report(self.folder, 0)
        return report.collected if report is not None and report.collected is not None else CollectProgress()

    @property
    def worker(self) -> psutil.Process | None:
        """The worker process, once there is one."""
        if self._worker is None:
            children = psutil.Process(self.supervisor.pid).children()
            self._worker = next((each for each in children if "dataflows.sessions.worker" in each.cmdline()), None)
        return self._worker

    def wire(self, database: Database) -> tuple[int, int]:
        """Frames and bytes received, as far as the database knows: it is told once a second."""
        database.wait_applied("connection_health")
        sql = "SELECT coalesce(sum(frames), 0), coalesce(sum(bytes), 0) FROM connection_health WHERE session_id = %s"
        ((frames, size),) = database.query(sql, (self.plan.session_id,))
        return frames, size

    @property
    def receiving(self) -> int:
        """Symbols of which there have been trades and books."""
        return sum(bool(row["trades"] and row["books"]) for row in read_symbols(self.folder))

    def watch(self, seconds: float) -> None:
        """Take samples for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, _LOOK_SECONDS))

    @property
    def taped(self) -> int:
        """Trades that are in the journal."""
        return self.collected.trades + self.collected.late

    def begin(self) -> None:
        """From here on samples and processor time count."""
        self.memory.clear()
        self.stored_ms.clear()
        self.lag_ms.clear()
        self.most_waiting = 0
        self._spent = 0.0
        self._spent = self.cpu_seconds()
        self.look()

    def cpu_seconds(self) -> float:
        """Processor time of the worker process, all threads, since `begin`."""
        if self.worker is None:
            raise RuntimeError(f"the session has no worker process; see {self.folder.log}")
        return _cpu_seconds(self.worker) - self._spent

    def wait(self, what: str, done: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> None:
        """Take samples until it is done. Raises `RuntimeError` where that takes too long."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise RuntimeError(f"{what}: not after {seconds:g} s; see {self.folder.log}")
            self.look()
            time.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Take a sample of memory and delays."""
        if (progress := read_progress(self.folder)) is not None and progress.done:
            raise RuntimeError(f"the session has ended: {progress.error or progress.ended}")
        if self.worker is not None:
            self.memory.append(self.worker.memory_info().rss)
        collected = self.collected
        self.most_waiting = max(self.most_waiting, collected.journal_rows)
        if collected.stored_ms_p50 is not None and collected.stored_ms_p99 is not None:
            self.stored_ms.append((collected.stored_ms_p50, collected.stored_ms_p99))
        if collected.lag_ms_p50 is not None and collected.lag_ms_p99 is not None:
            self.lag_ms.append((collected.lag_ms_p50, collected.lag_ms_p99))

    def end(self) -> CollectProgress:
        """Stop the session and return its final counts."""
        request_stop(self.folder)
        progress = follow(self.folder, self.supervisor, lambda _: None)
        if progress.error or progress.collected is None:
            raise RuntimeError(progress.error or "the session has collected nothing")
        return progress.collected

    def stored(self, database: Database) -> tuple[int, int]:
        """Trades and books of the session that are in the database."""
        database.wait_applied()
        name = self.plan.session_id
        counts = (
            database.query(f"SELECT count() FROM {table} WHERE session_id = '{name}'")[0][0]
            for table in ("tick_prices", "tick_orderbook")
        )
        trades, books = counts
        return trades, books

    def tell(self, database: Database, collected: CollectProgress, sent_trades: int | None) -> None:
        """Print what became of everything, and whether memory stayed flat."""
        trades, books = self.stored(database)
        flat = " / ".join(f"{self.memory[place * (len(self.memory) - 1) // 2] / 2**20:,.0f}" for place in range(3))
        sent = f"trades sent {sent_trades:,}, " if sent_trades is not None else "trades "
        for line in (
            f"{sent}on the tape or late {collected.trades + collected.late:,}, stored {trades:,}",
            f"books on the tape {collected.books:,}, stored {books:,}",
            f"dropped {collected.dropped}, late {collected.late}, gaps {collected.gaps}, duplicates "
            f"{collected.duplicates}, malformed {collected.malformed}, reconnects {collected.reconnects}",
            f"most rows waiting in the journal {self.most_waiting:,}, at the end {collected.journal_rows:,}",
            f"from the exchange's time to ours: {_delays(self.lag_ms)}",
            f"from arrival to the database's acknowledgement: {_delays(self.stored_ms)}",
            f"memory at the beginning / in the middle / at the end {flat} MiB, most {max(self.memory) / 2**20:,.0f}",
        ):
            console.print(f"    {line}", soft_wrap=True)


@contextmanager
def _collector(home: Path, address: str, books: str, feed: dict[str, Any]) -> Iterator[CollectorRun]:
    plan, _ = prepare_collection(home, None, CollectRequest(exchange=address, every=True, books=books))
    plan = msgspec.structs.replace(plan, feed=feed)
    folder = SessionFolder.of(home, plan.session_id)
    folder.write_plan(plan)
    session = CollectorRun(folder, plan, launch(folder))
    try:
        yield session
    finally:
        if session.supervisor.poll() is None:
            session.supervisor.terminate()
            session.supervisor.wait()


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[tuple[dict[str, Any], psutil.Process]]:
    """A process of ours while the body runs, and the JSON object that it has said first."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline()), psutil.Process(process.pid)
        finally:
            process.terminate()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ask(address: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/{path}", timeout=60) as answer:
        value: dict[str, Any] = json.load(answer)
        return value


def _post(address: str, content: dict[str, Any]) -> None:
    request = urllib.request.Request(address, json.dumps(content).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).close()


def _is_ready(status: dict[str, Any]) -> bool:
    return bool(status["streams"] == 2 * SYMBOLS and status["seeded"] == SYMBOLS)


def _delays(samples: Sequence[tuple[float, float]]) -> str:
    """The usual median and the worst 99th percentile of several seconds each."""
    if not samples:
        return "not measured"
    return f"p50 {np.median([p50 for p50, _ in samples]):,.0f} ms, worst p99 {max(p99 for _, p99 in samples):,.0f} ms"
