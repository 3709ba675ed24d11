"""Fetching what comes next while the caller works on what is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any, TypeVar

_Item = TypeVar("_Item")


def read_ahead(pages: Iterator[_Item], *, ahead: int = 1) -> Iterator[_Item]:
    """The same items, fetched by a thread `ahead` items before they are asked for; its errors are raised here.

    Closing the returned generator ends the thread.
    """
    queue: Queue[tuple[bool, Any]] = Queue(maxsize=ahead)
    closed = threading.Event()

    def put(item: tuple[bool, Any]) -> bool:
        while not closed.is_set():
            try:
                queue.put(item, timeout=0.2)
            except Full:
                continue
            return True
        return False

    def fetch() -> None:
        try:
            for page in pages:
                if not put((True, page)):
                    return
            put((False, None))
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            put((False, error))

    thread = threading.Thread(target=fetch, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                is_page, value = queue.get(timeout=0.2)
            except Empty:
                continue
            if is_page:
                yield value
            elif value is None:
                return
            else:
                raise value
    finally:
        closed.set()
