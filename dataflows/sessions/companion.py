"""A command of Tapeflow that runs beside a session and ends with it: the simulated exchange that it records.

As a process: `python -m dataflows.sessions.companion PID CREATED ARGUMENT…`; PID and CREATED identify the supervisor,
which it does not outlive.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from connectors.processes import ProcessIdentity
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.supervisor_log import say

LOG_FILE: Final = "exchange.log"
_LOOK_SECONDS: Final = 0.25
_END_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 5.0


class Companion:
    """Keeps `tapeflow ARGUMENT…` running until it is closed; where it ends by itself it is started again, with the
    arguments of that moment."""

    def __init__(self, folder: SessionFolder, arguments: Callable[[], Sequence[str]]) -> None:
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def look(self) -> None:
        """Start it where it does not run, at most every 5 s."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None and time.monotonic() - self._started < _AGAIN_SECONDS:
            return
        arguments = self._arguments()
        if self._process is not None:
            how = f"ended with code {self._process.returncode}"
            say("WARNING", f"`tapeflow {' '.join(arguments[:2])}` {how}, started again; see {LOG_FILE}")
        identity = ProcessIdentity.of(os.getpid())
        command = [sys.executable, "-P", "-m", "dataflows.sessions.companion"]
        command += [str(identity.pid), repr(identity.created), *arguments]
        with (self._folder.path / LOG_FILE).open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._started = time.monotonic()

    def close(self) -> None:
        """End it, by force where it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    supervisor = ProcessIdentity(int(sys.argv[1]), float(sys.argv[2]))
    threading.Thread(target=_watch, args=(supervisor,), daemon=True).start()
    sys.argv = ["tapeflow", *sys.argv[3:]]
    from dataflows.cli.main import main as tapeflow

    tapeflow()


def _watch(supervisor: ProcessIdentity) -> None:
    while supervisor.process() is not None:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
