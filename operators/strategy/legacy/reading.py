"""Looking into objects whose keys are written in any style, and remembering what nobody has looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from operators.strategy.problems import Location, Problem, path_of, shown

NOTHING_LIKE_IT = "nothing: this program knows nothing like it"


def plain_key(key: str) -> str:
    """A key without its style.

    >>> plain_key("timeoutSeconds") == plain_key("timeout_seconds") == plain_key("Timeout-Seconds")
    True
    """
    return re.sub(r"[^a-z0-9]", "", key.lower())


class Reader:
    """An object of an older document. `take` gives what stands under any of the names, once (`taken_from` is where
    that was); `leave` tells what was never taken."""

    def __init__(self, data: Mapping[str, Any], location: Location, problems: list[Problem]) -> None:
        self.location = tuple(location)
        self.taken_from = self.location
        self._data = data
        self._problems = problems
        self._waiting = list(data)

    def take(self, *names: str) -> Any:
        """The value under the first of the keys that means one of these names; None where there is none."""
        for key in self._waiting:
            if plain_key(key) in names:
                self._waiting.remove(key)
                self.taken_from = (*self.location, key)
                return self._data[key]
        return None

    def take_object(self, *names: str) -> Reader | None:
        """The same for an object. What is something else is a problem."""
        value = self.take(*names)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Reader(value, self.taken_from, self._problems)
        self.refuse(value, "an object")
        return None

    def take_number(self, *names: str) -> float | None:
        """The same for a number, which may be written as text. What is something else is a problem."""
        value = self.take(*names)
        if value is None:
            return None
        number = as_number(value)
        if number is None:
            self.refuse(value, "a number")
        return number

    def refuse(self, value: object, allowed: str) -> None:
        """What was taken last cannot be used."""
        self._problems.append(Problem(path_of(self.taken_from), shown(value), allowed))

    def leave(self, allowed: str = NOTHING_LIKE_IT, *names: str) -> None:
        """What has not been taken (of these names, or at all) is not converted, and that is said."""
        for key, value in list(self._rest()):
            if not names or plain_key(key) in names:
                self._waiting.remove(key)
                self._problems.append(Problem(path_of((*self.location, key)), shown(value), allowed))

    def _rest(self) -> Iterator[tuple[str, Any]]:
        return ((key, self._data[key]) for key in self._waiting)


def as_number(value: object) -> float | None:
    """A number, or text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
