"""Whole programs for the campaigns: a simulated exchange in a process of its own, and a collection of it, as a user
starts them. What runs is ended by its own process id, whatever becomes of the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from connectors.processes import is_alive
from dataflows.collecting import CollectRequest, prepare_collection
from dataflows.sessions.control import supervisor_of
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.launcher import launch, read_progress
from dataflows.sessions.progress import SessionProgress

_LOOK_SECONDS: Final = 0.1
_COMMAND_SECONDS: Final = 240.0
WAIT_SECONDS: Final = 120.0
"""What takes seconds takes more on a machine that does other things beside it."""
END_SECONDS: Final = 60.0


def command(*arguments: str) -> list[str]:
    """`tapeflow …` of this checkout."""
    return [sys.executable, "-P", "-m", "dataflows.cli.main", *arguments]


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Wait, and return for how long (s)."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


class Exchange:
    """A simulated exchange that runs, with its truth log in `truth`."""

    def __init__(self, process: subprocess.Popen[str], address: str, control: str, truth: Path) -> None:
        self.process = process
        self.address = address
        self.truth = truth
        self._control = control

    def fault(self, name: str, seconds: float | None = None, /, **parameters: Any) -> None:
        """Turn a switch on or make a happening happen."""
        given = parameters if seconds is None else parameters | {"for": seconds}
        self._ask("POST", f"faults/{name}", given)

    def clear(self) -> None:
        """Turn all switches off."""
        self._ask("DELETE", "faults")

    def state(self) -> dict[str, Any]:
        return self._ask("GET", "")

    def _ask(self, method: str, path: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        body = None if given is None else json.dumps(given).encode()
        url = f"{self._control}/{path}".rstrip("/")
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=10) as reply:
            answer: dict[str, Any] = json.load(reply)
            return answer


@contextmanager
def exchange(folder: Path, names: Sequence[str], *options: str) -> Iterator[Exchange]:
    """`tapeflow exchange serve` with these symbols and further options, until the block ends."""
    truth = folder / "truth"
    arguments = ["exchange", "serve", "--names", ",".join(names), "--log", str(truth), "--control", "--json", *options]
    with (folder / "exchange.log").open("ab") as log:
        process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Exchange(process, ready["rest"], ready["control"], truth)
        assert process.poll() is None, (folder / "exchange.log").read_text()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Collection:
    """A collection that was started in the background of `home`."""

    def __init__(self, home: Path, session_id: str) -> None:
        self.home = home
        self.session_id = session_id
        self.folder = SessionFolder.of(home, session_id)

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Another `tapeflow` command; what it says."""
        return run_tapeflow(self.home, *arguments, expect=expect)

    @property
    def progress(self) -> SessionProgress:
        return read_progress(self.folder) or SessionProgress(status="STARTING")

    @property
    def supervisor(self) -> psutil.Process | None:
        return supervisor_of(self.folder)

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything that it has started."""
        if (supervisor := self.supervisor) is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [supervisor, *supervisor.children(recursive=True)]
        return []

    def worker(self) -> psutil.Process | None:
        """The worker process, None while there is none."""
        for process in self.processes():
            with suppress(psutil.Error):
                if "dataflows.sessions.worker" in process.cmdline():
                    return process
        return None

    def kill_worker(self) -> float:
        """Kill the worker at once (−9), and return after how many seconds its successor has recorded something."""
        worker = self.worker()
        assert worker is not None
        before = self.progress.tape_ts
        killed = time.monotonic()
        worker.kill()
        self.wait_for(lambda progress: (progress.tape_ts or 0) > (before or 0) and self._has_other(worker))
        return time.monotonic() - killed

    def _has_other(self, worker: psutil.Process) -> bool:
        found = self.worker()
        return found is not None and found.pid != worker.pid

    def wait_for(self, condition: Callable[[SessionProgress], object], seconds: float = WAIT_SECONDS) -> float:
        """Until the session's progress says so; it must not end before."""

        def look() -> bool:
            progress = self.progress
            if condition(progress):
                return True
            assert not progress.done, f"{progress.status}: {progress.error}"
            return False

        return wait_until(look, seconds, f"{self.session_id}: {self.progress}")

    def wait_recording(self, trades: int = 1, seconds: float = WAIT_SECONDS) -> float:
        """Until so many trades are recorded."""
        return self.wait_for(lambda progress: progress.trades >= trades, seconds)

    def wait_end(self, seconds: float = WAIT_SECONDS) -> SessionProgress:
        """Until the session is over and its supervisor is gone."""
        wait_until(lambda: self.supervisor is None, seconds, f"end of {self.session_id}")
        return self.progress

    def stop(self) -> SessionProgress:
        """`tapeflow stop`."""
        self.run("stop", self.session_id, "--timeout", "120")
        return self.wait_end()

    def resume(self) -> subprocess.Popen[bytes]:
        """`tapeflow resume` once it has begun; it stays in front, whoever calls waits for its end."""
        with (self.folder.path / "resume.log").open("ab") as log:
            following = subprocess.Popen(
                command("resume", self.session_id, "--json"), stdout=log, stderr=log, env=_environment(self.home)
            )
        wait_until(lambda: self.supervisor is not None and not self.progress.done, WAIT_SECONDS, "resuming the session")
        return following


def run_tapeflow(home: Path, *arguments: str, expect: int = 0) -> str:
    """A `tapeflow` command that ends by itself; what it says."""
    done = subprocess.run(
        command(*arguments), env=_environment(home), capture_output=True, text=True, timeout=_COMMAND_SECONDS
    )
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def collection(home: Path, *options: str) -> Iterator[Collection]:
    """`tapeflow collect … --background`; what still runs when the block ends is killed."""
    out = run_tapeflow(home, "collect", "--background", "--json", *options)
    started = json.loads(out.splitlines()[0])
    with _ended(Collection(home, started["session_id"])) as running:
        yield running


@contextmanager
def planned_collection(home: Path, request: CollectRequest, **changes: Any) -> Iterator[Collection]:
    """The same with a plan in which something is other than a user can ask for."""
    plan, _ = prepare_collection(home, None, request)
    folder = SessionFolder.of(home, plan.session_id)
    folder.write_plan(msgspec.structs.replace(plan, **changes))
    supervisor = launch(folder)
    try:
        with _ended(Collection(home, plan.session_id)) as running:
            yield running
    finally:
        supervisor.wait(END_SECONDS)


@contextmanager
def _ended(running: Collection) -> Iterator[Collection]:
    try:
        yield running
    finally:
        for process in running.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not any(map(is_alive, running.processes())), END_SECONDS, "end of all processes")


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "TAPEFLOW_HOME": str(home), "COLUMNS": "120"}
