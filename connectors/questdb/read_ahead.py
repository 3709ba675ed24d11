"""Fetching what comes next while the caller works on what is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Plan = TypeVar("_Plan")
_Item = TypeVar("_Item")


def read_ahead(load: Callable[[_Plan], _Item], plans: Iterable[_Plan], *, ahead: int = 2) -> Iterator[_Item]:
    """`load(plan)` for each plan, in order; threads load up to `ahead` of them before they are asked for.

    An error of `load` is raised in the place of its item. Closing the returned generator waits for what is being
    loaded and loads no more.
    """
    remaining = iter(plans)
    loading: deque[Future[_Item]] = deque()
    with ThreadPoolExecutor(ahead, thread_name_prefix="read-ahead") as pool:
        try:
            loading.extend(pool.submit(load, plan) for plan in islice(remaining, ahead))
            while loading:
                item = loading.popleft().result()
                loading.extend(pool.submit(load, plan) for plan in islice(remaining, 1))
                yield item
        finally:
            for future in loading:
                future.cancel()
