"""The supervisor of one session: `python -m dataflows.sessions.supervisor FOLDER`.

A detached process of its own, whoever started it, and the only writer of the session's version rows. It starts the
worker processes, watches them, starts them again after a crash where recovery is on, and ends the session.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
from bytewax.recovery import init_db_dir

from connectors.processes import ProcessIdentity
from connectors.questdb.database import Database
from connectors.questdb.server import open_database, revive_database
from connectors.questdb.sessions import SessionStore
from connectors.questdb.timestamps import now_us
from dataflows.sessions import control
from dataflows.sessions.companion import Companion
from dataflows.sessions.control import StopRequest
from dataflows.sessions.courier import Courier
from dataflows.sessions.folder import SessionFolder
from dataflows.sessions.heartbeat import progress_row
from dataflows.sessions.outcome import earlier_progress, first_version, last_words, measured
from dataflows.sessions.plan import BacktestPlan, CollectPlan, Plan
from dataflows.sessions.progress import PROGRESS_FILE, SessionProgress, merge
from dataflows.sessions.recorded import RecordedSession
from dataflows.sessions.restarts import RestartPolicy
from dataflows.sessions.results import finish_results
from dataflows.sessions.supervisor_log import say
from dataflows.sessions.versions import VersionSpool, write_waiting_versions
from dataflows.sessions.workers import WorkerProcesses, WorkersFailed
from operators.errors import TapeflowError
from operators.session import Status

_LOOK_SECONDS: Final = 0.05
_PROGRESS_SECONDS: Final = 1.0
_STOP_PATIENCE_SECONDS: Final = 120.0
_LAST_ROWS_SECONDS: Final = 30.0
_AWAY_SECONDS: Final = 5.0


class Supervisor:
    """Runs one session from STARTING (or RECOVERING) to STOPPED or FAILED.

    Starting needs the database. From then on a collector goes on without it: versions and progress are kept and
    written when it is back, a crashed worker is started again, and the session can be stopped.
    """

    def __init__(
        self, folder: SessionFolder, plan: Plan, database: Database, restarts: RestartPolicy | None = None
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._database = database
        home = Path(plan.home)
        VersionSpool(folder).write(database)
        write_waiting_versions(home, plan.database, database)
        store = SessionStore(database)
        earlier = store.latest(plan.session_id)
        self._session = RecordedSession.begin(store, first_version(plan, earlier))
        # from here on nothing waits for the database but what needs it
        self._courier = Courier(folder, database, partial(revive_database, home, plan.database))
        self._session.store = self._courier
        self._workers = WorkerProcesses(folder, plan)
        self._simulated = plan.simulated if isinstance(plan, CollectPlan) else ()
        self._exchange = Companion(folder, self._serve_exchange) if self._simulated else None
        self._policy = restarts or RestartPolicy()
        self._restarts = 0
        self._spent_seconds = 0.0
        self._known = earlier_progress(plan, earlier)

    def run(self) -> SessionProgress:
        """Run to the end and return the final progress; a failing session is stored as FAILED with its reason."""
        error: str | None = None
        ended: str | None = None
        try:
            ended = self._run()
        except BaseException as failure:  # noqa: BLE001 - the reason is stored, whatever it is
            error = str(failure) if isinstance(failure, TapeflowError) else f"{type(failure).__name__}: {failure}"
        self._workers.kill()
        if self._exchange is not None:
            self._exchange.close()
        if error is not None:
            self._fail(error)
        # a recording may end without the database, a backtest is nothing without it
        patient = isinstance(self._plan, BacktestPlan) or not self._courier.away
        written = self._courier.close(_LAST_ROWS_SECONDS if patient else _AWAY_SECONDS)
        progress = self._progress(self._session.record.status)
        progress.done, progress.ended, progress.error = True, ended, error
        progress.cause = self._session.record.cause
        if not written:
            kept = f"the last versions of session {self._plan.session_id} wait in {self._folder.path}"
            say("WARNING", f"{kept}; `tapeflow db drain` or the next start of a session writes them")
        return progress

    def _run(self) -> str:
        self._prepare_recovery()
        self._session.move(Status.RUNNING, "running")
        ended, crashed = self._work()
        progress = self._progress(Status.STOPPING)
        stopping, stopped = last_words(self._plan, ended, progress, crashed=crashed)
        self._session.move(Status.STOPPING, stopping, **measured(progress))
        self._tell(progress)
        if isinstance(self._plan, BacktestPlan):
            self._session.update(result_hash=finish_results(self._database, self._session.record))
        self._session.move(Status.STOPPED, stopped, end_time=now_us())
        return ended

    def _work(self) -> tuple[str, bool]:
        """Run the workers, again and again where they crash, until they have ended well or a stop came between two
        runs: how it ended, and whether that was it. Raises `WorkersFailed`."""
        while True:
            self._spent_seconds = self._known.seconds
            try:
                self._workers.start()
                return self._watch(), False
            except WorkersFailed as failure:
                self._workers.kill()
                if not (failure.again and self._plan.recovery):
                    raise
                if self._stopped_before_restart(failure):
                    return "stopped", True

    def _prepare_recovery(self) -> None:
        if self._plan.recovery and not self._folder.recovery.is_dir():
            # whole or not at all: a half-made store could never be resumed from
            fresh = self._folder.recovery.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            init_db_dir(fresh, self._plan.workers)
            fresh.rename(self._folder.recovery)

    def _watch(self) -> str:
        """Until all worker processes have ended well: how, as in their reports. Raises `WorkersFailed`."""
        next_progress = 0.0
        patience = _Patience(_STOP_PATIENCE_SECONDS)
        while not self._workers.ended():
            request = control.requested_stop(self._folder)
            if request is StopRequest.NOW or (request and patience.is_over(self._progress(Status.STOPPING))):
                raise WorkersFailed("ended at once on request, before everything was written", again=False)
            if self._exchange is not None:
                self._exchange.look()
            if time.monotonic() >= next_progress:
                next_progress = time.monotonic() + _PROGRESS_SECONDS
                progress = self._progress(self._session.record.status)
                self._tell(progress)
                self._courier.beat(progress_row(self._plan.session_id, progress))
            time.sleep(_LOOK_SECONDS)
        ends = {report.ended for report in self._workers.reports() if report.ended}
        return "stopped" if "stopped" in ends or not ends else sorted(ends)[0]

    def _stopped_before_restart(self, failure: WorkersFailed) -> bool:
        """Wait before the next try; True where a stop was asked for meanwhile. Raises where there is none."""
        pause = self._policy.crashed(time.monotonic())
        if pause is None:
            crashes = f"{self._policy.most + 1} crashes in {self._policy.window_seconds / 60:g} minutes"
            raise WorkersFailed(f"{crashes}; the last: {failure}", again=False)
        say("WARNING", f"crash: {failure}; started again in {pause:g} s")
        self._restarts += 1
        progress = self._progress(Status.RECOVERING)
        errors = {"errors_count": self._restarts} | measured(progress)
        self._session.move(Status.RECOVERING, "crash", error=str(failure), **errors)
        self._tell(progress)
        resume_at = time.monotonic() + pause
        while time.monotonic() < resume_at:
            if control.requested_stop(self._folder) is not None:
                return True
            time.sleep(_LOOK_SECONDS)
        if isinstance(self._plan, BacktestPlan):
            # the managed server may be what died, and may come back on other ports
            self._database = open_database(Path(self._plan.home), self._plan.database)
        self._session.move(Status.RUNNING, f"started again after {pause:g} s", error=None)
        return False

    def _progress(self, status: Status) -> SessionProgress:
        """The progress of this moment: what the workers say, or what they said last before they were started anew."""
        reports = self._workers.reports()
        if any(report.tape_ts is not None for report in reports):
            self._known = merge(status, reports, self._restarts)
            self._known.seconds += self._spent_seconds
        progress = msgspec.structs.replace(self._known, status=status, restarts=self._restarts)
        progress.database_away |= self._courier.away
        return progress

    def _serve_exchange(self) -> list[str]:
        """How the simulated exchange is started now. Its time goes on after that of the tape, which may have run ahead
        of ours."""
        command = ["exchange", "serve", *self._simulated]
        reached = self._progress(self._session.record.status).tape_ts
        if reached is not None and (reached > now_us() or "--start" in command):
            command += ["--start", datetime.fromtimestamp(reached / 1e6, UTC).isoformat()]
        return command

    def _tell(self, progress: SessionProgress) -> None:
        """Say it to those who follow; that it cannot be said, on a full disk, is no reason to end."""
        try:
            self._folder.write(PROGRESS_FILE, progress)
        except OSError as error:
            say("WARNING", f"progress cannot be told: {error}")

    def _fail(self, reason: str) -> None:
        say("CRITICAL", f"session {self._plan.session_id} FAILED: {reason}")
        facts = measured(self._progress(Status.FAILED))
        self._session.move(Status.FAILED, "failed", error=reason, end_time=now_us(), **facts)


class _Patience:
    """How long workers may take to end after a stop request: `seconds` since they last got anywhere."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = 0.0
        self._seen: tuple[object, ...] = ()

    def is_over(self, progress: SessionProgress) -> bool:
        seen = (progress.tape_ts, progress.trades, progress.books, progress.collected)
        now = time.monotonic()
        if seen != self._seen:
            self._since, self._seen = now, seen
        return now - self._since > self._seconds


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
        say("CRITICAL", f"session {folder.path.name} cannot start: {error}")
        progress = SessionProgress(status=Status.FAILED, done=True, error=str(error))
    folder.write(PROGRESS_FILE, progress)
    sys.exit(0 if progress.status == Status.STOPPED else 1)


if __name__ == "__main__":
    main()
