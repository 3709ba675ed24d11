"""The worker processes of a session: started together, watched, ended together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Final

from connectors.processes import ProcessIdentity, free_port
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.plan import Plan
from dataflows.sessions.worker_report import WorkerReport, read_report, worker_file
from operators.errors import TapeflowError

_LAST_WORDS_SECONDS: Final = 0.05


class WorkersFailed(TapeflowError):
    """The dataflow ended with an error; `again` says whether another try from the snapshot may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class WorkerProcesses:
    """The processes of one run of the dataflow, a cluster where the plan wants several."""

    def __init__(self, folder: SessionFolder, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all of them, with empty reports; what they say goes to the session's log."""
        count = self._plan.workers
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)] if count > 1 else []
        self._folder.clear(*(worker_file(process) for process in range(count)))
        self._processes = []
        identity = ProcessIdentity.of(os.getpid())
        with self._folder.log.open("ab") as log:
            for process in range(count):
                command = [sys.executable, "-P", "-m", "dataflows.sessions.worker", str(self._folder.path)]
                command += [str(identity.pid), repr(identity.created), str(process)]
                self._processes.append(
                    subprocess.Popen([*command, *addresses], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                )

    def ended(self) -> bool:
        """Whether all have ended well. Raises `WorkersFailed` as soon as one has not."""
        codes = [process.poll() for process in self._processes]
        if any(code not in (None, 0) for code in codes):
            raise self._failure(codes)
        return all(code == 0 for code in codes)

    def reports(self) -> list[WorkerReport]:
        """The last report of each process that has made one."""
        reports = (read_report(self._folder, process) for process in range(self._plan.workers))
        return [report for report in reports if report is not None]

    def kill(self) -> None:
        """End at once what still runs, and wait for it."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
        for process in self._processes:
            process.wait()

    def _failure(self, codes: list[int | None]) -> WorkersFailed:
        """Why the flow failed: the first stated reason, else how a process ended."""
        # the others of a cluster fail because of the first one: give it a moment to say why
        time.sleep(_LAST_WORDS_SECONDS)
        for process, code in enumerate(codes):
            report = read_report(self._folder, process)
            if code not in (None, 0) and report is not None and report.error and "PanicException" not in report.error:
                return WorkersFailed(report.error, again=report.retryable)
        code = next(code for code in codes if code not in (None, 0))
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        return WorkersFailed(f"a worker process {how}; see {self._folder.log}", again=True)
