"""The supervisor of one session: `python -m dataflows.sessions.supervisor FOLDER`.

A detached process of its own, whoever started it, and the only writer of the session's version rows. It starts the
worker processes, watches them, starts them again after a crash where recovery is on, and ends the session.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
from bytewax.recovery import init_db_dir

from connectors.questdb.database import Database
from connectors.questdb.launch import free_port
from connectors.questdb.server import open_database
from connectors.questdb.sessions import SessionStore, now_us
from dataflows.sessions import control
from dataflows.sessions.control import ProcessIdentity, StopRequest
from dataflows.sessions.heartbeat import Heartbeat
from dataflows.sessions.plan import BacktestPlan, SessionFolder
from dataflows.sessions.progress import PROGRESS_FILE, SessionProgress, WorkerReport, merge, read_report, worker_file
from dataflows.sessions.recorded import RecordedSession
from dataflows.sessions.results import finish_results
from operators.errors import TapeflowError
from operators.session import SessionRecord, Status

_LOOK_SECONDS: Final = 0.05
_PROGRESS_SECONDS: Final = 1.0
_STOP_PATIENCE_SECONDS: Final = 60.0
_MOST_RESTARTS: Final = 5
_RESTART_WINDOW_SECONDS: Final = 600.0
_LONGEST_PAUSE_SECONDS: Final = 60.0


class WorkersFailed(TapeflowError):
    """The dataflow ended with an error; `again` says whether another try from the snapshot may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class Supervisor:
    """Runs one session from STARTING (or RECOVERING) to STOPPED or FAILED."""

    def __init__(self, folder: SessionFolder, plan: BacktestPlan, database: Database) -> None:
        self._folder = folder
        self._plan = plan
        self._database = database
        self._session = RecordedSession.begin(SessionStore(database), session_record(plan))
        self._workers: list[subprocess.Popen[bytes]] = []
        self._restarts = 0
        self._crashes: deque[float] = deque()
        self._spent_seconds = 0.0

    def run(self) -> SessionProgress:
        """Run to the end and return the final progress; a failing session is stored as FAILED with its reason."""
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - the reason is stored, whatever it is
            reason = str(error) if isinstance(error, TapeflowError) else f"{type(error).__name__}: {error}"
            self._kill_workers()
            self._store_failure(reason)
            return self._final(Status.FAILED, None, reason)
        finally:
            self._kill_workers()
        return self._final(self._session.record.status, self._ended, None)

    def _run(self) -> None:
        if self._plan.recovery and not self._folder.recovery.is_dir():
            # whole or not at all: a half-made store could never be resumed from
            fresh = self._folder.recovery.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            init_db_dir(fresh, self._plan.workers)
            fresh.rename(self._folder.recovery)
        self._session.move(Status.RUNNING, "running")
        with contextlib.closing(Heartbeat(self._database, self._plan.session_id)) as heartbeat:
            while True:
                try:
                    self._start_workers()
                    self._ended = self._watch(heartbeat)
                    break
                except WorkersFailed as failure:
                    self._kill_workers()
                    if not (failure.again and self._plan.recovery):
                        raise
                    if self._stopped_before_restart(failure):
                        self._ended = "stopped"
                        break
        progress = self._progress(Status.STOPPING)
        self._session.move(
            Status.STOPPING,
            "end of the tape" if self._ended == "tape" else "stop requested",
            records_collected=progress.trades + progress.books,
            prices_count=progress.trades,
            orderbook_count=progress.books,
        )
        self._folder.write(PROGRESS_FILE, progress)
        result_hash = finish_results(self._database, self._session.record)
        self._session.move(
            Status.STOPPED,
            "finished" if self._ended == "tape" else "stopped on request",
            result_hash=result_hash,
            end_time=now_us(),
        )

    def _start_workers(self) -> None:
        count = self._plan.workers
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)] if count > 1 else []
        self._folder.clear(*(worker_file(process) for process in range(count)))
        self._workers = []
        identity = ProcessIdentity.of(os.getpid())
        with self._folder.log.open("ab") as log:
            for process in range(count):
                command = [sys.executable, "-P", "-m", "dataflows.sessions.worker", str(self._folder.path)]
                command += [str(identity.pid), repr(identity.created), str(process)]
                self._workers.append(
                    subprocess.Popen([*command, *addresses], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                )

    def _watch(self, heartbeat: Heartbeat) -> str:
        """Until all worker processes have ended well: `tape` or `stopped`. Raises `WorkersFailed`."""
        next_progress = 0.0
        stop_since: float | None = None
        while True:
            codes = [worker.poll() for worker in self._workers]
            if any(code not in (None, 0) for code in codes):
                raise self._failure(codes)
            if all(code == 0 for code in codes):
                return "stopped" if any(report.ended == "stopped" for report in self._reports()) else "tape"
            request = control.requested_stop(self._folder)
            if request is not None:
                stop_since = stop_since or time.monotonic()
                if request is StopRequest.NOW or time.monotonic() - stop_since > _STOP_PATIENCE_SECONDS:
                    raise WorkersFailed("ended at once on request, before everything was written", again=False)
            if time.monotonic() >= next_progress:
                next_progress = time.monotonic() + _PROGRESS_SECONDS
                progress = self._progress(self._session.record.status)
                self._folder.write(PROGRESS_FILE, progress)
                heartbeat.beat(progress)
            time.sleep(_LOOK_SECONDS)

    def _failure(self, codes: list[int | None]) -> WorkersFailed:
        """Why the flow failed: the first stated reason, else how a process ended."""
        # the others of a cluster fail because of the first one: give it a moment to say why
        time.sleep(_LOOK_SECONDS)
        for process, code in enumerate(codes):
            report = read_report(self._folder, process)
            if code not in (None, 0) and report is not None and report.error and "PanicException" not in report.error:
                return WorkersFailed(report.error, again=report.retryable)
        code = next(code for code in codes if code not in (None, 0))
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        return WorkersFailed(f"a worker process {how}; see {self._folder.log}", again=True)

    def _stopped_before_restart(self, failure: WorkersFailed) -> bool:
        """Wait before the next try; True where a stop was asked for meanwhile."""
        now = time.monotonic()
        self._crashes.append(now)
        while self._crashes and now - self._crashes[0] > _RESTART_WINDOW_SECONDS:
            self._crashes.popleft()
        if len(self._crashes) > _MOST_RESTARTS:
            raise WorkersFailed(f"{len(self._crashes)} crashes in ten minutes; the last: {failure}", again=False)
        self._session.move(Status.RECOVERING, "crash", error=str(failure), errors_count=self._restarts + 1)
        pause = min(2.0 ** (len(self._crashes) - 1), _LONGEST_PAUSE_SECONDS)
        self._folder.write(PROGRESS_FILE, self._progress(Status.RECOVERING))
        resume_at = now + pause
        while time.monotonic() < resume_at:
            if control.requested_stop(self._folder) is not None:
                return True
            time.sleep(_LOOK_SECONDS)
        self._spent_seconds += max((report.seconds for report in self._reports()), default=0.0)
        self._restarts += 1
        self._reopen_database()
        self._session.move(Status.RUNNING, f"started again after {pause:g} s", error=None)
        return False

    def _reopen_database(self) -> None:
        """The managed server may be what died, and may come back on other ports."""
        self._database = open_database(Path(self._plan.home), self._plan.database)
        self._session.store = SessionStore(self._database)

    def _reports(self) -> list[WorkerReport]:
        reports = (read_report(self._folder, process) for process in range(self._plan.workers))
        return [report for report in reports if report is not None]

    def _progress(self, status: Status) -> SessionProgress:
        progress = merge(status, self._reports(), self._restarts)
        progress.seconds += self._spent_seconds
        return progress

    def _final(self, status: Status, ended: str | None, error: str | None) -> SessionProgress:
        progress = self._progress(status)
        progress.done, progress.ended, progress.error = True, ended, error
        return progress

    def _kill_workers(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
        for worker in self._workers:
            worker.wait()

    def _store_failure(self, reason: str) -> None:
        """The database may be what failed: start the managed one again where it is ours; else the reason stays in the
        session's folder and in its log."""
        try:
            self._reopen_database()
            self._session.move(Status.FAILED, "failed", error=reason, end_time=now_us())
        except Exception as error:  # noqa: BLE001 - the end must be told in any case
            print(f"the end of the session could not be stored: {error}", file=sys.stderr)


def session_record(plan: BacktestPlan) -> SessionRecord:
    """The session as its first version row has it. A database's configuration may hold a password: left out."""
    public = msgspec.structs.replace(plan, database="external" if plan.database else None)
    return SessionRecord(
        session_id=plan.session_id,
        mode="backtest",
        symbols=plan.symbols,
        data_types=tuple(sorted({stream for streams in plan.streams.values() for stream in streams})),
        config=msgspec.json.encode(public).decode(),
        tape_from=plan.from_ts,
        tape_to=plan.to_ts,
        source_session_id=plan.source_session_id,
        strategy_hashes=plan.strategy_hashes,
        accounts_hash=plan.accounts_hash,
    )


def main() -> None:
    folder = SessionFolder(Path(sys.argv[1]).absolute())
    folder.write(control.SUPERVISOR_FILE, ProcessIdentity.of(os.getpid()))

    def on_signal(number: int, frame: FrameType | None) -> None:
        control.request_stop(folder)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        plan = folder.plan
        progress = Supervisor(folder, plan, open_database(Path(plan.home), plan.database)).run()
    except TapeflowError as error:
        progress = SessionProgress(status=Status.FAILED, done=True, error=str(error))
    folder.write(PROGRESS_FILE, progress)
    sys.exit(0 if progress.status == Status.STOPPED else 1)


if __name__ == "__main__":
    main()
