"""What is wrong with a document: where, what was found, what is allowed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from operators.errors import UsageError

Location = Sequence[str | int]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_FOUND: Final = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change (or, as a warning, to think about) at the JSON path `path`."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        asks = self.allowed.startswith("did you mean")
        return f"{self.path}: found {self.found}; {'' if asks else 'allowed: '}{self.allowed}"


class InvalidStrategy(UsageError):
    """A strategy document that cannot be used; `problems` has everything that is wrong with it."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__(f"strategy {name}: {count}: " + " | ".join(map(str, problems)))


def path_of(location: Location) -> str:
    """A location as a JSON path.

    >>> path_of(("s1_signal", "when", "all", 0, "value"))
    '$.s1_signal.when.all[0].value'
    >>> path_of(("odd key",))
    '$["odd key"]'
    """
    path = "$"
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.match(step):
            path += f".{step}"
        else:
            path += f"[{json.dumps(step)}]"
    return path


def shown(value: object) -> str:
    """A value found in a document as short JSON text, printable whatever it is.

    >>> shown({"percent": 60})
    '{"percent": 60}'
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        text = f"a {type(value).__name__} (not JSON)"
    return text if len(text) <= _LONGEST_FOUND else text[: _LONGEST_FOUND - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is.

    >>> nearest("wehn", ["when", "order"])
    'when'
    """
    by_lower = {name.lower(): name for name in sorted(known)}
    found = get_close_matches(word.lower()[:100], list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A suggestion, then all that is known.

    >>> did_you_mean("wehn", ["when", "order"])
    'did you mean when? known: when, order'
    """
    suggestion = nearest(word, known)
    lead = f"did you mean {suggestion}? " if suggestion else ""
    return f"{lead}known: {', '.join(known)}"
