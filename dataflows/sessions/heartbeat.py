"""The progress row of a running session, which is also its sign of life."""

from __future__ import annotations

import os
import socket
from typing import Any

from connectors.questdb.timestamps import now_us
from dataflows.sessions.progress import SessionProgress


def progress_row(session_id: str, progress: SessionProgress) -> dict[str, Any]:
    """A row of `session_progress` for this moment (wall clock), told by this process.

    The lag is that of a collector's messages, elsewhere the distance of the tape's time from now.
    """
    now = now_us()
    records = progress.trades + progress.books
    lag_ms = progress.collected.lag_ms_p50 if progress.collected else None
    if lag_ms is None and progress.tape_ts is not None:
        lag_ms = (now - progress.tape_ts) / 1_000
    return {
        "timestamp": now,
        "session_id": session_id,
        "tape_time": progress.tape_ts,
        "records": records,
        "rate": records / progress.seconds if progress.seconds else None,
        "lag_ms": lag_ms,
        "signals": progress.signals,
        "orders": progress.orders,
        "equity": progress.equity,
        "heartbeat": now,
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }
