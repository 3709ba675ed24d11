"""Supervised recordings of a collector that only counts."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from connectors.questdb.server import open_database
from dataflows.sessions import control
from dataflows.sessions.control import StopRequest
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import read_progress
from dataflows.sessions.plan import CollectPlan
from dataflows.sessions.progress import PROGRESS_FILE, SessionProgress
from dataflows.sessions.restarts import RestartPolicy
from dataflows.sessions.supervisor import Supervisor

_Found = TypeVar("_Found")

# Python runs this in every new process: there the counting collector is the collector.
SITE = """
import importlib.util, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "dataflows.collect":
            return importlib.util.spec_from_file_location(name, {module!r})
sys.meta_path.insert(0, Finder)
"""


@dataclass
class Recording:
    """One session whose supervisor runs in a thread of the test; its workers are processes."""

    home: Path
    session_id: str = field(default_factory=lambda: f"collect_20261122_153000_{uuid.uuid4().hex[:8]}")
    policy: RestartPolicy = field(default_factory=lambda: RestartPolicy(first_seconds=0.05))
    duration_us: int | None = None
    final: SessionProgress | None = None
    _thread: threading.Thread | None = None

    @property
    def log(self) -> str:
        return self.folder.log.read_text(encoding="utf-8")

    @property
    def folder(self) -> SessionFolder:
        return SessionFolder.of(self.home, self.session_id)

    def start(self) -> Recording:
        plan = CollectPlan(
            session_id=self.session_id,
            home=str(self.home),
            database=None,
            symbols=("A_USDT", "B_USDT"),
            exchange="simulated",
            rest_url="http://127.0.0.1:1",
            websocket_url="ws://127.0.0.1:1",
            duration_us=self.duration_us,
            epoch_seconds=0.1,
        )
        self.folder.write_plan(plan)
        self.folder.clear(PROGRESS_FILE, control.STOP_FILE)
        supervisor = Supervisor(self.folder, plan, open_database(self.home, None), self.policy)

        def run() -> None:
            self.final = supervisor.run()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        return self

    @staticmethod
    def wait_for(what: Callable[[], _Found], seconds: float = 120.0) -> _Found:
        """The first truthy value of `what()`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds:g} s")

    def progress(self) -> SessionProgress | None:
        return read_progress(self.folder)

    def trades(self) -> int:
        progress = self.progress()
        return progress.trades if progress else 0

    def workers(self) -> list[psutil.Process]:
        found = []
        for child in psutil.Process().children():
            try:
                if {"dataflows.sessions.worker", str(self.folder.path)} <= set(child.cmdline()):
                    found.append(child)
            except psutil.Error:
                continue
        return found

    def kill_worker(self) -> None:
        """As by `kill -9`, once it records."""
        before = self.trades()
        self.wait_for(lambda: self.workers() and self.trades() > before)
        (worker,) = self.workers()
        worker.kill()
        self.wait_for(lambda: worker not in self.workers())

    def stop(self, how: StopRequest = StopRequest.CLEAN) -> None:
        control.request_stop(self.folder, how)

    def end(self, seconds: float = 60.0) -> SessionProgress:
        assert self._thread is not None
        self._thread.join(seconds)
        assert self.final is not None, "the session has not ended"
        return self.final


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Recording]]:
    """Starts recordings in a home; what still runs at the end is ended at once."""
    module = Path(__file__).with_name("counting_collect.py")
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(module=str(module)), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(site))
    started: list[Recording] = []

    def start(home: Path, **options: object) -> Recording:
        recording = Recording(home, **options)  # type: ignore[arg-type]
        started.append(recording)
        return recording.start()

    yield start
    for recording in started:
        if recording.final is None:
            recording.stop(StopRequest.NOW)
            recording.end()
