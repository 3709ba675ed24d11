"""Jobs of a feed that never end by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any


async def work_until(job: Coroutine[Any, Any, None], holds: Callable[[], Any]) -> None:
    """Let a job work until something holds, for 5 s at most, and cancel it."""
    running = asyncio.create_task(job)
    try:
        async with asyncio.timeout(5.0):
            while not holds():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
