"""One process of a session's dataflow: `python -m dataflows.sessions.worker FOLDER PID CREATED PROCESS [ADDRESS…]`.

PID and CREATED identify its supervisor, which it does not outlive. Ends with 0 at the end of its work or after a stop
request, with 1 and a reason in its report otherwise.
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

from connectors.processes import ProcessIdentity
from dataflows.sessions.control import requested_stop
from dataflows.sessions.folder import SessionFolder

_LOOK_SECONDS: Final = 0.25


def main() -> None:
    folder = SessionFolder(Path(sys.argv[1]))
    supervisor = ProcessIdentity(int(sys.argv[2]), float(sys.argv[3]))
    process, addresses = int(sys.argv[4]), sys.argv[5:]
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    threading.Thread(target=_watch, args=(folder, stop, supervisor), daemon=True).start()
    _run(folder, process, addresses, stop)


def _run(folder: SessionFolder, process: int, addresses: list[str], stop: threading.Event) -> None:
    # loaded after the watch has begun: a supervisor may die while this takes its second
    from bytewax.recovery import RecoveryConfig
    from bytewax.run import cli_main

    from dataflows.sessions.flows import prepared_flow
    from dataflows.sessions.reporter import Reporter, root_cause
    from operators.errors import TapeflowError

    plan = folder.plan
    reporter = Reporter(folder, process, plan)
    try:
        with prepared_flow(folder, plan, reporter, stop.is_set) as flow:
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
        sys.stderr.flush()
        # at once: threads that wait for a database that does not answer would hold the process
        os._exit(1)
    reporter.finish(stopped=stop.is_set())


def _watch(folder: SessionFolder, stop: threading.Event, supervisor: ProcessIdentity) -> None:
    """Look for a stop request; end at once when the supervisor is gone, so that no orphan keeps writing."""
    while True:
        if supervisor.process() is None:
            os._exit(1)
        if requested_stop(folder) is not None:
            stop.set()
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
