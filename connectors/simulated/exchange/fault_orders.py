"""Faults in words: on the command line, in a TOML file, and when they are due.

    frozen_streams=symbols:AEVO_USDT+W_USDT,channels:depth
    30s:held_streams=symbols:AEVO_USDT for 10s

In a TOML file each `[[fault]]` has `name`, the parameters, and `at` (default: the start) and `for` where wanted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connectors.simulated.exchange.fault_kinds import InvalidFault
from connectors.simulated.exchange.fault_table import kind_of

_SCHEDULED: Final = re.compile(r"\s*([^:=\s]+)\s*:\s*(.*?)(?:(?:\s+|:\s*)for\s+(\S+))?\s*", re.DOTALL)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault that is to come `at` so many seconds (wall time) after the start, for so many `seconds` (None: until it
    is cleared). `values` are complete and checked."""

    name: str
    values: dict[str, Any]
    at: float = 0.0
    seconds: float | None = None

    @property
    def is_happening(self) -> bool:
        return kind_of(self.name).happening


def parse_fault(text: str, at: float = 0.0, seconds: float | None = None) -> FaultOrder:
    """`name` or `name=key:value,key:value`; several names in a value are joined with `+`.

    >>> parse_fault("ping_rule=seconds:5").values
    {'seconds': 5.0, 'notice': True}
    """
    name, _, rest = text.strip().partition("=")
    given: dict[str, str] = {}
    for pair in rest.split(",") if rest.strip() else ():
        key, colon, value = pair.partition(":")
        if not colon or not key.strip():
            raise InvalidFault(f"fault {text!r}: found {pair.strip()!r}, allowed is key:value")
        given[key.strip()] = value.strip()
    return _order(name.strip(), given, at, seconds)


def parse_scheduled(text: str) -> FaultOrder:
    """`30s:name=…`, with ` for 10s` at the end where it is to go off by itself.

    >>> order = parse_scheduled("1.5m:ping_rule=seconds:5 for 10s")
    >>> order.name, order.at, order.seconds
    ('ping_rule', 90.0, 10.0)
    """
    found = _SCHEDULED.fullmatch(text)
    if found is None:
        raise InvalidFault(f"scheduled fault {text!r}: allowed is 30s:name=key:value, with ' for 10s' where wanted")
    seconds = None if found[3] is None else _seconds(found[3])
    return parse_fault(found[2], _seconds(found[1]), seconds)


def read_schedule(path: Path) -> list[FaultOrder]:
    """The faults of a TOML file. Raises `InvalidFault` with the file's name."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFault(f"{path}: {error}") from None
    tables = document.get("fault", [])
    unknown = [key for key in document if key != "fault"]
    if unknown or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InvalidFault(f"{path}: found {', '.join(unknown) or 'fault = …'}, allowed are tables [[fault]]")
    try:
        return [_of_table(dict(table)) for table in tables]
    except InvalidFault as error:
        raise InvalidFault(f"{path}: {error}") from None


def in_order(orders: Iterable[FaultOrder]) -> list[FaultOrder]:
    """By time; those of one time as they were given."""
    return sorted(orders, key=lambda order: order.at)


def _of_table(table: dict[str, Any]) -> FaultOrder:
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise InvalidFault(f"a fault has the name {name!r}; allowed is one of the table of faults")
    at, seconds = table.pop("at", 0), table.pop("for", None)
    return _order(name, table, _seconds(at), None if seconds is None else _seconds(seconds))


def _order(name: str, given: dict[str, Any], at: float, seconds: float | None) -> FaultOrder:
    kind = kind_of(name)
    if kind.happening and seconds is not None:
        raise InvalidFault(f"fault {name} happens at once; it cannot go on for {seconds:g} s")
    return FaultOrder(name, kind.values(given), at, seconds)


def _seconds(value: Any) -> float:
    found = _DURATION.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None:
        raise InvalidFault(
            f"found the time {value!r}; allowed is a number of seconds, or one with ms, s, m or h such as 1.5m"
        )
    return float(found[1]) * _SECONDS[found[2]]
