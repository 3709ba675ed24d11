"""What a fault of the simulated exchange is: its name, its meaning and its parameters.

A *switch* changes how the exchange behaves until it is cleared; a *happening* is over at once. The table of
all of them is `fault_table`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from operators.errors import UsageError


class InvalidFault(UsageError):
    """A fault that does not exist, or with parameters that it does not have."""


class ValueKind(StrEnum):
    """What a parameter may hold."""

    NUMBER = "a number"
    COUNT = "a whole number"
    FLAG = "yes or no"
    NAMES = "names joined with +"
    WORD = "a word"
    ANYTHING = "a number, yes, no or text"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fault; `words` are the allowed ones of a WORD. One without a default must be given."""

    name: str
    kind: ValueKind
    default: Any
    meaning: str
    low: float = 0.0
    high: float = 1e9
    words: tuple[str, ...] = ()

    def read(self, fault: str, value: Any) -> Any:
        """A value from the command line (text), from TOML or from JSON. Raises `InvalidFault`."""
        read = _READERS[self.kind](value)
        good = read is not None
        if good and self.kind in (ValueKind.NUMBER, ValueKind.COUNT):
            good = math.isfinite(read) and self.low <= read <= self.high
        if good and self.words:
            good = read in self.words if self.kind is ValueKind.WORD else set(read) <= set(self.words)
        if not good:
            raise InvalidFault(f"fault {fault}: {self.name} is {value!r}; allowed: {self.allowed}")
        return read

    @property
    def default_text(self) -> str:
        """The default as it is written on the command line."""
        if self.default is None:
            return "must be given"
        if isinstance(self.default, bool):
            return "yes" if self.default else "no"
        if isinstance(self.default, tuple):
            return "+".join(self.default) or "all"
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.words:
            return ", ".join(self.words) + (", joined with +" if self.kind is ValueKind.NAMES else "")
        if self.kind in (ValueKind.NUMBER, ValueKind.COUNT):
            return f"{self.kind} from {self.low:g} to {self.high:g}"
        return str(self.kind)


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the table."""

    rows: tuple[int, ...]
    name: str
    meaning: str
    parameters: tuple[Parameter, ...] = ()
    happening: bool = False

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters, the missing ones with their defaults. Raises `InvalidFault`."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise InvalidFault(
                    f"fault {self.name} has no parameter {name!r}; allowed: {', '.join(known) or 'none at all'}"
                )
        values = {name: parameter.default for name, parameter in known.items()}
        values |= {name: known[name].read(self.name, value) for name, value in given.items()}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise InvalidFault(f"fault {self.name} needs {' and '.join(missing)}; found none")
        return values


def _read_number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _read_count(value: Any) -> int | None:
    number = _read_number(value)
    return int(number) if number is not None and number.is_integer() else None


def _read_flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"yes": True, "true": True, "no": False, "false": False}.get(str(value).lower())


def _read_names(value: Any) -> tuple[str, ...] | None:
    names = value.split("+") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        return None
    return tuple(names)


def _read_word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _read_anything(value: Any) -> Any:
    if not isinstance(value, str):
        return value if isinstance(value, bool | int | float) else None
    for read in (_read_count, _read_number, _read_flag):
        if (found := read(value)) is not None:
            return found
    return value


_READERS: Final = {
    ValueKind.NUMBER: _read_number,
    ValueKind.COUNT: _read_count,
    ValueKind.FLAG: _read_flag,
    ValueKind.NAMES: _read_names,
    ValueKind.WORD: _read_word,
    ValueKind.ANYTHING: _read_anything,
}
