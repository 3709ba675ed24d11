"""A lock file between processes, on every platform; the system frees it when its holder dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from connectors.questdb.errors import StorageUnavailable

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def exclusive(path: Path, timeout: float = 120.0, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path` while the body runs; waits up to `timeout` seconds for another holder, which `on_wait`
    is told of once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("ab") as file:
        while not _try_lock(file):
            if on_wait is not None:
                on_wait()
                on_wait = None
            if time.monotonic() > deadline:
                raise StorageUnavailable(f"another process has been holding {path} for {timeout:g} s")
            time.sleep(0.05)
        try:
            yield
        finally:
            _unlock(file)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file `path` now."""
    if not path.is_file():
        return False
    with path.open("ab") as file:
        if not _try_lock(file):
            return True
        _unlock(file)
    return False
