"""One process of a session's dataflow: `python -m dataflows.sessions.worker FOLDER PROCESS [ADDRESS…]`.

Ends with 0 at the end of the tape or after a stop request, with 1 and a reason in its report otherwise. It does not
outlive its supervisor.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

import psutil
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from connectors.questdb.server import open_database
from dataflows.backtest import backtest_flow
from dataflows.sessions.control import requested_stop
from dataflows.sessions.plan import SessionFolder
from dataflows.sessions.progress import Reporter, root_cause
from operators.errors import TapeflowError

_LOOK_SECONDS: Final = 0.25


def main() -> None:
    folder = SessionFolder(Path(sys.argv[1]))
    process, addresses = int(sys.argv[2]), sys.argv[3:]
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    threading.Thread(target=_watch, args=(folder, stop, os.getppid()), daemon=True).start()
    plan = folder.plan
    reporter = Reporter(folder, process, plan)
    try:
        database = open_database(Path(plan.home), plan.database)
        flow = backtest_flow(
            plan,
            database,
            stop_requested=stop.is_set,
            on_progress=reporter.on_progress,
            on_rows=reporter.on_rows,
            on_error=reporter.fail,
        )
        cli_main(
            flow,
            workers_per_process=plan.threads,
            process_id=process if addresses else None,
            addresses=addresses or None,
            epoch_interval=timedelta(seconds=plan.epoch_seconds),
            recovery_config=RecoveryConfig(str(folder.recovery)) if plan.recovery else None,
        )
    except BaseException as error:  # noqa: BLE001 - whatever ends a flow is reported; a Rust panic is no Exception
        reporter.fail(error)
        if not isinstance(root_cause(error), TapeflowError):
            sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    reporter.finish()


def _watch(folder: SessionFolder, stop: threading.Event, supervisor: int) -> None:
    """Look for a stop request; end at once when the supervisor is gone, so that no orphan keeps writing."""
    while True:
        if os.getppid() != supervisor or not psutil.pid_exists(supervisor):
            os._exit(1)
        if requested_stop(folder) is not None:
            stop.set()
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
